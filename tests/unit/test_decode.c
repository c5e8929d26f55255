/* SPDX-License-Identifier: Apache-2.0 */
/* mc/decode.c: query strings, forms and JSON become one message, or one fault that says where. */
#include "mc/decode.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

typedef bool decoder(cmp_str text, kit_arena *a, message *m, fault *f);

static kit_arena memory;
static message m;
static fault f;

static int setup(void **state)
{
    (void)state;
    kit_arena_init(&memory, NULL, 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    kit_arena_reset(&memory);
    return 0;
}

/* Decodes a copy that ends where its memory ends, so that a sanitizer sees octets read too many. */
static bool decode(decoder *run, cmp_str text)
{
    char *copy = malloc(text.size != 0 ? text.size : 1);
    assert_non_null(copy);
    memcpy(copy, text.at, text.size);
    m = (message){0};
    f = (fault){.code = ERROR_NONE};
    const bool good = run((cmp_str){copy, text.size}, &memory, &m, &f);
    /* What is read after this has to be in memory that lives on. */
    f.parameter = kit_arena_copy(&memory, f.parameter);
    for (cmp_param param = 0; param < CMP_PARAM_MAX; param++) {
        m.params[param] = kit_arena_copy(&memory, m.params[param]);
    }
    for (size_t i = 0; i < m.contextual_count; i++) {
        m.contextual[i].name = kit_arena_copy(&memory, m.contextual[i].name);
        m.contextual[i].value = kit_arena_copy(&memory, m.contextual[i].value);
    }
    free(copy);
    return good;
}

static void assert_str(cmp_str got, const char *wanted)
{
    if (wanted == NULL) {
        assert_null(got.at);
        return;
    }
    assert_non_null(got.at);
    assert_int_equal(got.size, strlen(wanted));
    assert_memory_equal(got.at, wanted, got.size);
}

typedef struct bad_case {
    cmp_str text;
    error_code code;
    const char *parameter;
} bad_case;

#define BAD(literal, code, parameter)                                                              \
    {                                                                                              \
        {(literal), sizeof(literal) - 1}, ERROR_##code, parameter                                  \
    }

static void check_bad(decoder *run, const bad_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (decode(run, cases[i].text) || f.code != cases[i].code) {
            fail_msg("%.*s: code %d", (int)cases[i].text.size, cases[i].text.at, (int)f.code);
        }
        assert_str(f.parameter, cases[i].parameter);
    }
}

/* ---- forms ---- */

static void form_bad(void **state)
{
    (void)state;
    static const bad_case cases[] = {
        BAD("tid=%", MALFORMED, "tid"),
        BAD("tid=%4", MALFORMED, "tid"),
        BAD("tid=%4&ici=1", MALFORMED, "tid"),
        BAD("tid=%&41", MALFORMED, "tid"),
        BAD("tid=%zz", MALFORMED, "tid"),
        BAD("tid=%4g", MALFORMED, "tid"),
        BAD("tid=%%41", MALFORMED, "tid"),
        BAD("tid=%u0041", MALFORMED, "tid"),
        BAD("tid=a&x[0]=%", MALFORMED, "x"),
        BAD("t%69d=%", MALFORMED, "tid"),
        BAD("%=1", MALFORMED, NULL),
        BAD("%4=1", MALFORMED, NULL),
        BAD("ti%6=1", MALFORMED, NULL),
        BAD("=1", MALFORMED, NULL),
        BAD("tid=1&=", MALFORMED, NULL),
        BAD("tid=1&tid=1", DUPLICATE_PARAMETER, "tid"),
        BAD("tid=1&t%69d=1", DUPLICATE_PARAMETER, "tid"),
        BAD("tid&tid", DUPLICATE_PARAMETER, "tid"),
        BAD("in=1&income=1", DUPLICATE_PARAMETER, "income"),
        BAD("income=1&in=1", DUPLICATE_PARAMETER, "income"),
        BAD("x=1&x=1", DUPLICATE_PARAMETER, "x"),
        BAD("tid=%00", INVALID_PARAMETER, "tid"),
        BAD("tid=a\0b", INVALID_PARAMETER, "tid"),
        BAD("user=%0d%0aSet-Cookie", INVALID_PARAMETER, "user"),
        BAD("user=%c3%28", INVALID_PARAMETER, "user"),
        BAD("user=%c0%80", INVALID_PARAMETER, "user"),
        BAD("user=\xFF", INVALID_PARAMETER, "user"),
        BAD("x=%7f", INVALID_PARAMETER, "x"),
        BAD("%00=1", INVALID_PARAMETER, NULL),
        BAD("a%00b=1", INVALID_PARAMETER, "a"),
        BAD("a+b=1", INVALID_PARAMETER, "a"),
        BAD("1=1", INVALID_PARAMETER, NULL),
        BAD("tid=1;ici=2&a;b=1", INVALID_PARAMETER, "a"),
    };
    check_bad(decode_form, cases, COUNT(cases));
}

