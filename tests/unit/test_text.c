/* SPDX-License-Identifier: Apache-2.0 */
/* sdk/kit/text.c: what is no good text or number has to be refused. */
#include <cmp-kit/text.h>

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

/* ---- UTF-8 ---- */

static const cmp_str bad_utf8[] = {
    {"\x80", 1},                 /* continuation without a lead */
    {"\xC3", 1},                 /* cut off */
    {"\xE2\x82", 2},             /* cut off */
    {"\xF0\x9F\x98", 3},         /* cut off */
    {"\xC0\xAF", 2},             /* overlong */
    {"\xC1\xBF", 2},             /* overlong */
    {"\xE0\x9F\xBF", 3},         /* overlong */
    {"\xF0\x8F\xBF\xBF", 4},     /* overlong */
    {"\xED\xA0\x80", 3},         /* surrogate */
    {"\xED\xBF\xBF", 3},         /* surrogate */
    {"\xF4\x90\x80\x80", 4},     /* above U+10FFFF */
    {"\xF5\x80\x80\x80", 4},     /* no lead */
    {"\xFF", 1},                 /* no lead */
    {"\xC3\x28", 2},             /* no continuation */
    {"\xE2\x28\xA1", 3},         /* no continuation */
    {"\xE2\x82\x28", 3},         /* no continuation */
    {"\xF0\x9F\x98\x28", 4},     /* no continuation */
    {"\xF0\x28\x8C\xBC", 4},     /* no continuation */
    {"\xE2\x82\xAC\xE2\x82", 5}, /* a good one, then one that is cut off */
};

static const cmp_str good_utf8[] = {
    {"", 0},
    {"a", 1},
    {"a\0b", 3},
    {"\xC2\x80", 2},
    {"\xDF\xBF", 2},
    {"\xE0\xA0\x80", 3},
    {"\xED\x9F\xBF", 3},
    {"\xEE\x80\x80", 3},
    {"\xEF\xBF\xBF", 3},
    {"\xF0\x90\x80\x80", 4},
    {"\xF4\x8F\xBF\xBF", 4},
};

/* Every place within and around a run of eight. */
static void check_at_every_place(cmp_str character, bool good)
{
    for (size_t before = 0; before < 18; before++) {
        for (size_t after = 0; after < 18; after += 3) {
            char text[64];
            memset(text, 'x', sizeof(text));
            memcpy(text + before, character.at, character.size);
            const cmp_str copy = exact((cmp_str){text, before + character.size + after});
            assert_int_equal(kit_utf8_valid(copy), good);
            drop(copy);
        }
    }
}

static void utf8_bad(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(bad_utf8); i++) {
        check_at_every_place(bad_utf8[i], false);
    }
}

static void utf8_good(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(good_utf8); i++) {
        check_at_every_place(good_utf8[i], true);
    }
    assert_true(kit_utf8_valid(CMP_NONE));
}

static void utf8_first_says_the_size(void **state)
{
    (void)state;
    assert_int_equal(kit_utf8_first(CMP_NONE), 0);
    assert_int_equal(kit_utf8_first(CMP_STR("\xFFz")), 0);
    assert_int_equal(kit_utf8_first(CMP_STR("az")), 1);
    assert_int_equal(kit_utf8_first(CMP_STR("\xC3\xA9z")), 2);
    assert_int_equal(kit_utf8_first(CMP_STR("\xE2\x82\xACz")), 3);
    assert_int_equal(kit_utf8_first(CMP_STR("\xF0\x9F\x98\x80z")), 4);
}

static void utf8_cut_keeps_characters_whole(void **state)
{
    (void)state;
    const char *text = "a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80";
    const size_t cuts[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10};
    for (size_t size = 0; size < COUNT(cuts); size++) {
        const cmp_str head = exact((cmp_str){text, size});
        assert_int_equal(kit_utf8_cut(head.at, size), cuts[size]);
        drop(head);
    }
}

/* ---- letters ---- */

static void equal_fold(void **state)
{
    (void)state;
    assert_false(kit_ascii_equal_fold(CMP_STR("abc"), CMP_STR("abd")));
    assert_false(kit_ascii_equal_fold(CMP_STR("abc"), CMP_STR("ab")));
    assert_false(kit_ascii_equal_fold(CMP_STR("[\\]"), CMP_STR("{|}")));
    assert_false(kit_ascii_equal_fold(CMP_STR("\xC3\x89"), CMP_STR("\xC3\xA9")));
    assert_true(kit_ascii_equal_fold(CMP_STR("AbC-9"), CMP_STR("aBc-9")));
    assert_true(kit_ascii_equal_fold(CMP_NONE, CMP_STR("")));
}

