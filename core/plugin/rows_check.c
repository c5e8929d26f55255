/* SPDX-License-Identifier: Apache-2.0 */
/* Rows come from strangers' code, and the core writes to memory along them: so all that they say is
 * checked once, when the plugin is loaded. */
#include "plugin/rows_check.h"

#include "conf/schema.h"
#include "conf/value.h"

#include <stdarg.h>
#include <stdio.h>

#define CHOICES_MAX 256
#define NAME_MAX_   64
#define TEXT_MAX    256

typedef struct checking {
    const char *const *reserved;
    char *error;
    size_t error_size;
    unsigned depth;
    char path[128]; /* of the table, with a dot at its end */
} checking;

static bool wrong(const checking *k, size_t at, const cmp_option *row, const char *format, ...)
    CMP_PRINTF(4, 5);

static bool wrong(const checking *k, size_t at, const cmp_option *row, const char *format, ...)
{
    char why[256];
    va_list args;
    va_start(args, format);
    vsnprintf(why, sizeof(why), format, args);
    va_end(args);
    const char *name = row->name;
    snprintf(k->error, k->error_size, "option row %zu (%s%.*s): %s", at + 1, k->path, NAME_MAX_,
             name, why);
    return false;
}

/* Lower-case words, as all keys of a configuration are written. */
static bool name_good(const char *name)
{
    const size_t size = strnlen(name, NAME_MAX_ + 1);
    bool good = size > 0 && size <= NAME_MAX_;
    for (size_t i = 0; i < size && good; i++) {
        const char c = name[i];
        good =
            (c >= 'a' && c <= 'z') || (i > 0 && ((c >= '0' && c <= '9') || c == '_' || c == '-'));
    }
    return good;
}

/* At the top alone: `use` and `cache` stand beside a plugin's options, not inside its groups. */
static bool name_taken(const checking *k, const cmp_option *rows, size_t at)
{
    for (size_t i = 0; k->depth == 0 && k->reserved[i] != NULL; i++) {
        if (strcmp(k->reserved[i], rows[at].name) == 0) {
            return true;
        }
    }
    for (size_t i = 0; i < at; i++) {
        if (strcmp(rows[i].name, rows[at].name) == 0) {
            return true;
        }
    }
    return false;
}

static bool help_good(const char *help)
{
    return help != NULL && help[0] != '\0' && strnlen(help, TEXT_MAX + 1) <= TEXT_MAX &&
           strchr(help, '\n') == NULL;
}

static bool check_words(const checking *k, const cmp_option *rows, size_t at)
{
    const cmp_option *row = &rows[at];
    if (!name_good(row->name)) {
        return wrong(k, at, row, "a name is a letter and up to 63 of a-z, 0-9, _ and -");
    }
    if (name_taken(k, rows, at)) {
        return wrong(k, at, row, "the name is taken by another row, or by the host");
    }
    if ((unsigned)row->type > CMP_OPTION_RAW) {
        return wrong(k, at, row, "type %d is none of ABI %d.%d", (int)row->type, CMP_ABI_MAJOR,
                     CMP_ABI_MINOR);
    }
    if (!help_good(row->help)) {
        return wrong(k, at, row, "help is one line of at most %d octets", TEXT_MAX);
    }
    if ((row->flags & ~(unsigned)CMP_OPTION_REQUIRED) != 0) {
        return wrong(k, at, row, "flags 0x%x are none of ABI %d.%d", row->flags, CMP_ABI_MAJOR,
                     CMP_ABI_MINOR);
    }
    return true;
}

/* Numbers, pointers and lists all want as much as a pointer. */
static size_t alignment_of(const cmp_option *row)
{
    switch (row->type) {
    case CMP_OPTION_BOOLEAN:
        return _Alignof(bool);
    case CMP_OPTION_ENUM:
        return _Alignof(int);
    case CMP_OPTION_GROUP:
        return 1; /* its own rows say */
    default:
        return _Alignof(void *);
    }
}

/* By a subtraction, since an offset near the end of all memory would wrap round in a sum. */
static bool check_field(const checking *k, size_t at, const cmp_option *row, size_t options_size)
{
    const size_t size = row->type == CMP_OPTION_GROUP ? row->row_size : schema_field_size(row);
    if (size > options_size || row->offset > options_size - size) {
        return wrong(k, at, row, "offset %zu and %zu octets lie outside options of %zu",
                     row->offset, size, options_size);
    }
    if (row->offset % alignment_of(row) != 0) {
        return wrong(k, at, row, "offset %zu is not aligned to %zu", row->offset,
                     alignment_of(row));
    }
    return true;
}