static void form_good(void **state)
{
    (void)state;
    assert_true(decode(decode_form, CMP_STR("&&tid=t%2B1&ici=1A0F1%2f7&user=J%C3%BCrgen+M&x=a=b%3d&"
                                            "%79=+&addr&language=&signature=+/==&z=1")));
    assert_str(m.params[CMP_PARAM_TID], "t+1");
    assert_str(m.params[CMP_PARAM_ICI], "1A0F1/7");
    assert_str(m.params[CMP_PARAM_USER], "J\xC3\xBCrgen M");
    assert_str(m.params[CMP_PARAM_ADDR], "");
    assert_str(m.params[CMP_PARAM_LANGUAGE], "");
    assert_str(m.params[CMP_PARAM_SIGNATURE], " /==");
    assert_str(m.params[CMP_PARAM_CC], NULL);
    assert_int_equal(m.contextual_count, 3);
    assert_str(m.contextual[0].name, "x");
    assert_str(m.contextual[0].value, "a=b=");
    assert_str(m.contextual[1].name, "y");
    assert_str(m.contextual[1].value, " ");
    assert_str(m.contextual[2].name, "z");
    assert_str(m.contextual[2].value, "1");
}

static void form_of_nothing(void **state)
{
    (void)state;
    static const cmp_str texts[] = {{NULL, 0}, {"", 0}, {"&", 1}, {"&&&&", 4}};
    for (size_t i = 0; i < COUNT(texts); i++) {
        m = (message){0};
        assert_true(decode_form(texts[i], &memory, &m, &f));
        for (cmp_param param = 0; param < CMP_PARAM_MAX; param++) {
            assert_null(m.params[param].at);
        }
        assert_int_equal(m.contextual_count, 0);
    }
}

static void form_borrows_what_is_plain(void **state)
{
    (void)state;
    const cmp_str text = CMP_STR("tid=t-1&user=a%20b&ici=1A0F1&x=plain");
    m = (message){0};
    assert_true(decode_form(text, &memory, &m, &f));
    assert_ptr_equal(m.params[CMP_PARAM_TID].at, text.at + 4);
    assert_ptr_equal(m.params[CMP_PARAM_ICI].at, text.at + 23);
    assert_ptr_equal(m.contextual[0].name.at, text.at + 29);
    assert_ptr_equal(m.contextual[0].value.at, text.at + 31);
    assert_str(m.params[CMP_PARAM_USER], "a b");
    assert_true(m.params[CMP_PARAM_USER].at < text.at ||
                m.params[CMP_PARAM_USER].at >= text.at + text.size);
}

static void form_takes_no_memory_for_plain_table_19(void **state)
{
    (void)state;
    m = (message){0};
    assert_true(decode_form(CMP_STR("tid=t-1&ici=1A0F1&user=someone&cc=CA"), &memory, &m, &f));
    assert_null(memory.blocks);
}

/* Every octet, plain and escaped, comes out as itself or is refused. */
static void form_of_every_octet(void **state)
{
    (void)state;
    for (int octet = 0; octet < 256; octet++) {
        char text[] = "user=%00";
        snprintf(text + 6, 3, "%02X", (unsigned)octet);
        const bool good = octet >= 0x20 && octet < 0x7F;
        assert_int_equal(decode(decode_form, (cmp_str){text, 8}), good);
        if (good) {
            const char wanted[] = {(char)octet, '\0'};
            assert_str(m.params[CMP_PARAM_USER], wanted);
        }
    }
}

/* ---- JSON ---- */

