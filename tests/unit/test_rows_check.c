/* SPDX-License-Identifier: Apache-2.0 */
/* Rows that a stranger's plugin might have, and what each is refused for. */
#include "plugin/rows_check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

typedef struct options {
    const char *text;
    int64_t number;
    int choice;
    bool flag;
    uint64_t set;
    cmp_rows list;
} options;

static const char *const colours[] = {"red", "blue", NULL};
static const char *const hosts[] = {"use", "cache", NULL};

#define GOOD                                                                                       \
    {                                                                                              \
        .name = "text", .type = CMP_OPTION_STRING, .help = "any"                                   \
    }

CMP_OPTIONS(good_rows, options) = {
    CMP_ROW("text", STRING, options, text, "a text", CMP_REQUIRED),
    CMP_ROW("number", INTEGER, options, number, "a number", CMP_DEFAULT("3"), CMP_RANGE(1, 9)),
    CMP_ROW_ENUM("choice", options, choice, colours, "a colour", CMP_DEFAULT("blue")),
    CMP_ROW("flag", BOOLEAN, options, flag, "yes or no"),
    CMP_ROW_ENUMS("set", options, set, colours, "colours", CMP_DEFAULT("[red, blue]")),
    CMP_OPTION_END,
};

static void assert_refused(const cmp_option *rows, const char *part)
{
    char error[512] = "";
    assert_false(rows_check(rows, sizeof(options), hosts, error, sizeof(error)));
    if (strstr(error, part) == NULL) {
        fail_msg("got \"%s\", wanted \"%s\"", error, part);
    }
}

static void takes_what_the_macros_write(void **state)
{
    (void)state;
    char error[512] = "";
    assert_true(rows_check(good_rows, sizeof(options), hosts, error, sizeof(error)));
}

