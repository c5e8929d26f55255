/* SPDX-License-Identifier: Apache-2.0 */
/* mc/range.c: `age` and `income` (Table 19) as numbers. */
#include "mc/range.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void no_ranges(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "-",
        "22-",
        "-22",
        "55-22",
        "22--55",
        "22-55-60",
        "22 - 55",
        " 22",
        "22 ",
        "35.5",
        "+35",
        "0x20",
        "young",
        "3,5",
        "1,0000",
        "1000,000",
        ",100",
        "100,",
        "1,,000",
        "1,000,00",
        "1,000-",
        "1,000-2,00",
        "<",
        ">",
        "<x",
        "<>1",
        "<10-20",
        "10-<20",
        "<-1",
        "=5",
        "< 30,000",
        "<30,000 ",
        "2-1,00",
        "1,000-999",
        "1234567890123456789",
        "9999999999999999999",
        "1-1234567890123456789",
        "<1234567890123456789",
    };
    for (size_t i = 0; i < COUNT(texts); i++) {
        range r;
        assert_false(range_parse(cmp_str_from(texts[i]), true, &r));
        assert_false(range_parse(cmp_str_from(texts[i]), false, &r));
    }
    range r;
    assert_false(range_parse(CMP_NONE, true, &r));
    assert_false(range_parse(CMP_STR("1\0"), true, &r));
}

static void good_ranges(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool bound;
        int64_t low, high;
    } cases[] = {
        {"0", false, 0, 0},
        {"35", false, 35, 35},
        {"22-55", false, 22, 55},
        {"22-22", false, 22, 22},
        {"50,000", false, 50000, 50000},
        {"50000", false, 50000, 50000},
        {"1,000,000", false, 1000000, 1000000},
        {"35,000-75,000", false, 35000, 75000},
        {"999-1,000", false, 999, 1000},
        {"999999999999999999", false, INT64_C(999999999999999999), INT64_C(999999999999999999)},
        {"<30,000", true, INT64_MIN, 29999},
        {"<0", true, INT64_MIN, -1},
        {">100,000", true, 100001, INT64_MAX},
        {">999999999999999999", true, INT64_C(1000000000000000000), INT64_MAX},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        range r;
        assert_true(range_parse(cmp_str_from(cases[i].text), true, &r));
        assert_int_equal(r.low, cases[i].low);
        assert_int_equal(r.high, cases[i].high);
        assert_int_equal(range_parse(cmp_str_from(cases[i].text), false, &r), !cases[i].bound);
    }
}

static void meant_as_a_number(void **state)
{
    (void)state;
    assert_false(range_looks_numeric(CMP_NONE));
    assert_false(range_looks_numeric(CMP_STR("young")));
    assert_false(range_looks_numeric(CMP_STR("$5")));
    assert_false(range_looks_numeric(CMP_STR("-5")));
    assert_true(range_looks_numeric(CMP_STR("22-")));
    assert_true(range_looks_numeric(CMP_STR("<young")));
    assert_true(range_looks_numeric(CMP_STR(">")));
}

static void inside(void **state)
{
    (void)state;
    const range outer = {18, 30};
    assert_false(range_inside((range){17, 30}, outer));
    assert_false(range_inside((range){18, 31}, outer));
    assert_false(range_inside((range){INT64_MIN, 20}, outer));
    assert_true(range_inside((range){18, 30}, outer));
    assert_true(range_inside((range){20, 20}, outer));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_ranges),
        cmocka_unit_test(good_ranges),
        cmocka_unit_test(meant_as_a_number),
        cmocka_unit_test(inside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
