/* SPDX-License-Identifier: Apache-2.0 */
/* The frame around an answer's records: what is one, and what breaks it. */
#include "split.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define COUNT(list) (sizeof(list) / sizeof(list[0]))

/* The records joined by `|`. */
static bool cut(const char *text, char *joined, size_t room)
{
    split s;
    cmp_str json;
    size_t used = 0;
    split_open(&s, cmp_str_from(text));
    joined[0] = '\0';
    while (split_next(&s, &json)) {
        used += (size_t)snprintf(joined + used, room - used, "%s%.*s", used > 0 ? "|" : "",
                                 (int)json.size, json.at);
    }
    assert_false(split_next(&s, &json));
    return split_good(&s);
}

static void broken_frames(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "{",
        "[]",
        "null",
        "{}",
        "{\"records\"}",
        "{\"records\":{}}",
        "{\"records\":null}",
        "{\"Records\":[]}",
        "{\"records\":[]",
        "{\"records\":[}",
        "{\"records\":[]]",
        "{\"records\":[]}}",
        "{\"records\":[]} x",
        "{\"records\":[],\"more\":1}",
        "{\"more\":1,\"records\":[]}",
        "{\"records\":[,]}",
        "{\"records\":[{},]}",
        "{\"records\":[,{}]}",
        "{\"records\":[{} {}]}",
        "{\"records\":[{}{}]}",
        "{\"records\":[[]]}",
        "{\"records\":[1]}",
        "{\"records\":[\"x\"]}",
        "{\"records\":[null]}",
        "{\"records\":[{]}",
        "{\"records\":[{\"a\":\"]}",
        "{\"records\":[{\"a\":\"\\",
        "{\"records\":[{\"a\":\"\\\"}]}",
    };
    for (size_t i = 0; i < COUNT(texts); i++) {
        char joined[256];
        if (cut(texts[i], joined, sizeof(joined))) {
            fail_msg("good: %s", texts[i]);
        }
    }
}

static void good_frames(void **state)
{
    (void)state;
    static const struct {
        const char *text, *records;
    } cases[] = {
        {"{\"records\":[]}", ""},
        {" { \"records\" : [ ] } \r\n", ""},
        {"{\"records\":[{}]}", "{}"},
        {"{\"records\":[{\"a\":1},{\"b\":[{},[2]]}]}", "{\"a\":1}|{\"b\":[{},[2]]}"},
        {"{\"records\":[\n{\"a\":\"]}{[\"}\t, {\"b\":\"\\\"}\"} ]}",
         "{\"a\":\"]}{[\"}|{\"b\":\"\\\"}\"}"},
        {"{\"records\":[{\"a\":\"\\\\\"}]}", "{\"a\":\"\\\\\"}"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char joined[256];
        assert_true(cut(cases[i].text, joined, sizeof(joined)));
        assert_string_equal(joined, cases[i].records);
    }
}

static void brackets_that_do_not_fit_are_left_to_the_reader(void **state)
{
    (void)state;
    char joined[256];
    assert_true(cut("{\"records\":[{\"a\":[}}]}", joined, sizeof(joined)));
    assert_string_equal(joined, "{\"a\":[}}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(broken_frames),
        cmocka_unit_test(good_frames),
        cmocka_unit_test(brackets_that_do_not_fit_are_left_to_the_reader),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