static void json_bad(void **state)
{
    (void)state;
    static const bad_case cases[] = {
        BAD("", MALFORMED, NULL),
        BAD(" ", MALFORMED, NULL),
        BAD("{", MALFORMED, NULL),
        BAD("null", MALFORMED, NULL),
        BAD("\"tid\"", MALFORMED, NULL),
        BAD("[]", MALFORMED, NULL),
        BAD("[\"tid\",\"1\"]", MALFORMED, NULL),
        BAD("{\"tid\":\"1\"", MALFORMED, NULL),
        BAD("{\"tid\":\"1\"}x", MALFORMED, NULL),
        BAD("{\"tid\":\"1\"}{}", MALFORMED, NULL),
        BAD("{\"tid\":\"1\",}", MALFORMED, NULL),
        BAD("{tid:\"1\"}", MALFORMED, NULL),
        BAD("{\"tid\":'1'}", MALFORMED, NULL),
        BAD("{\"tid\":\"\n\"}", MALFORMED, NULL),
        BAD("{\"tid\":\"\xFF\"}", MALFORMED, NULL),
        BAD("{\"tid\":\"\\ud800\"}", MALFORMED, NULL),
        BAD("\xEF\xBB\xBF{}", MALFORMED, NULL),
        BAD("tid=1&ici=2", MALFORMED, NULL),
        BAD("{\"tid\":1}", INVALID_PARAMETER, "tid"),
        BAD("{\"tid\":null}", INVALID_PARAMETER, "tid"),
        BAD("{\"tid\":true}", INVALID_PARAMETER, "tid"),
        BAD("{\"tid\":{}}", INVALID_PARAMETER, "tid"),
        BAD("{\"count\":3}", INVALID_PARAMETER, "count"),
        BAD("{\"x\":[\"1\"]}", INVALID_PARAMETER, "x"),
        BAD("{\"tid\":\"a\\u0000b\"}", INVALID_PARAMETER, "tid"),
        BAD("{\"tid\":\"\\u0000\"}", INVALID_PARAMETER, "tid"),
        BAD("{\"user\":\"a\\nb\"}", INVALID_PARAMETER, "user"),
        BAD("{\"x\":\"\\u007f\"}", INVALID_PARAMETER, "x"),
        BAD("{\"\":\"1\"}", INVALID_PARAMETER, NULL),
        BAD("{\"a b\":\"1\"}", INVALID_PARAMETER, "a"),
        BAD("{\"a b\":1}", INVALID_PARAMETER, "a"),
        BAD("{\"\\u00e9\":\"1\"}", INVALID_PARAMETER, NULL),
        BAD("{\"a\\u0000b\":\"1\"}", INVALID_PARAMETER, "a"),
        BAD("{\"\\u0000\":\"1\"}", INVALID_PARAMETER, NULL),
        BAD("{\"tid\":\"1\",\"tid\":\"1\"}", DUPLICATE_PARAMETER, "tid"),
        BAD("{\"tid\":\"1\",\"\\u0074id\":\"1\"}", DUPLICATE_PARAMETER, "tid"),
        BAD("{\"x\":\"1\",\"x\":\"1\"}", DUPLICATE_PARAMETER, "x"),
        BAD("{\"a-rather-long-name-this\":\"1\",\"a-rather-long-name-this\":\"1\"}",
            DUPLICATE_PARAMETER, "a-rather-long-name-this"),
        BAD("{\"in\":\"1\",\"income\":\"1\"}", DUPLICATE_PARAMETER, "income"),
    };
    check_bad(decode_json, cases, COUNT(cases));
}

static void json_nested(void **state)
{
    (void)state;
    static char text[16384];
    memset(text, '[', sizeof(text));
    assert_false(decode(decode_json, (cmp_str){text, sizeof(text)}));
    assert_int_equal(f.code, ERROR_MALFORMED);
    for (size_t i = 0; i + 5 <= sizeof(text); i += 5) {
        memcpy(text + i, "{\"a\":", 5);
    }
    assert_false(decode(decode_json, (cmp_str){text, sizeof(text)}));
    assert_int_equal(f.code, ERROR_INVALID_PARAMETER);
    assert_str(f.parameter, "a");
}

static void json_good(void **state)
{
    (void)state;
    assert_true(decode(decode_json,
                       CMP_STR(" {\"tid\":\"t+1\",\"ici\":\"1A0F1\\/7\",\"zeta\":\"\\u20ac\","
                               "\"user\":\"J\xC3\xBCrgen M\",\"language\":\"\",\"a\":\"%41\"}\n")));
    assert_str(m.params[CMP_PARAM_TID], "t+1");
    assert_str(m.params[CMP_PARAM_ICI], "1A0F1/7");
    assert_str(m.params[CMP_PARAM_USER], "J\xC3\xBCrgen M");
    assert_str(m.params[CMP_PARAM_LANGUAGE], "");
    assert_str(m.params[CMP_PARAM_CC], NULL);
    assert_int_equal(m.contextual_count, 2);
    assert_str(m.contextual[0].name, "zeta");
    assert_str(m.contextual[0].value, "\xE2\x82\xAC");
    assert_str(m.contextual[1].name, "a");
    assert_str(m.contextual[1].value, "%41");
}

