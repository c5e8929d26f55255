/* SPDX-License-Identifier: Apache-2.0 */
/* ctl/sheet.c, grid.c, units.c: text for people, in so many columns. */
#include "ctl/grid.h"
#include "ctl/units.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static void assert_line(const sheet *s, size_t at, const char *wanted)
{
    const cmp_str line = sheet_line(s, at);
    char *text = strndup(line.at, line.size);
    assert_string_equal(text, wanted);
    free(text);
}

static void lines_end_where_the_columns_do(void **state)
{
    (void)state;
    sheet *s = sheet_create(5, false, false);
    sheet_put(s, TONE_GOOD, "ab●");
    sheet_put(s, TONE_PLAIN, "cdef");
    sheet_end_line(s);
    sheet_end_line(s);
    sheet_to(s, 9);
    assert_int_equal(sheet_column(s), 5);
    assert_int_equal(sheet_count(s), 3);
    assert_line(s, 0, "ab●cd");
    assert_line(s, 1, "");
    assert_line(s, 2, "     ");
    sheet_destroy(&s);
    assert_null(s);
}

static void tones_take_no_columns(void **state)
{
    (void)state;
    sheet *s = sheet_create(3, true, false);
    sheet_put(s, TONE_GOOD, "ab");
    sheet_put(s, TONE_PLAIN, "cd");
    sheet_end_line(s);
    sheet_fade(s);
    sheet_put(s, TONE_GOOD, "a");
    sheet_put(s, TONE_ALARM, "b");
    sheet_end_line(s);
    assert_line(s, 0, "\033[32mab\033[mc");
    assert_line(s, 1, "\033[2ma\033[m\033[1;37;41mb\033[m");
    sheet_destroy(&s);
}

static void nobody_writes_control_characters(void **state)
{
    (void)state;
    sheet *s = sheet_create(0, true, true);
    sheet_name(s, TONE_PLAIN, "a\033[2Jb\nc\x9b");
    sheet_put(s, TONE_PLAIN, "·…█é");
    assert_line(s, 0, "a?[2Jb?c?-~#?");
    sheet_destroy(&s);
}

static const grid_column columns[] = {{.title = "NAME"},
                                      {.title = "N", .right = true, .least = 4},
                                      {.title = "WHICH"},
                                      {.title = NULL}};

static grid *three_rows(void)
{
    grid *g = grid_create(columns);
    for (int i = 1; i <= 3; i++) {
        grid_cell(g, TONE_PLAIN, "peer-%d", i);
        grid_cell(g, TONE_PLAIN, "%d", i * 10);
        grid_cell(g, TONE_PLAIN, "w");
    }
    return g;
}

static void columns_are_as_wide_as_what_is_in_them(void **state)
{
    (void)state;
    grid *g = three_rows();
    sheet *s = sheet_create(0, false, false);
    assert_int_equal(grid_rows(g), 3);
    grid_draw(g, s, true, 2, 1);
    assert_int_equal(sheet_count(s), 3);
    assert_line(s, 0, " NAME       N  WHICH");
    assert_line(s, 1, " peer-1    10  w");
    assert_line(s, 2, " … 2 more");
    sheet_destroy(&s);
    s = sheet_create(0, false, false);
    grid_draw(g, s, false, 3, 0);
    assert_int_equal(sheet_count(s), 3);
    assert_line(s, 2, "peer-3    30  w");
    sheet_destroy(&s);
    grid_destroy(&g);
}

static void a_column_without_room_is_left_out(void **state)
{
    (void)state;
    grid *g = three_rows();
    sheet *s = sheet_create(18, false, false);
    grid_draw(g, s, true, 9, 0);
    assert_line(s, 0, "NAME       N");
    assert_line(s, 3, "peer-3    30");
    sheet_destroy(&s);
    grid_destroy(&g);
}

static void numbers_are_for_people(void **state)
{
    (void)state;
    char text[UNITS_TEXT_SIZE];
    assert_string_equal(units_span(0, text), "0 ms");
    assert_string_equal(units_span(999, text), "999 ms");
    assert_string_equal(units_span(1500, text), "1 s");
    assert_string_equal(units_span(300000, text), "5 min");
    assert_string_equal(units_span(301000, text), "5 min 1 s");
    assert_string_equal(units_span(86400000 + 3599000, text), "1 d");
    assert_string_equal(units_span(86400000 + 3600000, text), "1 d 1 h");
    assert_string_equal(units_span(INT64_C(86400000) * 200 + 3600000, text), "200 d");
    assert_string_equal(units_latency(210, text), "0.21 ms");
    assert_string_equal(units_latency(12345, text), "12.3 ms");
    assert_string_equal(units_latency(999600, text), "1.00 s");
    assert_string_equal(units_count(0, text), "0");
    assert_string_equal(units_count(999, text), "999");
    assert_string_equal(units_count(1234567, text), "1,234,567");
    assert_string_equal(units_count(UINT64_MAX, text), "18,446,744,073,709,551,615");
    assert_string_equal(units_rate(0, text), "0");
    assert_string_equal(units_rate(0.05, text), "0.05");
    assert_string_equal(units_rate(12.34, text), "12.3");
    assert_string_equal(units_rate(99.96, text), "100");
    assert_string_equal(units_rate(1234.5, text), "1,235");
    assert_string_equal(units_bytes(999, text), "999 B");
    assert_string_equal(units_bytes(14890000, text), "14.2 MiB");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_end_where_the_columns_do),
        cmocka_unit_test(tones_take_no_columns),
        cmocka_unit_test(nobody_writes_control_characters),
        cmocka_unit_test(columns_are_as_wide_as_what_is_in_them),
        cmocka_unit_test(a_column_without_room_is_left_out),
        cmocka_unit_test(numbers_are_for_people),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