static void names_row_and_fault(void **state)
{
    static const struct {
        cmp_option row;
        const char *error;
    } cases[] = {
        {{.name = "far", .type = CMP_OPTION_STRING, .offset = 100000, .help = "x"},
         "option row 2 (far): offset 100000 and 8 octets lie outside options of"},
        {{.name = "end", .type = CMP_OPTION_STRING, .offset = sizeof(options) - 4, .help = "x"},
         "lie outside"},
        {{.name = "wraps", .type = CMP_OPTION_STRING, .offset = SIZE_MAX - 7, .help = "x"},
         "lie outside"},
        {{.name = "odd", .type = CMP_OPTION_INTEGER, .offset = 1, .help = "x"},
         "offset 1 is not aligned to 8"},
        {{.name = "choice", .type = CMP_OPTION_ENUM, .help = "x"}, "1 to 256 choices are needed"},
        {{.name = "type", .type = (cmp_option_type)99, .help = "x"}, "type 99 is none of ABI"},
        {{.name = "list", .type = CMP_OPTION_ROWS, .help = "x"},
         "a list or group needs rows and the size of their struct"},
        {{.name = "text", .type = CMP_OPTION_STRING, .help = "x"}, "the name is taken"},
        {{.name = "use", .type = CMP_OPTION_STRING, .help = "x"}, "the name is taken"},
        {{.name = "cache", .type = CMP_OPTION_STRING, .help = "x"}, "the name is taken"},
        {{.name = "", .type = CMP_OPTION_STRING, .help = "x"}, "a name is a letter"},
        {{.name = "Big", .type = CMP_OPTION_STRING, .help = "x"}, "a name is a letter"},
        {{.name = "a\nb", .type = CMP_OPTION_STRING, .help = "x"}, "a name is a letter"},
        {{.name = "mute", .type = CMP_OPTION_STRING}, "help is one line"},
        {{.name = "long", .type = CMP_OPTION_STRING, .help = "one\ntwo"}, "help is one line"},
        {{.name = "flags", .type = CMP_OPTION_STRING, .help = "x", .flags = 8},
         "flags 0x8 are none of ABI"},
        {{.name = "n", .type = CMP_OPTION_INTEGER, .help = "x", .min = 9, .max = 1},
         "its bounds are the wrong way round"},
        {{.name = "n", .type = CMP_OPTION_INTEGER, .help = "x", .fallback = "many"},
         "its default \"many\" is no value that it takes"},
        {{.name = "n",
          .type = CMP_OPTION_INTEGER,
          .help = "x",
          .fallback = "0",
          .min = 1,
          .max = 9},
         "its default \"0\" is no value that it takes"},
        {{.name = "c",
          .type = CMP_OPTION_ENUM,
          .help = "x",
          .choices = colours,
          .fallback = "green"},
         "its default \"green\" is no value that it takes"},
        {{.name = "n",
          .type = CMP_OPTION_INTEGER,
          .help = "x",
          .fallback = "1",
          .flags = CMP_OPTION_REQUIRED},
         "what is required has no default"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const cmp_option rows[] = {GOOD, cases[i].row, CMP_OPTION_END};
        assert_refused(rows, cases[i].error);
    }
}

static void looks_into_tables_inside(void **state)
{
    static const cmp_option inner[] = {
        {.name = "far", .type = CMP_OPTION_STRING, .offset = 64, .help = "x"}, CMP_OPTION_END};
    static const cmp_option list[] = {
        {.name = "list", .type = CMP_OPTION_ROWS, .rows = inner, .row_size = 64, .help = "x"},
        CMP_OPTION_END};
    static const cmp_option group[] = {{.name = "group",
                                        .type = CMP_OPTION_GROUP,
                                        .rows = inner,
                                        .row_size = sizeof(options) + 1,
                                        .help = "x"},
                                       CMP_OPTION_END};
    (void)state;
    assert_refused(list,
                   "option row 1 (list.far): offset 64 and 8 octets lie outside options of 64");
    assert_refused(group, "option row 1 (group): offset 0");
}

static void a_table_without_an_end_is_found(void **state)
{
    static cmp_option rows[ROWS_CHECK_MAX + 1];
    static char names[ROWS_CHECK_MAX + 1][8];
    (void)state;
    for (size_t i = 0; i <= ROWS_CHECK_MAX; i++) {
        snprintf(names[i], sizeof(names[i]), "n%zu", i);
        rows[i] = (cmp_option){.name = names[i], .type = CMP_OPTION_STRING, .help = "x"};
    }
    assert_refused(rows, "is CMP_OPTION_END missing?");
}

static void a_table_inside_itself_is_found(void **state)
{
    static cmp_option rows[] = {
        {.name = "again", .type = CMP_OPTION_ROWS, .row_size = 64, .help = "x"}, CMP_OPTION_END};
    (void)state;
    rows[0].rows = rows;
    assert_refused(rows, "it is nested deeper than");
}

/* ---- commands ---- */

static void assert_commands_refused(const cmp_command *rows, const char *part)
{
    char error[512] = "";
    assert_false(rows_check_commands(rows, error, sizeof(error)));
    if (strstr(error, part) == NULL) {
        fail_msg("got \"%s\", wanted \"%s\"", error, part);
    }
}

static void commands_are_rows_too(void **state)
{
    (void)state;
    static const cmp_command good[] = {{"accept", NULL, "x"},
                                       {"say", "WORDS", "x"},
                                       CMP_COMMAND_END};
    static const struct {
        cmp_command row;
        const char *error;
    } cases[] = {
        {{"", NULL, "x"}, "command row 2 (): a name is a letter"},
        {{"Accept", NULL, "x"}, "a name is a letter"},
        {{"accept", NULL, "x"}, "command row 2 (accept): the name is taken by another row"},
        {{"mute", NULL, NULL}, "help is one line"},
        {{"long", NULL, "one\ntwo"}, "help is one line"},
        {{"odd", "", "x"}, "argument is one line"},
    };
    char error[512] = "";
    assert_true(rows_check_commands(NULL, error, sizeof(error)));
    assert_true(rows_check_commands(good, error, sizeof(error)));
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const cmp_command rows[] = {good[0], cases[i].row, CMP_COMMAND_END};
        assert_commands_refused(rows, cases[i].error);
    }
    static cmp_command endless[400];
    static char names[400][8];
    for (size_t i = 0; i < 400; i++) {
        snprintf(names[i], sizeof(names[i]), "c%zu", i);
        endless[i] = (cmp_command){names[i], NULL, "x"};
    }
    assert_commands_refused(endless, "is CMP_COMMAND_END missing?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_what_the_macros_write),
        cmocka_unit_test(names_row_and_fault),
        cmocka_unit_test(looks_into_tables_inside),
        cmocka_unit_test(a_table_without_an_end_is_found),
        cmocka_unit_test(a_table_inside_itself_is_found),
        cmocka_unit_test(commands_are_rows_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
