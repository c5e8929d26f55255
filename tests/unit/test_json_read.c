/* SPDX-License-Identifier: Apache-2.0 */
/* mc/json_read.c: what is no object is refused, and what is one reads as Jansson reads it. */
#include "json_check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* From memory of just that size, so that a sanitizer sees octets read too many. */
static json_fault fault_of(cmp_str body)
{
    char *exact = malloc(body.size > 0 ? body.size : 1);
    assert_non_null(exact);
    memcpy(exact, body.at, body.size);
    kit_arena a;
    kit_arena_init(&a, NULL, 0);
    const cmp_str copy = {exact, body.size};
    if (!json_agrees(copy, &a)) {
        fail_msg("Jansson reads it otherwise: %.*s", (int)body.size, body.at);
    }
    const json_fault fault = json_fault_of(copy, &a);
    kit_arena_reset(&a);
    free(exact);
    return fault;
}

static void assert_fault(cmp_str body, json_fault wanted)
{
    if (fault_of(body) != wanted) {
        fail_msg("not \"%s\": %.*s", json_fault_text(wanted), (int)body.size, body.at);
    }
}

static void refuses_what_is_no_object(void **state)
{
    (void)state;
    static const cmp_str cases[] = {
        {"", 0}, {" ", 1}, {"[]", 2}, {"\"a\"", 3}, {"1", 1}, {"null", 4}, {"{", 1}, {"}", 1},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_fault(cases[i], JSON_FAULT_SYNTAX);
    }
    kit_arena a;
    kit_arena_init(&a, NULL, 0);
    assert_int_equal(json_fault_of(CMP_NONE, &a), JSON_FAULT_SYNTAX);
}

static void refuses_broken_structure(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "{,}",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{,\"a\":1}",
        "{\"a\":1 \"b\":2}",
        "{\"a\":1;\"b\":2}",
        "{\"a\" 1}",
        "{\"a\"::1}",
        "{a:1}",
        "{'a':1}",
        "{1:1}",
        "{null:1}",
        "{\"a\":1}}",
        "{\"a\":1}{}",
        "{\"a\":1} x",
        "{\"a\":1",
        "{\"a\":1,",
        "{\"a\":1/* */}",
        "{\"a\":[}",
        "{\"a\":[1}",
        "{\"a\":[1,]}",
        "{\"a\":[,1]}",
        "{\"a\":[1 2]}",
        "{\"a\":[1:2]}",
        "{\"a\":{1:2}}",
        "{\"a\":{\"b\":1,}}",
        "{\"a\":{\"b\",1}}",
        "{\"a\":[{]}}",
        "{\"a\":]}",
        "\v{}",
        "\f{}",
        "{}\f",
        "\xC2\xA0{}",
        "\xEF\xBB\xBF{}",
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_fault(cmp_str_from(cases[i]), JSON_FAULT_SYNTAX);
    }
    assert_fault((cmp_str){"{}\0", 3}, JSON_FAULT_SYNTAX);
    assert_fault((cmp_str){"\0{}", 3}, JSON_FAULT_SYNTAX);
    assert_fault((cmp_str){"{\"a\":0\0}", 8}, JSON_FAULT_SYNTAX);
}

/* Each as a member's value, and inside of an array and an object that are skipped. */
static void assert_value(const char *value, json_fault wanted)
{
    static const char *const places[] = {
        "{\"a\":%s}", "{\"a\":%s,\"b\":1}", "{ \"a\" : %s }", "{\"a\":[%s]}", "{\"a\":{\"b\":%s}}",
    };
    for (size_t i = 0; i < COUNT(places); i++) {
        char body[256];
        snprintf(body, sizeof(body), places[i], value);
        assert_fault(cmp_str_from(body), wanted);
    }
}

