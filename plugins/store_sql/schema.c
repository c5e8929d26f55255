/* The schema, taken from etc/sql when the plugin is assembled: there is no second copy of it. */
#include "schema.h"

#include <stdio.h>

/* NOLINTBEGIN(bugprone-macro-parentheses): a name that is declared cannot stand in them */
#define EMBED(name, file)                                                                          \
    __asm__(".section .rodata\n" #name ":\n.incbin \"" file "\"\n.byte 0\n.previous\n");           \
    extern const char name[]
/* NOLINTEND(bugprone-macro-parentheses) */

EMBED(schema_sqlite_1, "sql/sqlite/001_codes.sql");
EMBED(schema_postgresql_1, "sql/postgresql/001_codes.sql");

/* What leads to version 1, 2, …; the files are where they are installed. */
static const struct {
    const char *file[2];
    const char *text[2];
} steps[SCHEMA_VERSION] = {
    {{CMPD_SQL_DIR "/sqlite/001_codes.sql", CMPD_SQL_DIR "/postgresql/001_codes.sql"},
     {schema_sqlite_1, schema_postgresql_1}},
};

const char *schema_step(schema_engine engine, int version)
{
    return steps[version].text[engine];
}

bool schema_good(schema_engine engine, int64_t version, char *error, size_t error_size)
{
    if (version > SCHEMA_VERSION) {
        snprintf(error, error_size,
                 "the schema has version %lld, and this program knows %d: it is too old for it",
                 (long long)version, SCHEMA_VERSION);
        return false;
    }
    if (version < SCHEMA_VERSION) {
        const int64_t from = version < 0 ? 0 : version;
        snprintf(error, error_size, "the schema has version %lld, and %d is needed: run %s",
                 (long long)from, SCHEMA_VERSION, steps[from].file[engine]);
        return false;
    }
    return true;
}
