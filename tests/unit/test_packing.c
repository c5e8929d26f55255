/* SPDX-License-Identifier: Apache-2.0 */
/* Packed records: every field comes back, and none costs more than it must. */
#include "packing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const cmp_condition french_adult[] = {
    {CMP_STR("language"), CMP_STR("fr")},
    {CMP_STR("age"), CMP_STR(">17")},
};
static const cmp_condition shop[] = {{CMP_STR("store"), CMP_STR("")}};

static const cmp_variant variants[] = {
    {CMP_STR("allô"), CMP_STR("text"), french_adult, COUNT(french_adult)},
    {CMP_STR("https://a.example.net/shop"), CMP_NONE, shop, COUNT(shop)},
};

#define ALWAYS .not_before_ms = CMP_TIME_MIN, .not_after_ms = CMP_TIME_MAX

static const cmp_record records[] = {
    {.content = CMP_STR("x"), ALWAYS, .ttl_s = CMP_TTL_UNSET},
    {.content = CMP_STR("x"), ALWAYS, .ttl_s = 0},
    {.content = CMP_STR("x"), ALWAYS, .ttl_s = 127},
    {.content = CMP_STR("x"), ALWAYS, .ttl_s = 128},
    {.content = CMP_STR("x"), ALWAYS, .ttl_s = 31536000},
    {.content = CMP_STR("x"), ALWAYS, .ttl_s = 5, .status = CMP_RECORD_REVOKED},
    {.content = CMP_STR("x"), .not_before_ms = -1, .not_after_ms = CMP_TIME_MAX, .ttl_s = 5},
    {.content = CMP_STR("x"), .not_before_ms = CMP_TIME_MIN, .not_after_ms = 1, .ttl_s = 5},
    {.content = CMP_STR("x"), ALWAYS, .content_type = CMP_STR("uri"), .ttl_s = 5},
    {.content = CMP_STR("x"), ALWAYS, .content_type = CMP_STR("text"), .ttl_s = 5},
    {.content = CMP_STR("x"), ALWAYS, .content_type = CMP_STR("vcard"), .ttl_s = 5},
    {.transferred_to = CMP_STR("b.example.net"), ALWAYS, .ttl_s = CMP_TTL_UNSET},
    {.content = CMP_STR("x"), ALWAYS, .ttl_s = 5, .variants = variants, .variant_count = 1},
    {.content = CMP_STR("x"),
     .content_type = CMP_STR("vcard"),
     .not_before_ms = 1700000000000,
     .not_after_ms = 1800000000001,
     .ttl_s = 300,
     .status = CMP_RECORD_REVOKED,
     .variants = variants,
     .variant_count = COUNT(variants)},
};

static void same_str(cmp_str a, cmp_str b)
{
    assert_int_equal(a.at == NULL, b.at == NULL);
    assert_true(cmp_str_equal(a, b));
}

static void same_variant(const cmp_variant *a, const cmp_variant *b)
{
    same_str(a->content, b->content);
    same_str(a->content_type, b->content_type);
    assert_int_equal(a->condition_count, b->condition_count);
    for (size_t i = 0; i < a->condition_count; i++) {
        same_str(a->conditions[i].name, b->conditions[i].name);
        same_str(a->conditions[i].value, b->conditions[i].value);
    }
}

static void same_record(const cmp_record *a, const cmp_record *b)
{
    same_str(a->content, b->content);
    same_str(a->content_type, b->content_type);
    same_str(a->transferred_to, b->transferred_to);
    assert_true(a->not_before_ms == b->not_before_ms);
    assert_true(a->not_after_ms == b->not_after_ms);
    assert_int_equal(a->ttl_s, b->ttl_s);
    assert_int_equal(a->status, b->status);
    assert_int_equal(a->variant_count, b->variant_count);
    for (size_t i = 0; i < a->variant_count; i++) {
        same_variant(&a->variants[i], &b->variants[i]);
    }
}

/* Memory ends where the packed record does, so that a sanitizer sees an octet too many. */
static void round_trip(cmp_str ici, const cmp_record *record)
{
    const size_t size = packed_size(ici, record);
    uint8_t *octets = malloc(size);
    packed_write(ici, record, octets);
    cmp_record back;
    const uint8_t *rest = packed_read(octets, &back);
    same_str(packed_ici(octets), ici);
    void *memory = NULL;
    if (rest != NULL) {
        memory = malloc(packed_variants_size(rest));
        packed_variants(rest, memory, &back);
    }
    assert_int_equal(packed_end(octets) - octets, size);
    same_record(&back, record);
    free(memory);
    free(octets);
}

static void every_field_comes_back(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(records); i++) {
        round_trip(CMP_STR("1A0F1-7"), &records[i]);
    }
}

static void sizes_at_their_limits(void **state)
{
    (void)state;
    static char octets[65536];
    memset(octets, 'v', sizeof(octets));
    static const size_t sizes[] = {1, 127, 128, 256, 16383, 16384, 65536};
    for (size_t i = 0; i < COUNT(sizes); i++) {
        cmp_record r = CMP_RECORD_INIT;
        r.content = (cmp_str){octets, sizes[i]};
        r.content_type = (cmp_str){octets, sizes[i] < 64 ? sizes[i] : 64};
        const cmp_condition c = {CMP_STR("x"), {octets, sizes[i]}};
        const cmp_variant v = {{octets, sizes[i]}, CMP_NONE, &c, 1};
        r.variants = &v;
        r.variant_count = 1;
        round_trip((cmp_str){octets, sizes[i] < 256 ? sizes[i] : 256}, &r);
    }
}

static void a_plain_code_costs_three_octets(void **state)
{
    (void)state;
    cmp_record r = CMP_RECORD_INIT;
    r.content = CMP_STR("https://a.example.net/");
    r.content_type = CMP_STR("uri");
    assert_int_equal(packed_size(CMP_STR("1A0F1-7"), &r), 3 + 7 + 22);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_field_comes_back),
        cmocka_unit_test(sizes_at_their_limits),
        cmocka_unit_test(a_plain_code_costs_three_octets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