static void refuses_values(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "tru",
        "True",
        "truefalse",
        "nul",
        "nulll",
        "NaN",
        "Infinity",
        "-",
        "+1",
        "01",
        "-01",
        "00",
        ".5",
        "1.",
        "1.e1",
        "-.5",
        "1e",
        "1e+",
        "1E-",
        "0x1",
        "1_0",
        "1 0",
        "1a",
        "--1",
        "\"",
        "\"a",
        "'a'",
        "\"\n\"",
        "\"\t\"",
        "\"\x1F\"",
        "\"abcdefgh\x01\"",
        "\"\\\"",
        "\"\\a\"",
        "\"\\x41\"",
        "\"\\U0041\"",
        "\"\\u\"",
        "\"\\u00\"",
        "\"\\u004\"",
        "\"\\u004g\"",
        "\"\\u+041\"",
        "\"\\u0000\"",
        "\"\\uD800\"",
        "\"\\uD800x\"",
        "\"\\uD800\\n\"",
        "\"\\uD800\\u0041\"",
        "\"\\uD800\\uD800\"",
        "\"\\uDC00\"",
        "\"\\uDFFF\\uD800\"",
        "\"\\uDBFF\\uE000\"",
        "\"\x80\"",
        "\"\xC0\x80\"",
        "\"\xC3\"",
        "\"\xC3(\"",
        "\"\xE2\x82\"",
        "\"\xED\xA0\x80\"",
        "\"\xF4\x90\x80\x80\"",
        "\"\xF8\x88\x80\x80\x80\"",
        "\"\xFF\"",
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_value(cases[i], JSON_FAULT_SYNTAX);
    }
    assert_fault((cmp_str){"{\"a\":\"\0\"}", 9}, JSON_FAULT_SYNTAX);
    assert_fault((cmp_str){"{\"\0\":1}", 7}, JSON_FAULT_SYNTAX);
    assert_fault(CMP_STR("{\"\\u0000\":1}"), JSON_FAULT_SYNTAX);
}

static void refuses_a_member_given_twice(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "{\"a\":1,\"a\":1}",   "{\"a\":1,\"b\":2,\"a\":\"x\"}",
        "{\"\":1,\"\":2}",     "{\"tid\":1,\"t\\u0069d\":2}",
        "{\"\\/\":1,\"/\":2}", "{\"\xC3\xA9\":1,\"\\u00e9\":2}",
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_fault(cmp_str_from(cases[i]), JSON_FAULT_TWICE);
    }
    assert_fault(CMP_STR("{\"a\":1,\"A\":1,\"aa\":1}"), JSON_FAULT_NONE);
    assert_fault(CMP_STR("{\"a\":{\"b\":1,\"b\":2},\"b\":3}"), JSON_FAULT_NONE);
}

static void limits_the_members(void **state)
{
    (void)state;
    for (unsigned members = JSON_MEMBERS_MAX; members <= JSON_MEMBERS_MAX + 1; members++) {
        char body[1024];
        size_t size = 0;
        for (unsigned i = 0; i < members; i++) {
            size += (size_t)snprintf(body + size, sizeof(body) - size, "%c\"%u\":0",
                                     i == 0 ? '{' : ',', i);
        }
        body[size++] = '}';
        assert_fault((cmp_str){body, size},
                     members > JSON_MEMBERS_MAX ? JSON_FAULT_MEMBERS : JSON_FAULT_NONE);
    }
}

static void limits_the_depth(void **state)
{
    (void)state;
    for (size_t depth = JSON_DEPTH_MAX - 1; depth <= JSON_DEPTH_MAX; depth++) {
        for (int objects = 0; objects < 2; objects++) {
            kit_arena a;
            kit_arena_init(&a, NULL, 0);
            const char *nested = objects ? "1" : "";
            for (size_t i = 0; i < depth; i++) {
                nested = kit_arena_printf(&a, objects ? "{\"a\":%s}" : "[%s]", nested);
            }
            const char *body = kit_arena_printf(&a, "{\"a\":%s}", nested);
            assert_fault(cmp_str_from(body),
                         depth == JSON_DEPTH_MAX ? JSON_FAULT_DEPTH : JSON_FAULT_NONE);
            kit_arena_reset(&a);
        }
    }
    /* Many brackets end at the limit and not with the stack. */
    char *bomb = malloc(100000);
    assert_non_null(bomb);
    memset(bomb, '[', 100000);
    memcpy(bomb, "{\"a\":", 5);
    assert_fault((cmp_str){bomb, 100000}, JSON_FAULT_DEPTH);
    free(bomb);
}

