/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the command line with getopt_long from the command's rows. */
#include "ctl/args.h"

#include "base/clock.h"
#include "base/names.h"
#include "conf/value.h"
#include "ctl/output.h"

#include <cmp-kit/memory.h>
#include <cmp-kit/text.h>
#include <cmp-kit/times.h>

#include <getopt.h>
#include <stdlib.h>

enum { HELP = 'h', FIRST_ROW = 256 };

/* ---- help ---- */

static void print_row(const char *name, const char *value, const char *help)
{
    char left[64];
    snprintf(left, sizeof(left), "--%s%s%s", name, value != NULL ? " " : "",
             value != NULL ? value : "");
    printf("  %-24s %s\n", left, help);
}

static void print_help(const args_command *c)
{
    printf("Usage: cmpctl %s", c->name);
    for (const args_row *row = c->rows; row->name != NULL; row++) {
        if (row->needed) {
            printf(" --%s %s", row->name, row->value);
        }
    }
    printf("%s%s%s\n\n%s.\n", c->rows->name != NULL ? " [OPTION]…" : "",
           c->operands != NULL ? " " : "", c->operands != NULL ? c->operands : "", c->summary);
    if (c->details != NULL) {
        printf("\n%s\n", c->details);
    }
    puts("\nOptions:");
    for (const args_row *row = c->rows; row->name != NULL; row++) {
        print_row(row->name, row->value, row->help);
    }
    print_row("help", NULL, "show this text");
}

/* ---- parsing ---- */

static size_t rows_count(const args_row *rows)
{
    size_t count = 0;
    while (rows[count].name != NULL) {
        count++;
    }
    return count;
}

static struct option *long_options(const args_row *rows, size_t count)
{
    struct option *options = kit_calloc(count + 2, sizeof(*options));
    for (size_t i = 0; i < count; i++) {
        options[i] = (struct option){
            .name = rows[i].name,
            .has_arg = rows[i].kind == ARGS_FLAG ? no_argument : required_argument,
            .val = FIRST_ROW + (int)i,
        };
    }
    options[count] = (struct option){.name = "help", .val = HELP};
    return options;
}

/* Given twice is an error rather than the last one's win: in a long line one of them was
 * forgotten. */
static args_result fill(const args_row *row, void *options, const char *value)
{
    void *field = (char *)options + row->offset;
    args_list *list = field;
    switch (row->kind) {
    case ARGS_FLAG:
        *(bool *)field = true;
        return ARGS_GO;
    case ARGS_TEXT:
        if (*(const char **)field != NULL) {
            output_fail("--%s is given twice", row->name);
            return ARGS_WRONG;
        }
        *(const char **)field = value;
        return ARGS_GO;
    case ARGS_LIST:
        if (list->count == ARGS_LIST_MAX) {
            output_fail("--%s is given more than %d times", row->name, ARGS_LIST_MAX);
            return ARGS_WRONG;
        }
        list->at[list->count++] = value;
        return ARGS_GO;
    }
    return ARGS_WRONG;
}

/* getopt_long has stopped at something that is no option of the command. */
static args_result refuse(const args_command *c, size_t count, int got, const char *word)
{
    if (got == ':') {
        output_fail("%s: it needs a value; see cmpctl %s --help", word, c->name);
        return ARGS_WRONG;
    }
    const char **names = kit_calloc(count + 1, sizeof(*names));
    for (size_t i = 0; i < count; i++) {
        names[i] = c->rows[i].name;
    }
    const char *bare = word + strspn(word, "-");
    const char *near = name_nearest((cmp_str){bare, strcspn(bare, "=")}, names);
    if (near != NULL) {
        output_fail("%s: there is no such option; did you mean --%s?", word, near);
    } else {
        output_fail("%s: there is no such option; see cmpctl %s --help", word, c->name);
    }
    free(names);
    return ARGS_WRONG;
}

/* `at` remembers where getopt_long stood: it says that a word is wrong, but for a long option not
 * which. */
static args_result parse_options(const args_command *c, int argc, char **argv, void *options)
{
    const size_t count = rows_count(c->rows);
    struct option *known = long_options(c->rows, count);
    args_result result = ARGS_GO;
    optind = 0; /* begins anew, after main has read its own */
    while (result == ARGS_GO) {
        const int at = optind > 0 ? optind : 1;
        const int got = getopt_long(argc, argv, ":h", known, NULL);
        if (got == -1) {
            break;
        } else if (got == HELP) {
            print_help(c);
            result = ARGS_HELPED;
        } else if (got >= FIRST_ROW) {
            result = fill(&c->rows[got - FIRST_ROW], options, optarg);
        } else {
            result = refuse(c, count, got, argv[optind > at ? optind - 1 : at]);
        }
    }
    free(known);
    return result;
}

