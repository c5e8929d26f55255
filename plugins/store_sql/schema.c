/* SPDX-License-Identifier: Apache-2.0 */
/* The schema, taken from etc/sql when the plugin is assembled: there is no second copy of it. */
#include "schema.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* NOLINTBEGIN(bugprone-macro-parentheses): a name that is declared cannot stand in them */
#define EMBED(name, file)                                                                          \
    __asm__(".section .rodata\n" #name ":\n.incbin \"" file "\"\n.byte 0\n.previous\n");           \
    extern const char name[]
/* NOLINTEND(bugprone-macro-parentheses) */

EMBED(schema_sqlite_1, "sql/sqlite/001_codes.sql");
EMBED(schema_postgresql_1, "sql/postgresql/001_codes.sql");

/* What leads to version 1, 2, … */
static const struct {
    const char *file[2];
    const char *text[2];
} steps[SCHEMA_VERSION] = {
    {{"sqlite/001_codes.sql", "postgresql/001_codes.sql"}, {schema_sqlite_1, schema_postgresql_1}},
};

/* Where an operator finds it: installed at a known place from this plugin, whatever the prefix was,
 * or else in the source. */
static void file_of(const char *step, char *path, size_t room)
{
    Dl_info where;
    char folder[PATH_MAX];
    if (dladdr(steps, &where) != 0 && where.dli_fname != NULL &&
        realpath(where.dli_fname, folder) != NULL) {
        *strrchr(folder, '/') = '\0';
        snprintf(path, room, "%s/" CMPD_SQL_FROM_PLUGIN "/%s", folder, step);
        char *found = realpath(path, NULL);
        if (found != NULL) {
            snprintf(path, room, "%s", found);
            free(found);
            return;
        }
    }
    snprintf(path, room, "etc/sql/%s", step);
}

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
        char file[2 * PATH_MAX];
        file_of(steps[from].file[engine], file, sizeof(file));
        snprintf(error, error_size, "the schema has version %lld, and %d is needed: run %s",
                 (long long)from, SCHEMA_VERSION, file);
        return false;
    }
    return true;
}