static void accepts_values(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "true",
        "false",
        "null",
        "0",
        "-0",
        "1",
        "-1",
        "10",
        "0.0",
        "-0.5",
        "1.25e10",
        "1E+2",
        "0e-0",
        "{}",
        "[]",
        " [ ] ",
        "[[],{}]",
        "[1, \"a\" ]",
        "\"\"",
        "\"plain\"",
        "\"a\x7F\"",
        "\"\\\\\"",
        "\"\\\"\\/\"",
        "\"\\u0001\"",
        "\"\\uFFFF\"",
        "\"\\ud83d\\uDE00\"",
        "\"\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80\"",
        "9223372036854775807",
        "-9223372036854775808",
        "{\"b\":{\"c\":[1,2,{\"d\":null}]},\"e\":\"\\n\"}",
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_value(cases[i], JSON_FAULT_NONE);
    }
    assert_fault(CMP_STR(" \t\r\n{ \t\r\n} \t\r\n"), JSON_FAULT_NONE);
}

/* One member, alone in its object. */
static json_member only(const char *body, kit_arena *a)
{
    json_in in;
    json_member m, end;
    json_open(&in, cmp_str_from(body), a);
    assert_true(json_next(&in, &m));
    assert_false(json_next(&in, &end));
    assert_int_equal(in.fault, JSON_FAULT_NONE);
    return m;
}

static void assert_text(cmp_str text, const char *wanted)
{
    assert_int_equal(text.size, strlen(wanted));
    assert_memory_equal(text.at, wanted, text.size);
}

static void integers_are_those_that_fit(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        json_kind kind;
        int64_t number;
    } cases[] = {
        {"0", JSON_KIND_INTEGER, 0},
        {"-0", JSON_KIND_INTEGER, 0},
        {"-17", JSON_KIND_INTEGER, -17},
        {"9223372036854775807", JSON_KIND_INTEGER, INT64_MAX},
        {"-9223372036854775808", JSON_KIND_INTEGER, INT64_MIN},
        {"9223372036854775808", JSON_KIND_OTHER, 0},
        {"-9223372036854775809", JSON_KIND_OTHER, 0},
        {"100000000000000000000000", JSON_KIND_OTHER, 0},
        {"1.0", JSON_KIND_OTHER, 0},
        {"1e3", JSON_KIND_OTHER, 0},
        {"1e999", JSON_KIND_OTHER, 0},
        {"true", JSON_KIND_OTHER, 0},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        kit_arena a;
        kit_arena_init(&a, NULL, 0);
        const json_member m = only(kit_arena_printf(&a, "{\"n\":%s}", cases[i].text), &a);
        assert_int_equal(m.kind, cases[i].kind);
        assert_int_equal(m.number, cases[i].kind == JSON_KIND_INTEGER ? cases[i].number : m.number);
        assert_text(m.value, cases[i].text);
        kit_arena_reset(&a);
    }
}

