/* SPDX-License-Identifier: Apache-2.0 */
/* base/field.c: the grammar of HTTP's fields, the wrong cases first. */
#include "base/field.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void hosts_that_are_none(void **state)
{
    static const char *const cases[] = {
        "a b",         "a/b",     "a@b",     "a:b:c",
        "[::1",        "[::1]x",  "[::1]:x", "[]",
        "[::g]",       "[::1%1]", "[v1.x]",  "::1",
        "a:65536",     "a:-1",    "a:+1",    "a: 1",
        "a\tb",        "a\"b",    "a<b",     "a#b",
        "a?b",         "a\\b",    "a%",      "a%4",
        "a%zz",        "a^b",     "a|b",     "a`b",
        "\xC3\xA4",    "a\x7F",   "{a}",     "[127.0.0.1]",
        "[::1]:65536", "]",       "[::1]]",  "[0000:0000:0000:0000:0000:0000:0000:00001]",
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        if (field_host_valid(cmp_str_from(cases[i]))) {
            fail_msg("accepted: %s", cases[i]);
        }
    }
    assert_false(field_host_valid((cmp_str){"a\0b", 3}));
    assert_false(field_host_valid((cmp_str){"[::1\0]", 6}));
}

static void hosts(void **state)
{
    static const char *const cases[] = {
        "",
        "a",
        "a.example.net",
        "a.example.net:8443",
        "a:",
        "a:0",
        "a:65535",
        "127.0.0.1",
        "127.0.0.1:80",
        "[::1]",
        "[::1]:",
        "[::1]:8443",
        "a_b.c-d~e!",
        "a%2Fb",
        "x(y),z;=$&'*+",
        ":80",
        "1.2.3.4.5",
        "A.B.",
        "[::ffff:1.2.3.4]:1",
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        if (!field_host_valid(cmp_str_from(cases[i]))) {
            fail_msg("refused: %s", cases[i]);
        }
    }
    assert_true(field_host_valid(CMP_NONE));
}

/* RFC 9110, 5.6.2, octet by octet. */
static void tokens(void **state)
{
    static const char marks[] = "!#$%&'*+-.^_`|~";
    (void)state;
    for (int octet = 0; octet < 256; octet++) {
        const char c = (char)octet;
        const bool alphanumeric =
            (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        const bool wanted = alphanumeric || (c != '\0' && strchr(marks, c) != NULL);
        if (field_is_token((cmp_str){&c, 1}) != wanted) {
            fail_msg("octet %d", octet);
        }
    }
    assert_false(field_is_token(CMP_STR("")));
    assert_false(field_is_token(CMP_STR("a b")));
    assert_int_equal(field_token_size(CMP_STR("GET /")), 3);
}

static void check_parts(const char *text, char separator, const char *const *parts)
{
    cmp_str rest = cmp_str_from(text);
    for (; *parts != NULL; parts++) {
        const cmp_str part = field_cut(&rest, separator);
        if (!cmp_str_equal(part, cmp_str_from(*parts))) {
            fail_msg("%s: got \"%.*s\", wanted \"%s\"", text, (int)part.size, part.at, *parts);
        }
    }
    assert_int_equal(rest.size, 0);
}

static void parts(void **state)
{
    (void)state;
    check_parts("a, b\t,,c ", ',', (const char *const[]){"a", "b", "", "c", NULL});
    check_parts("a;x=\"1;2\";b", ';', (const char *const[]){"a", "x=\"1;2\"", "b", NULL});
    check_parts("\"\\\";\";b", ';', (const char *const[]){"\"\\\";\"", "b", NULL});
    check_parts("\";a;b", ';', (const char *const[]){"\";a;b", NULL});
    check_parts("\"\\", ';', (const char *const[]){"\"\\", NULL});
    check_parts("", ',', (const char *const[]){"", NULL});
}

static void lists(void **state)
{
    static const struct {
        const char *list;
        bool close;
    } cases[] = {
        {"close", true},      {"keep-alive, CLOSE", true},
        {"close,x", true},    {" ,\tclose\t, ", true},
        {"", false},          {"closed", false},
        {"x-close", false},   {"close x", false},
        {"\"close\"", false}, {"\"a,close,b\"", false},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        if (field_lists(cmp_str_from(cases[i].list), CMP_STR("close")) != cases[i].close) {
            fail_msg("%s", cases[i].list);
        }
    }
}

static void media_types(void **state)
{
    (void)state;
    assert_true(cmp_str_equal(field_media_type(CMP_STR("a/b")), CMP_STR("a/b")));
    assert_true(cmp_str_equal(field_media_type(CMP_STR(" a/b \t; c=d")), CMP_STR("a/b")));
    assert_true(cmp_str_equal(field_media_type(CMP_STR("a/b;")), CMP_STR("a/b")));
    assert_true(cmp_str_equal(field_media_type(CMP_STR("a/b c/d")), CMP_STR("a/b c/d")));
}

static void qualities(void **state)
{
    static const struct {
        const char *parameters;
        int quality;
    } cases[] = {
        {"", 1000},          {"x=y", 1000},
        {"q=1", 1000},       {"q=1.000", 1000},
        {"Q=0.5", 500},      {"q=0.123", 123},
        {"q=0.", 0},         {"q=0", 0},
        {"x=y; q=0.7", 700}, {"x=\"q=1;\";q=0.2", 200},
        {"q=1.001", 0},      {"q=2", 0},
        {"q=-1", 0},         {"q=.5", 0},
        {"q=0.1234", 0},     {"q=0,5", 0},
        {"q=", 0},           {"q=nan", 0},
        {"q=0x1", 0},        {"q=1e3", 0},
        {"q=9999999999", 0},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const int quality = field_quality(cmp_str_from(cases[i].parameters));
        if (quality != cases[i].quality) {
            fail_msg("%s: %d", cases[i].parameters, quality);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hosts_that_are_none),
        cmocka_unit_test(hosts),
        cmocka_unit_test(tokens),
        cmocka_unit_test(parts),
        cmocka_unit_test(lists),
        cmocka_unit_test(media_types),
        cmocka_unit_test(qualities),
    };
    return cmocka_run_group_tests_name("field", tests, NULL, NULL);
}