/* All that is missing is told at once. */
static args_result check_needed(const args_command *c, const void *options)
{
    args_result result = ARGS_GO;
    for (const args_row *row = c->rows; row->name != NULL; row++) {
        const char *text;
        memcpy(&text, (const char *)options + row->offset, row->needed ? sizeof(text) : 0);
        if (row->needed && (text == NULL || *text == '\0')) {
            output_fail("--%s has to be given; see cmpctl %s --help", row->name, c->name);
            result = ARGS_WRONG;
        }
    }
    return result;
}

/* Operands may stand before, between and behind options: getopt_long has put them at the end. */
static args_result parse(const args_command *c, size_t most, int argc, char **argv, void *options)
{
    const args_result result = parse_options(c, argc, argv, options);
    if (result != ARGS_GO) {
        return result;
    }
    const size_t given = (size_t)(argc - optind);
    if (given < c->operand_count || given > most) {
        output_fail("%s: it takes %s; see cmpctl %s --help", c->name,
                    c->operands != NULL ? c->operands : "options only", c->name);
        return ARGS_WRONG;
    }
    return check_needed(c, options);
}

args_result args_parse(const args_command *c, int argc, char **argv, void *options,
                       const char **operands)
{
    const args_result result = parse(c, c->operand_count, argc, argv, options);
    for (size_t i = 0; result == ARGS_GO && i < c->operand_count; i++) {
        operands[i] = argv[optind + (int)i];
    }
    return result;
}

args_result args_parse_some(const args_command *c, int argc, char **argv, void *options,
                            char ***operands)
{
    const args_result result = parse(c, c->operand_most, argc, argv, options);
    *operands = result == ARGS_GO ? argv + optind : NULL;
    return result;
}

int args_status(args_result result)
{
    return result == ARGS_WRONG ? EXIT_CANNOT : EXIT_GOOD;
}

/* ---- values ---- */

bool args_not_empty(const char *name, const char *text)
{
    if (text != NULL && *text == '\0') {
        output_fail("%s: its value is empty", name);
        return false;
    }
    return true;
}

bool args_choice(const char *option, const char *text, const char *const *names, int *index)
{
    for (int i = 0; names[i] != NULL; i++) {
        if (strcmp(names[i], text) == 0) {
            *index = i;
            return true;
        }
    }
    char all[256] = "";
    size_t used = 0;
    for (size_t i = 0; names[i] != NULL && used < sizeof(all); i++) {
        used +=
            (size_t)snprintf(all + used, sizeof(all) - used, "%s%s", i > 0 ? ", " : "", names[i]);
    }
    output_fail("--%s: \"%s\" is none of %s", option, text, all);
    return false;
}

bool args_time(const char *option, const char *text, int64_t *ms)
{
    if (strcmp(text, "now") == 0) {
        *ms = clock_now_ms();
        return true;
    }
    if (kit_time_parse(cmp_str_from(text), ms)) {
        return true;
    }
    output_fail("--%s: \"%s\" is no time such as 2026-11-24T05:30:00Z", option, text);
    return false;
}

bool args_number(const char *option, const char *text, int64_t fallback, int64_t min, int64_t max,
                 int64_t *number)
{
    *number = fallback;
    if (text == NULL || kit_number_parse(cmp_str_from(text), min, max, number)) {
        return true;
    }
    output_fail("--%s: \"%s\" is no whole number from %lld to %lld", option, text, (long long)min,
                (long long)max);
    return false;
}

bool args_duration(const char *option, const char *text, int64_t fallback, int64_t min, int64_t max,
                   int64_t *ms)
{
    const cmp_option row = {.name = option, .type = CMP_OPTION_DURATION, .min = min, .max = max};
    char least[VALUE_TEXT_SIZE], most[VALUE_TEXT_SIZE];
    const char *hint;
    *ms = fallback;
    if (text == NULL || value_parse(&row, cmp_str_from(text), NULL, NULL, ms, &hint)) {
        return true;
    }
    value_format(row.type, min, least);
    value_format(row.type, max, most);
    output_fail("--%s: \"%s\" is no time with its unit from %s to %s", option, text, least, most);
    return false;
}
