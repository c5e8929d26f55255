/* SPDX-License-Identifier: Apache-2.0 */
/* What record_check takes and what it refuses, each with the member that it names. */
#include "mc/record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static const cmp_condition french = {{"language", 8}, {"fr", 2}};
static const cmp_condition empty_value = {{"campaign", 8}, {"", 0}};

static char many[CMP_CONTENT_MAX + 1];

static void expect_refused(const cmp_record *r, const char *said)
{
    char error[256] = "";
    assert_false(record_check(r, error, sizeof(error)));
    if (strncmp(error, said, strlen(said)) != 0) {
        fail_msg("said \"%s\", not \"%s\"", error, said);
    }
}

static void expect_taken(const cmp_record *r)
{
    char error[256] = "";
    if (!record_check(r, error, sizeof(error))) {
        fail_msg("refused: %s", error);
    }
    assert_string_equal(error, "");
}

static cmp_record with_content(const char *at, size_t size)
{
    cmp_record r = CMP_RECORD_INIT;
    r.content = (cmp_str){at, size};
    return r;
}

static void content_is_utf8_of_a_bounded_size(void **state)
{
    (void)state;
    static const struct {
        const char *at;
        size_t size;
    } good[] = {
        {"x", 1},
        {"https://res.example.com/v1/objects?q=\"a\\b\"", 41},
        {"line\r\nline\t", 11},
        {"caf\xc3\xa9 und mehr als acht", 22},
        {"\xf0\x9f\x9a\x80", 4},
        {many, CMP_CONTENT_MAX},
    };
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        const cmp_record r = with_content(good[i].at, good[i].size);
        expect_taken(&r);
    }
    static const struct {
        const char *at;
        size_t size;
        const char *said;
    } bad[] = {
        {NULL, 0, "content: 0 octets at no address"},
        {NULL, 7, "content: 7 octets at no address"},
        {"", 0, "content: 0 octets, expected are 1 to 65536"},
        {many, CMP_CONTENT_MAX + 1, "content: 65537 octets"},
        {many, SIZE_MAX, "content: 18446744073709551615 octets"},
        {"caf\xe9", 4, "content: is no UTF-8"},
        {"12345678caf\xe9", 12, "content: is no UTF-8"},
        {"12345678\xc3", 9, "content: is no UTF-8"},
        {"\xed\xa0\x80", 3, "content: is no UTF-8"},
        {"a\0b", 3, "content: is no UTF-8, or has a NUL in it"},
        {"1234567\0", 8, "content: is no UTF-8, or has a NUL in it"},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        const cmp_record r = with_content(bad[i].at, bad[i].size);
        expect_refused(&r, bad[i].said);
    }
}

static void a_transferred_code_names_a_host_and_nothing_else(void **state)
{
    (void)state;
    cmp_record r = CMP_RECORD_INIT;
    r.transferred_to = CMP_STR("b.example.net");
    expect_taken(&r);
    static const cmp_str no_hosts[] = {
        {"", 0}, {NULL, 5}, {"b", 1}, {"b.example.net\r\n", 15}, {"10.0.0.1", 8}, {many, 254},
    };
    for (size_t i = 0; i < sizeof(no_hosts) / sizeof(no_hosts[0]); i++) {
        r.transferred_to = no_hosts[i];
        expect_refused(&r, "transferred_to: ");
    }
    r.transferred_to = CMP_STR("b.example.net");
    r.variant_count = 1;
    expect_refused(&r, "variants: ");
    r.variant_count = 0;
    r.content = CMP_STR("x");
    expect_refused(&r, "transferred_to: is there, and content too");
}

static void each_variant_is_looked_at(void **state)
{
    (void)state;
    static const cmp_condition unnamed = {{NULL, 0}, {"x", 1}}, nowhere = {{"cc", 2}, {NULL, 9}};
    static const cmp_variant good[] = {
        {{"x", 1}, {NULL, 0}, &french, 1},
        {{"y", 1}, {"text", 4}, &empty_value, 1},
    };
    cmp_record r = with_content("z", 1);
    r.variants = good;
    r.variant_count = 2;
    expect_taken(&r);
    const struct {
        cmp_variant second;
        const char *said;
    } bad[] = {
        {{{NULL, 7}, {NULL, 0}, &french, 1}, "variants[1].content: 7 octets at no address"},
        {{{"y", 1}, {NULL, 3}, &french, 1}, "variants[1].content_type: 3 octets"},
        {{{"y", 1}, {"a b", 3}, &french, 1}, "variants[1].content_type: is not visible ASCII"},
        {{{"y", 1}, {NULL, 0}, NULL, 2}, "variants[1].conditions: 2 at no address"},
        {{{"y", 1}, {NULL, 0}, &french, 0}, "variants[1].conditions: 0 at"},
        {{{"y", 1}, {NULL, 0}, &french, 65}, "variants[1].conditions: 65 at"},
        {{{"y", 1}, {NULL, 0}, &unnamed, 1}, "variants[1].condition's name: "},
        {{{"y", 1}, {NULL, 0}, &nowhere, 1}, "variants[1].condition's value: 9 octets"},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        const cmp_variant both[] = {good[0], bad[i].second};
        r.variants = both;
        expect_refused(&r, bad[i].said);
    }
    r.variants = NULL;
    expect_refused(&r, "variants: 2 at no address");
    r.variants = good;
    r.variant_count = CMP_VARIANTS_MAX + 1;
    expect_refused(&r, "variants: 1025 at");
}

static void numbers_are_what_they_can_be(void **state)
{
    (void)state;
    cmp_record r = with_content("x", 1);
    r.ttl_s = CMP_TTL_MAX;
    expect_taken(&r);
    r.ttl_s = CMP_TTL_MAX + 1;
    expect_refused(&r, "ttl_s: 31536001 seconds");
    r = with_content("x", 1);
    r.status = CMP_RECORD_REVOKED;
    expect_taken(&r);
    r.status = (cmp_record_status)2;
    expect_refused(&r, "status: 2 is none");
    r = with_content("x", 1);
    r.not_before_ms = 5;
    r.not_after_ms = 5;
    expect_refused(&r, "not_after_ms: ");
    r.not_after_ms = 6;
    expect_taken(&r);
}

static void an_ici_is_visible(void **state)
{
    (void)state;
    assert_true(record_ici_valid(CMP_STR("1A0F1-1")));
    assert_true(record_ici_valid((cmp_str){many, CMP_ICI_MAX}));
    assert_false(record_ici_valid((cmp_str){many, CMP_ICI_MAX + 1}));
    assert_false(record_ici_valid(CMP_NONE));
    assert_false(record_ici_valid((cmp_str){NULL, 3}));
    assert_false(record_ici_valid(CMP_STR("")));
    assert_false(record_ici_valid(CMP_STR("a b")));
    assert_false(record_ici_valid(CMP_STR("a\n")));
}

int main(void)
{
    memset(many, 'a', sizeof(many));
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(content_is_utf8_of_a_bounded_size),
        cmocka_unit_test(a_transferred_code_names_a_host_and_nothing_else),
        cmocka_unit_test(each_variant_is_looked_at),
        cmocka_unit_test(numbers_are_what_they_can_be),
        cmocka_unit_test(an_ici_is_visible),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