static void visible_and_printable(void **state)
{
    (void)state;
    for (int octet = 0; octet < 256; octet++) {
        for (size_t size = 1; size < 20; size++) {
            for (size_t at = 0; at < size; at++) {
                char text[20];
                memset(text, '!', sizeof(text));
                text[at] = (char)octet;
                const cmp_str all = {text, size};
                assert_int_equal(kit_ascii_visible(all), octet >= 0x21 && octet <= 0x7E);
                assert_int_equal(kit_ascii_printable(all), octet >= 0x20 && octet <= 0x7E);
            }
        }
    }
}

/* ---- hex and base64 ---- */

static void hex_bad(void **state)
{
    (void)state;
    static const char *const texts[] = {"",   "0",    "00",   "000", "00000",
                                        "0g", "0x00", "g000", "00 0"};
    uint8_t octets[2];
    for (size_t i = 0; i < COUNT(texts); i++) {
        assert_false(kit_hex_decode(cmp_str_from(texts[i]), octets, sizeof(octets)));
    }
}

static void hex_good(void **state)
{
    (void)state;
    uint8_t octets[4];
    char text[8];
    assert_true(kit_hex_decode(CMP_STR("00fFAb9c"), octets, sizeof(octets)));
    assert_memory_equal(octets, "\x00\xFF\xAB\x9C", 4);
    kit_hex_encode(octets, sizeof(octets), text);
    assert_memory_equal(text, "00ffab9c", 8);
    assert_true(kit_hex_decode(CMP_STR(""), octets, 0));
}

/* Whatever stands wherever among others, in texts that are read eight digits at a time or not. */
static void hex_each_octet_in_each_place(void **state)
{
    (void)state;
    for (size_t size = 1; size <= 10; size++) {
        for (size_t place = 0; place < 2 * size; place++) {
            for (int octet = 0; octet < 256; octet++) {
                char text[20];
                uint8_t octets[10];
                memset(text, '7', sizeof(text));
                text[place] = (char)octet;
                const unsigned value = kit_hex_value((char)octet);
                const cmp_str digits = exact((cmp_str){text, 2 * size});
                const bool good = kit_hex_decode(digits, octets, size);
                drop(digits);
                assert_int_equal(good, value < 16);
                for (size_t i = 0; i < size && good; i++) {
                    const unsigned here = place % 2 == 0 ? value << 4 | 7 : 0x70 | value;
                    assert_int_equal(octets[i], i == place / 2 ? here : 0x77);
                }
            }
        }
    }
}

static void base64_bad(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "A",         "=",    "==",       "===",   "====", "A===",     "AA=",
        "AA=A",      "=AAA", "AAAAA",    "AA==A", "A A=", "AA==AA==", "AAA=AAAA",
        "AAA\n",     "AA.A", "AAAA====", "AAAA=", "AA*=", "AA\x80=",  "AAA==",
        "AAAAAAAA=", "Zg=",  "AB",       "AB==",  "AAB",  "AAB=", /* bits behind the last octet */
    };
    uint8_t octets[16];
    for (size_t i = 0; i < COUNT(texts); i++) {
        const cmp_str text = exact(cmp_str_from(texts[i]));
        assert_int_equal(kit_base64_decode(text, octets, sizeof(octets)), -1);
        drop(text);
    }
}

