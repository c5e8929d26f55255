/* SPDX-License-Identifier: Apache-2.0 */
/* Text of JSON strings: every lead with every continuation, against the kit's reader of UTF-8. */
#include "mc/json_plain.h"
#include "mc/json_text.h"

#include <cmp-kit/text.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* By characters, as the automaton has none. */
static size_t by_characters(cmp_str text)
{
    size_t good = 0, one = 1;
    while (one > 0 && good < text.size) {
        const cmp_str rest = {text.at + good, text.size - good};
        one = (uint8_t)rest.at[0] >= 0x80 || rest.at[0] == 0x7F || json_plain(rest.at[0])
                  ? kit_utf8_first(rest)
                  : 0;
        good += one;
    }
    return good;
}

static void expect_same(const char *at, size_t size)
{
    const cmp_str text = {at, size};
    assert_int_equal(json_text_run(text), by_characters(text));
}

static void every_pair_of_octets_and_what_may_follow(void **state)
{
    (void)state;
    static const char ends[][2] = {
        {'a', 'b'}, {'\x80', '\x80'}, {'\xBF', 'x'}, {'\x80', '"'}, {'\xC3', '\xA4'}};
    for (unsigned pair = 0; pair < 0x10000; pair++) {
        for (size_t e = 0; e < sizeof(ends) / sizeof(ends[0]); e++) {
            const char text[] = {(char)(pair >> 8), (char)pair, ends[e][0], ends[e][1]};
            for (size_t size = 0; size <= sizeof(text); size++) {
                expect_same(text, size);
            }
        }
    }
}

static void a_run_ends_where_the_string_does(void **state)
{
    (void)state;
    assert_int_equal(json_text_run(CMP_STR("caf\xC3\xA9\" and")), 5);
    assert_int_equal(json_text_run(CMP_STR("caf\xC3")), 3);
    assert_int_equal(json_text_run(CMP_STR("\\u0041")), 0);
    assert_int_equal(json_text_run(CMP_STR("a\x1F")), 1);
    assert_int_equal(json_text_run(CMP_STR("\xF0\x9F\x98\x80!")), 5);
    assert_int_equal(json_text_run(CMP_STR("")), 0);
}

static void a_plain_run_ends_before_what_is_not(void **state)
{
    (void)state;
    for (int octet = 0; octet < 256; octet++) {
        for (size_t size = 1; size < 20; size++) {
            for (size_t at = 0; at < size; at++) {
                char text[20];
                memset(text, 'x', sizeof(text));
                text[at] = (char)octet;
                const size_t wanted = json_plain((char)octet) ? size : at;
                assert_int_equal(json_plain_run((cmp_str){text, size}), wanted);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_pair_of_octets_and_what_may_follow),
        cmocka_unit_test(a_run_ends_where_the_string_does),
        cmocka_unit_test(a_plain_run_ends_before_what_is_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