static void json_of_nothing(void **state)
{
    (void)state;
    assert_true(decode(decode_json, CMP_STR("{}")));
    assert_null(m.params[CMP_PARAM_TID].at);
    assert_int_equal(m.contextual_count, 0);
}

/* ---- both ---- */

static void too_much_contextual_is_named(void **state)
{
    (void)state;
    char form[1024] = "", json[2048] = "{";
    for (int i = 0; i <= CONTEXTUAL_MAX; i++) {
        snprintf(form + strlen(form), 16, "&x%d=1", i);
        snprintf(json + strlen(json), 16, "%s\"x%d\":\"1\"", i > 0 ? "," : "", i);
    }
    strcat(json, "}");
    assert_false(decode(decode_form, cmp_str_from(form)));
    assert_int_equal(f.code, ERROR_INVALID_PARAMETER);
    assert_str(f.parameter, "x32");
    assert_false(decode(decode_json, cmp_str_from(json)));
    assert_int_equal(f.code, ERROR_INVALID_PARAMETER);
    assert_str(f.parameter, "x32");
}

/* A decoder reads no more of a value than may be in it: what is broken behind that is not seen. */
static void what_is_too_long_is_not_read_to_its_end(void **state)
{
    (void)state;
    static const struct {
        const char *form, *json, *parameter;
        size_t room;
    } cases[] = {
        {"user=", "{\"user\":\"", "user", PARAM_VALUE_MAX},
        {"c=", "{\"c\":\"", "c", CONTEXTUAL_SIZE_MAX - 1},
        {"a=%c3%bc&c=", "{\"a\":\"\\u00fc\",\"c\":\"", "c", CONTEXTUAL_SIZE_MAX - 4},
    };
    static const char *const octets[][2] = {{"x", "x"}, {"%78", "\\u0078"}};
    static char text[CONTEXTUAL_SIZE_MAX * 8];
    for (size_t i = 0; i < 2 * 2 * COUNT(cases); i++) {
        const bool json = i % 2 == 1;
        const size_t which = i / 4;
        const char *octet = octets[i / 2 % 2][json ? 1 : 0];
        size_t size = 0;
        for (size_t n = 0; n <= cases[which].room; n++) {
            size += (size_t)sprintf(text + size, "%s%s",
                                    n > 0   ? ""
                                    : !json ? cases[which].form
                                            : cases[which].json,
                                    octet);
            if (n + 1 == cases[which].room) { /* as much as there is room for */
                const int end = sprintf(text + size, "%s", json ? "\"}" : "");
                assert_true(
                    decode(json ? decode_json : decode_form, (cmp_str){text, size + (size_t)end}));
            }
        }
        size += (size_t)sprintf(text + size, "%s", json ? "\\x" : "%zz");
        assert_false(decode(json ? decode_json : decode_form, (cmp_str){text, size}));
        assert_int_equal(f.code, ERROR_INVALID_PARAMETER);
        assert_str(f.parameter, cases[which].parameter);
    }
}

/* The same of names, of which a fault shows what is allowed. */
static void names_that_are_too_long(void **state)
{
    (void)state;
    char name[PARAM_NAME_MAX + 2], text[1024];
    for (size_t extra = 0; extra <= 1; extra++) {
        memset(name, 'n', sizeof(name));
        name[PARAM_NAME_MAX + extra] = '\0';
        static const char *const forms[] = {"%s=1", "%%6e%s=1", "{\"%s\":\"1\"}",
                                            "{\"\\u006e%s\":\"1\"}"};
        for (size_t i = 0; i < COUNT(forms); i++) {
            snprintf(text, sizeof(text), forms[i], name + i % 2);
            assert_int_equal(decode(i < 2 ? decode_form : decode_json, cmp_str_from(text)),
                             extra == 0);
            if (extra == 1) {
                assert_int_equal(f.code, ERROR_INVALID_PARAMETER);
                assert_int_equal(f.parameter.size, PARAM_NAME_MAX);
            }
        }
    }
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(form_bad),
        TEST(form_good),
        TEST(form_of_nothing),
        TEST(form_borrows_what_is_plain),
        TEST(form_takes_no_memory_for_plain_table_19),
        TEST(form_of_every_octet),
        TEST(json_bad),
        TEST(json_nested),
        TEST(json_good),
        TEST(json_of_nothing),
        TEST(too_much_contextual_is_named),
        TEST(what_is_too_long_is_not_read_to_its_end),
        TEST(names_that_are_too_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