static void base64_good(void **state)
{
    (void)state;
    /* RFC 4648, 10, and two that need the alphabet's last letters. */
    static const struct {
        const char *plain, *padded, *url;
    } cases[] = {
        {"", "", ""},
        {"f", "Zg==", "Zg"},
        {"fo", "Zm8=", "Zm8"},
        {"foo", "Zm9v", "Zm9v"},
        {"foob", "Zm9vYg==", "Zm9vYg"},
        {"fooba", "Zm9vYmE=", "Zm9vYmE"},
        {"foobar", "Zm9vYmFy", "Zm9vYmFy"},
        {"\xFB\xFF\xBF", "+/+/", "-_-_"},
        {"\xFF\xEF", "/+8=", "_-8"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        const size_t size = strlen(cases[i].plain);
        char text[16];
        uint8_t octets[8];
        assert_int_equal(kit_base64_encode((const uint8_t *)cases[i].plain, size, text),
                         KIT_BASE64_SIZE(size));
        assert_memory_equal(text, cases[i].padded, KIT_BASE64_SIZE(size));
        assert_int_equal(kit_base64url_encode((const uint8_t *)cases[i].plain, size, text),
                         strlen(cases[i].url));
        assert_memory_equal(text, cases[i].url, strlen(cases[i].url));
        assert_int_equal(kit_base64_decode(cmp_str_from(cases[i].padded), octets, size), size);
        assert_memory_equal(octets, cases[i].plain, size);
        assert_int_equal(kit_base64_decode(cmp_str_from(cases[i].url), octets, size), size);
        assert_memory_equal(octets, cases[i].plain, size);
        if (size > 0) {
            assert_int_equal(kit_base64_decode(cmp_str_from(cases[i].url), octets, size - 1), -1);
        }
    }
}

/* ---- numbers ---- */

static void number_bad(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t min, max;
    } cases[] = {
        {"", 0, 9},
        {"-", -9, 9},
        {"+", -9, 9},
        {"-1", 0, 9},
        {"+1", 0, 9},
        {"--1", -9, 9},
        {" 1", 0, 9},
        {"1 ", 0, 9},
        {"1x", 0, 9},
        {"0x1", 0, 9},
        {"1.0", 0, 9},
        {"1e3", 0, 9999},
        {"10", 0, 9},
        {"2", 3, 9},
        {"-10", -9, 9},
        {"9223372036854775808", INT64_MIN, INT64_MAX},
        {"-9223372036854775809", INT64_MIN, INT64_MAX},
        {"99999999999999999999999", INT64_MIN, INT64_MAX},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        int64_t number = 77;
        assert_false(
            kit_number_parse(cmp_str_from(cases[i].text), cases[i].min, cases[i].max, &number));
        assert_int_equal(number, 77);
    }
    int64_t number;
    assert_false(kit_number_parse(CMP_STR("1\0"), 0, 9, &number));
    assert_false(kit_number_parse(CMP_NONE, 0, 9, &number));
}

static void number_good(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t number;
    } cases[] = {
        {"0", 0},
        {"-0", 0},
        {"007", 7},
        {"+5", 5},
        {"-5", -5},
        {"9223372036854775807", INT64_MAX},
        {"-9223372036854775808", INT64_MIN},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        int64_t number;
        assert_true(kit_number_parse(cmp_str_from(cases[i].text), INT64_MIN, INT64_MAX, &number));
        assert_int_equal(number, cases[i].number);
    }
}

static void secrets_are_compared_whole(void **state)
{
    (void)state;
    assert_true(kit_secret_equal(CMP_STR("let-me-in"), CMP_STR("let-me-in")));
    assert_false(kit_secret_equal(CMP_STR("let-me-in"), CMP_STR("let-me-iN")));
    assert_false(kit_secret_equal(CMP_STR("let-me-in"), CMP_STR("Let-me-in")));
    assert_false(kit_secret_equal(CMP_STR("ab"), CMP_STR("abab")));
    assert_false(kit_secret_equal(CMP_STR("abab"), CMP_STR("ab")));
    assert_false(kit_secret_equal(CMP_STR("a"), CMP_STR("")));
    assert_false(kit_secret_equal(CMP_STR("a"), CMP_NONE));
    assert_false(kit_secret_equal(CMP_STR(""), CMP_STR("")));
    assert_false(kit_secret_equal(CMP_NONE, CMP_STR("a")));
    assert_true(kit_secret_equal((cmp_str){"\x00\xff", 2}, (cmp_str){"\x00\xff", 2}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(utf8_bad),
        cmocka_unit_test(utf8_good),
        cmocka_unit_test(utf8_first_says_the_size),
        cmocka_unit_test(utf8_cut_keeps_characters_whole),
        cmocka_unit_test(equal_fold),
        cmocka_unit_test(visible_and_printable),
        cmocka_unit_test(hex_bad),
        cmocka_unit_test(hex_good),
        cmocka_unit_test(hex_each_octet_in_each_place),
        cmocka_unit_test(base64_bad),
        cmocka_unit_test(base64_good),
        cmocka_unit_test(number_bad),
        cmocka_unit_test(number_good),
        cmocka_unit_test(secrets_are_compared_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
