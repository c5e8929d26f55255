/* SPDX-License-Identifier: Apache-2.0 */
/* Rows in words: for error messages and for people who ask what a section may hold. */
#include "conf/help.h"

#include "conf/value.h"

/* One word for a table, and what an operator may write. */
static const struct {
    const char *word, *expected;
} types[] = {
    [CMP_OPTION_STRING] = {"text", "a text"},
    [CMP_OPTION_PATH] = {"path", "a path"},
    [CMP_OPTION_INTEGER] = {"number", "a whole number"},
    [CMP_OPTION_DURATION] = {"duration", "a duration such as 250ms, 5s, 3m"},
    [CMP_OPTION_SIZE] = {"size", "a size such as 512, 16K, 64M"},
    [CMP_OPTION_RATE] = {"rate", "a rate such as 500/s, 20/m, 100/h"},
    [CMP_OPTION_BOOLEAN] = {"boolean", "true or false"},
    [CMP_OPTION_ENUM] = {"choice", "one of"},
    [CMP_OPTION_HOST] = {"host", "a fully qualified host name such as cmp.example.net"},
    [CMP_OPTION_SECRET] = {"secret", "a secret text"},
    [CMP_OPTION_CIDRS] = {"networks", "a network such as 10.8.0.0/16, or a list of them"},
    [CMP_OPTION_STRINGS] = {"texts", "a text, or a list of texts"},
    [CMP_OPTION_ENUMS] = {"choices", "one or a list of"},
    [CMP_OPTION_ROWS] = {"list", "a list of mappings"},
    [CMP_OPTION_GROUP] = {"mapping", "a mapping"},
    [CMP_OPTION_RAW] = {"any", "anything that JSON can say"},
};

static void write_choices(const cmp_option *row, FILE *to)
{
    for (size_t i = 0; row->choices[i] != NULL; i++) {
        fprintf(to, "%s%s", i != 0 ? ", " : "", row->choices[i]);
    }
}

/* Bounds of texts count octets. */
static bool is_text(const cmp_option *row)
{
    return row->type == CMP_OPTION_STRING || row->type == CMP_OPTION_SECRET;
}

/* For numbers no bounds are written as 0 and 0. A text's least size is 0 often enough, so there
 * only the greatest tells. */
static bool has_bounds(const cmp_option *row)
{
    switch (row->type) {
    case CMP_OPTION_STRING:
    case CMP_OPTION_SECRET:
        return row->max > 0;
    case CMP_OPTION_INTEGER:
    case CMP_OPTION_DURATION:
    case CMP_OPTION_SIZE:
    case CMP_OPTION_RATE:
        return row->max > row->min;
    default:
        return false;
    }
}

/* Between `before` and `after`, the bounds in the row's own unit; nothing when it has none. */
static void write_bounds(const cmp_option *row, const char *before, const char *after, FILE *to)
{
    if (has_bounds(row)) {
        char low[VALUE_TEXT_SIZE], high[VALUE_TEXT_SIZE];
        value_format(row->type, row->min, low);
        value_format(row->type, row->max, high);
        fprintf(to, "%s%s to %s%s%s", before, low, high, is_text(row) ? " octets" : "", after);
    }
}

/* A stream into the caller's memory, since what prints help to people prints this, too. */
void schema_expected(const cmp_option *row, char *text, size_t size)
{
    FILE *to = fmemopen(text, size, "w");
    if (to == NULL) {
        snprintf(text, size, "%s", types[row->type].expected);
        return;
    }
    fputs(types[row->type].expected, to);
    if (row->choices != NULL) {
        fputc(' ', to);
        write_choices(row, to);
    }
    const char *before = is_text(row)                      ? " of "
                         : row->type == CMP_OPTION_INTEGER ? " from "
                                                           : ", from ";
    write_bounds(row, before, "", to);
    fclose(to);
    text[size - 1] = '\0';
}

#define NAME_WIDTH 24

void schema_print_help(const cmp_option *rows, unsigned indent, FILE *to)
{
    for (const cmp_option *row = rows; row->name != NULL; row++) {
        const char *fallback = (row->flags & CMP_OPTION_REQUIRED) != 0 ? "(required)"
                               : row->fallback != NULL                 ? row->fallback
                                                                       : "-";
        fprintf(to, "%*s%-*s %-8s  %-22s  %s", (int)indent, "",
                NAME_WIDTH - (int)(indent < NAME_WIDTH ? indent : NAME_WIDTH), row->name,
                types[row->type].word, fallback, row->help != NULL ? row->help : "");
        if (row->choices != NULL) {
            fputs(": ", to);
            write_choices(row, to);
        }
        write_bounds(row, " (", ")", to);
        if (row->type == CMP_OPTION_SECRET) {
            fprintf(to, "; or %s_file: a file that holds it", row->name);
        }
        fputc('\n', to);
        if (row->rows != NULL) {
            schema_print_help(row->rows, indent + 2, to);
        }
    }
}