/* Empty ones would be what an empty value means. */
static bool check_choices(const checking *k, size_t at, const cmp_option *row)
{
    const size_t most = row->type == CMP_OPTION_ENUMS ? 64 : CHOICES_MAX; /* bits of the field */
    size_t count = 0;
    if (row->type != CMP_OPTION_ENUM && row->type != CMP_OPTION_ENUMS) {
        return true;
    }
    while (row->choices != NULL && count <= most && row->choices[count] != NULL) {
        if (row->choices[count][0] == '\0') {
            return wrong(k, at, row, "choice %zu is empty", count + 1);
        }
        count++;
    }
    return (count > 0 && count <= most) ||
           wrong(k, at, row, "1 to %zu choices are needed, ended by NULL", most);
}

static bool check_bounds(const checking *k, size_t at, const cmp_option *row)
{
    if (row->min > row->max) {
        return wrong(k, at, row, "its bounds are the wrong way round");
    }
    if (row->fallback != NULL && (row->flags & CMP_OPTION_REQUIRED) != 0) {
        return wrong(k, at, row, "what is required has no default");
    }
    if (row->fallback != NULL && !schema_default_good(row)) {
        return wrong(k, at, row, "its default \"%.*s\" is no value that it takes", NAME_MAX_,
                     row->fallback);
    }
    return true;
}

static bool check_table(checking *k, const cmp_option *rows, size_t options_size);

/* A depth, for a table may name itself. */
static bool check_nested(const checking *k, size_t at, const cmp_option *row)
{
    if (row->type != CMP_OPTION_ROWS && row->type != CMP_OPTION_GROUP) {
        return true;
    }
    if (row->rows == NULL || row->row_size == 0) {
        return wrong(k, at, row, "a list or group needs rows and the size of their struct");
    }
    if (k->depth == ROWS_CHECK_DEPTH) {
        return wrong(k, at, row, "it is nested deeper than %d", ROWS_CHECK_DEPTH);
    }
    checking inner = *k;
    inner.depth++;
    snprintf(inner.path, sizeof(inner.path), "%.60s%.60s.", k->path, row->name);
    return check_table(&inner, row->rows, row->row_size);
}

/* The order matters: the default is tried last, when all that reading it relies on was found
 * good. */
static bool check_table(checking *k, const cmp_option *rows, size_t options_size)
{
    for (size_t at = 0; rows[at].name != NULL; at++) {
        const cmp_option *row = &rows[at];
        if (at == ROWS_CHECK_MAX) {
            return wrong(k, at, row, "more than %d rows; is CMP_OPTION_END missing?",
                         ROWS_CHECK_MAX);
        }
        if (!check_words(k, rows, at) || !check_field(k, at, row, options_size) ||
            !check_choices(k, at, row) || !check_nested(k, at, row) || !check_bounds(k, at, row)) {
            return false;
        }
    }
    return true;
}

bool rows_check(const cmp_option *rows, size_t options_size, const char *const *reserved,
                char *error, size_t error_size)
{
    checking k = {.reserved = reserved, .error = error, .error_size = error_size};
    return check_table(&k, rows, options_size);
}

/* ---- commands ---- */

/* What is wrong with the row, as far as others are not concerned; NULL: nothing. */
static const char *command_fault(const cmp_command *rows, size_t at)
{
    if (at == ROWS_CHECK_MAX) {
        return "it is one too many; is CMP_COMMAND_END missing?";
    }
    if (!name_good(rows[at].name)) {
        return "a name is a letter and up to 63 of a-z, 0-9, _ and -";
    }
    if (!help_good(rows[at].help)) {
        return "help is one line of at most 256 octets";
    }
    if (rows[at].argument != NULL && !help_good(rows[at].argument)) {
        return "argument is one line of at most 256 octets";
    }
    for (size_t i = 0; i < at; i++) {
        if (strcmp(rows[i].name, rows[at].name) == 0) {
            return "the name is taken by another row";
        }
    }
    return NULL;
}

bool rows_check_commands(const cmp_command *rows, char *error, size_t error_size)
{
    for (size_t at = 0; rows != NULL && rows[at].name != NULL; at++) {
        const char *why = command_fault(rows, at);
        if (why != NULL) {
            snprintf(error, error_size, "command row %zu (%.*s): %s", at + 1, NAME_MAX_,
                     rows[at].name, why);
            return false;
        }
    }
    return true;
}
