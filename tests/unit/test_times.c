/* SPDX-License-Identifier: Apache-2.0 */
/* sdk/kit/times.c: what is no time has to be refused; the rest comes back as it was written. */
#include <cmp-kit/times.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* A copy that ends where its memory ends, so that a sanitizer sees every octet read too many. */
static cmp_str exact(cmp_str text)
{
    char *at = malloc(text.size != 0 ? text.size : 1);
    assert_non_null(at);
    memcpy(at, text.at, text.size);
    return (cmp_str){at, text.size};
}

static void drop(cmp_str text)
{
    free((char *)(uintptr_t)text.at);
}

static void time_bad(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "2026-11-24",
        "2026-11-24T05:30:00",
        "2026-11-24 05:30:00Z",
        "2026-11-24T05:30Z",
        "2026-11-24T05:30:00Zx",
        "2026-11-24T05:30:00Z ",
        "26-11-24T05:30:00Z",
        "2026-1-24T05:30:00Z",
        "+026-11-24T05:30:00Z",
        "2026-00-24T05:30:00Z",
        "2026-13-24T05:30:00Z",
        "2026-11-00T05:30:00Z",
        "2026-11-31T05:30:00Z",
        "2026-02-29T05:30:00Z",
        "2024-02-30T05:30:00Z",
        "1900-02-29T05:30:00Z",
        "2026-11-24T24:00:00Z",
        "2026-11-24T05:60:00Z",
        "2026-11-24T05:30:61Z",
        "2026-11-24T05:30:60Z",
        "2026-11-24T23:59:60+01:00",
        "2026-11-24T05:30:00.Z",
        "2026-11-24T05:30:00,5Z",
        "2026-11-24T05:30:00.5",
        "2026-11-24T05:30:00+1:00",
        "2026-11-24T05:30:00+0100",
        "2026-11-24T05:30:00+24:00",
        "2026-11-24T05:30:00+01:60",
        "2026-11-24T05:30:00+01:",
        "2026/11/24T05:30:00Z",
    };
    for (size_t i = 0; i < COUNT(texts); i++) {
        int64_t ms;
        const cmp_str text = exact(cmp_str_from(texts[i]));
        assert_false(kit_time_parse(text, &ms));
        drop(text);
    }
}

static void time_good(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ms;
    } cases[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"1969-12-31T23:59:59.999Z", -1},
        {"2000-02-29T12:00:00Z", INT64_C(951825600000)},
        {"2026-11-24T05:30:00.250Z", INT64_C(1795498200250)},
        {"2026-11-24t05:30:00.25z", INT64_C(1795498200250)},
        {"2026-11-24T05:30:00.2509999999999999999999Z", INT64_C(1795498200250)},
        {"2026-11-24T06:30:00.25+01:00", INT64_C(1795498200250)},
        {"2026-11-23T23:30:00.25-06:00", INT64_C(1795498200250)},
        {"2026-11-24T05:30:00.25-00:00", INT64_C(1795498200250)},
        {"2016-12-31T23:59:60Z", INT64_C(1483228800000)},
        {"2017-01-01T00:59:60.5+01:00", INT64_C(1483228800500)},
        {"2016-12-31T15:59:60-08:00", INT64_C(1483228800000)},
        {"0000-01-01T00:00:00Z", INT64_C(-62167219200000)},
        {"9999-12-31T23:59:59.999Z", INT64_C(253402300799999)},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        int64_t ms;
        assert_true(kit_time_parse(cmp_str_from(cases[i].text), &ms));
        assert_int_equal(ms, cases[i].ms);
    }
}

static void time_format_is_what_time_parse_reads(void **state)
{
    (void)state;
    char text[KIT_TIME_TEXT_SIZE];
    kit_time_format(INT64_C(1795498200250), text);
    assert_string_equal(text, "2026-11-24T05:30:00.250Z");
    kit_time_format(INT64_MIN, text);
    assert_string_equal(text, "0000-01-01T00:00:00.000Z");
    kit_time_format(INT64_MAX, text);
    assert_string_equal(text, "9999-12-31T23:59:59.999Z");
    /* A step of some 11 days that hits every hour, month and leap year. */
    for (int64_t ms = INT64_C(-62167219200000); ms < INT64_C(253402300799999);
         ms += INT64_C(987654321)) {
        int64_t again;
        kit_time_format(ms, text);
        assert_true(kit_time_parse(cmp_str_from(text), &again));
        assert_int_equal(again, ms);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(time_bad),
        cmocka_unit_test(time_good),
        cmocka_unit_test(time_format_is_what_time_parse_reads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