static void decodes_escapes(void **state)
{
    (void)state;
    static const struct {
        const char *written, *text;
    } cases[] = {
        {"", ""},
        {"plain", "plain"},
        {"\\\"\\\\\\/\\b\\f\\n\\r\\t", "\"\\/\b\f\n\r\t"},
        {"a\\nb", "a\nb"},
        {"\\u0041\\u00e9\\u20AC", "A\xC3\xA9\xE2\x82\xAC"},
        {"\\u007f\\u0080\\u07ff\\u0800\\uffff", "\x7F\xC2\x80\xDF\xBF\xE0\xA0\x80\xEF\xBF\xBF"},
        {"\\ud800\\udc00\\uDBFF\\uDFFF", "\xF0\x90\x80\x80\xF4\x8F\xBF\xBF"},
        {"\xE2\x82\xAC\\u0020\xE2\x82\xAC", "\xE2\x82\xAC \xE2\x82\xAC"},
        {"https:\\/\\/example.net\\/a", "https://example.net/a"},
        {"12345678\\\\12345678", "12345678\\12345678"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        kit_arena a;
        kit_arena_init(&a, NULL, 0);
        json_member m = only(kit_arena_printf(&a, "{\"k\":\"%s\"}", cases[i].written), &a);
        assert_int_equal(m.kind, JSON_KIND_STRING);
        assert_text(m.key, "k");
        assert_text(m.value, cases[i].text);
        m = only(kit_arena_printf(&a, "{\"%s\":null}", cases[i].written), &a);
        assert_text(m.key, cases[i].text);
        kit_arena_reset(&a);
    }
}

static void without_escapes_strings_are_borrowed(void **state)
{
    (void)state;
    kit_arena a;
    kit_arena_init(&a, NULL, 0);
    const char *body = "{\"key\":\"value\"}";
    const json_member m = only(body, &a);
    assert_ptr_equal(m.key.at, body + 2);
    assert_ptr_equal(m.value.at, body + 8);
    assert_null(a.blocks);
}

static void members_come_in_order(void **state)
{
    (void)state;
    static const char body[] = "{\"a\":\"1\",\"b\":{\"x\":[\"y\",{}]} ,\"c\":-3,\"d\":null}";
    static const struct {
        const char *key, *value;
        json_kind kind;
    } wanted[] = {
        {"a", "1", JSON_KIND_STRING},
        {"b", "{\"x\":[\"y\",{}]}", JSON_KIND_OTHER},
        {"c", "-3", JSON_KIND_INTEGER},
        {"d", "null", JSON_KIND_OTHER},
    };
    kit_arena a;
    kit_arena_init(&a, NULL, 0);
    json_in in;
    json_member m;
    json_open(&in, CMP_STR(body), &a);
    for (size_t i = 0; i < COUNT(wanted); i++) {
        assert_true(json_next(&in, &m));
        assert_text(m.key, wanted[i].key);
        assert_text(m.value, wanted[i].value);
        assert_int_equal(m.kind, wanted[i].kind);
    }
    assert_false(json_next(&in, &m));
    assert_int_equal(in.fault, JSON_FAULT_NONE);
}

/* The same numbers at every run. */
static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525 + 1013904223;
    return *seed >> 16;
}

/* Pieces of JSON in any order: mostly nonsense, and sometimes not. */
static void random_bodies(void **state)
{
    (void)state;
    static const char *const pieces[] = {
        "{",          "}",    "[",  "]",       ",",    ":",        "\"a\"",    "\"b\"",
        "\"c\\n\"",   "\"",   "\\", "\\u00e9", "1",    "-0",       ".5",       "e1",
        "true",       "null", " ",  "\xC3",    "\xA9", "{\"a\":1", ",\"b\":[", "\"\\ud83d\\ude00\"",
        ":{\"x\":1}", "\x01",
    };
    uint32_t seed = 20261124;
    for (int round = 0; round < 20000; round++) {
        char text[256] = "{\"a\":";
        for (uint32_t left = next_random(&seed) % 8; left > 0; left--) {
            strcat(text, pieces[next_random(&seed) % COUNT(pieces)]);
        }
        strcat(text, next_random(&seed) % 4 != 0 ? "}" : "");
        fault_of(cmp_str_from(text));
    }
}

/* Each octet at each place of a good body. */
static void every_octet_at_every_place(void **state)
{
    (void)state;
    static const char good[] = "{\"ab\":\"c\\u00e9d\",\"e\":[1,{}],\"f\":-2.5e1}";
    for (size_t at = 0; at < sizeof(good) - 1; at++) {
        char body[sizeof(good)];
        memcpy(body, good, sizeof(good));
        for (int octet = 0; octet < 256; octet++) {
            body[at] = (char)octet;
            fault_of((cmp_str){body, sizeof(good) - 1});
        }
        assert_fault((cmp_str){good, at}, JSON_FAULT_SYNTAX);
    }
}

/* ---- objects of strings ---- */

/* Writes what json_key and its kin read of a body, `name=value;` each, a list as `name=[a|b]`, and
 * returns the fault at its end. Of a name 4 octets are wanted, of a string 6. */
static json_fault strings_of(const char *body, char *told)
{
    char *exact = malloc(strlen(body) + 1);
    assert_non_null(exact);
    memcpy(exact, body, strlen(body));
    kit_arena a;
    kit_arena_init(&a, NULL, 0);
    json_in in;
    cmp_str text;
    char *to = told;
    json_open(&in, (cmp_str){exact, strlen(body)}, &a);
    while (json_key(&in, 4, &text)) {
        to += sprintf(to, "%.*s=", (int)text.size, text.at);
        if (text.at[0] != 'l') {
            to += json_text(&in, 6, &text) ? sprintf(to, "%.*s;", (int)text.size, text.at) : 0;
        } else if (json_list(&in)) {
            to += sprintf(to, "[");
            while (json_item(&in, 6, &text)) {
                to += sprintf(to, "%.*s|", (int)text.size, text.at);
            }
            to += sprintf(to, "]");
        }
    }
    *to = '\0';
    const json_fault fault = in.fault;
    assert_false(json_key(&in, 4, &text));
    kit_arena_reset(&a);
    free(exact);
    return fault;
}

static void reads_strings_and_lists_of_them(void **state)
{
    (void)state;
    static const struct {
        const char *body, *told;
        json_fault fault;
    } cases[] = {
        {"{}", "", JSON_FAULT_NONE},
        {" { \"a\" : \"\" , \"b\\u00fc\":\"\\u00fc-\xC3\xBC\"} ", "a=;b\xC3\xBC=\xC3\xBC-\xC3\xBC;",
         JSON_FAULT_NONE},
        {"{\"abcd\":\"123456\"}", "abcd=123456;", JSON_FAULT_NONE},
        {"{\"a\":\"\\ud83d\\ude0012\"}",
         "a=\xF0\x9F\x98\x80"
         "12;",
         JSON_FAULT_NONE},
        {"{\"a\":\"1\",\"a\":\"2\"}", "a=1;a=2;", JSON_FAULT_NONE},
        {"{\"l\":[]}", "l=[]", JSON_FAULT_NONE},
        {"{\"l\":[\"1\" , \"\\n\"],\"a\":\"2\"}", "l=[1|\n|]a=2;", JSON_FAULT_NONE},
        {"{\"abcde\":\"", "", JSON_FAULT_LONG},
        {"{\"abc\\u00fc", "", JSON_FAULT_LONG},
        {"{\"a\":\"1234567", "a=", JSON_FAULT_LONG},
        {"{\"a\":\"12345\xC3\xBC", "a=", JSON_FAULT_LONG},
        {"{\"a\":\"123456\\n", "a=", JSON_FAULT_LONG},
        {"{\"a\":\"\\ud83d\\ude00\\ud83d\\ude00", "a=", JSON_FAULT_LONG},
        {"{\"l\":[\"1\",\"1234567", "l=[1|]", JSON_FAULT_LONG},
        {"{\"a\":1", "a=", JSON_FAULT_KIND},
        {"{\"a\":-", "a=", JSON_FAULT_KIND},
        {"{\"a\":t", "a=", JSON_FAULT_KIND},
        {"{\"a\":{", "a=", JSON_FAULT_KIND},
        {"{\"a\":[", "a=", JSON_FAULT_KIND},
        {"{\"l\":{", "l=", JSON_FAULT_KIND},
        {"{\"l\":\"", "l=", JSON_FAULT_KIND},
        {"{\"l\":[[", "l=[]", JSON_FAULT_KIND},
        {"{\"l\":[1", "l=[]", JSON_FAULT_KIND},
        {"{\"l\":x", "l=", JSON_FAULT_SYNTAX},
        {"{\"l\":[,\"1\"]}", "l=[]", JSON_FAULT_SYNTAX},
        {"{\"l\":[\"1\",]}", "l=[1|]", JSON_FAULT_SYNTAX},
        {"{\"l\":[\"1\" \"2\"]}", "l=[1|]", JSON_FAULT_SYNTAX},
        {"{\"l\":[\"1\"}", "l=[1|]", JSON_FAULT_SYNTAX},
        {"{\"l\":[", "l=[]", JSON_FAULT_SYNTAX},
        {"{\"a\":\"1\"", "a=1;", JSON_FAULT_SYNTAX},
        {"{\"a\":\"1\"}x", "a=1;", JSON_FAULT_SYNTAX},
        {"{\"a\":\"1", "a=", JSON_FAULT_SYNTAX},
        {"{\"a\":'1'}", "a=", JSON_FAULT_SYNTAX},
        {"{\"a\":\"\\x\"}", "a=", JSON_FAULT_SYNTAX},
        {"{\"a\":\"\\ud83d\"}", "a=", JSON_FAULT_SYNTAX},
        {"{\"a\":\"\\ude00\"}", "a=", JSON_FAULT_SYNTAX},
        {"{\"a\":\"\\ud83d\\u0041\"}", "a=", JSON_FAULT_SYNTAX},
        {"{\"a\":\"\\u004\"}", "a=", JSON_FAULT_SYNTAX},
        {"{\"a\":\"\xFF\"}", "a=", JSON_FAULT_SYNTAX},
        {"{\"a\":\"\n\"}", "a=", JSON_FAULT_SYNTAX},
        {"{a:\"1\"}", "", JSON_FAULT_SYNTAX},
        {"{\"a\" \"1\"}", "", JSON_FAULT_SYNTAX},
        {"[]", "", JSON_FAULT_SYNTAX},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char told[256];
        const json_fault fault = strings_of(cases[i].body, told);
        if (fault != cases[i].fault || strcmp(told, cases[i].told) != 0) {
            fail_msg("%s: \"%s\", %s", cases[i].body, told, json_fault_text(fault));
        }
    }
}

/* What is passed over eight octets at a time is what is passed over one by one. */
static void spaces_of_any_kind(void **state)
{
    (void)state;
    for (unsigned octet = 1; octet < 256; octet++) {
        for (size_t place = 0; place < 16; place++) {
            char body[] = "{ \n\t\r \n\t\r \n\t\r \n\t\r}", told[256];
            body[1 + place] = (char)octet;
            const bool is_space = strchr(" \n\t\r", (int)octet) != NULL;
            assert_int_equal(strings_of(body, told) == JSON_FAULT_NONE, is_space);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_what_is_no_object),
        cmocka_unit_test(refuses_broken_structure),
        cmocka_unit_test(refuses_values),
        cmocka_unit_test(refuses_a_member_given_twice),
        cmocka_unit_test(limits_the_members),
        cmocka_unit_test(limits_the_depth),
        cmocka_unit_test(accepts_values),
        cmocka_unit_test(integers_are_those_that_fit),
        cmocka_unit_test(decodes_escapes),
        cmocka_unit_test(without_escapes_strings_are_borrowed),
        cmocka_unit_test(members_come_in_order),
        cmocka_unit_test(random_bodies),
        cmocka_unit_test(every_octet_at_every_place),
        cmocka_unit_test(reads_strings_and_lists_of_them),
        cmocka_unit_test(spaces_of_any_kind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
