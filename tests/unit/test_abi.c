/* SPDX-License-Identifier: Apache-2.0 */
/* Structs of a plugin that knows fewer fields than we do. What is theirs lies in blocks of exactly
 * its size: who reads or writes on is noticed (valgrind, AddressSanitizer). */
#include "plugin/abi_record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* As if all that ours have behind these fields had come in a later minor. */
typedef struct old_peer {
    cmp_str name, host;
} old_peer;

typedef struct old_variant {
    cmp_str content, content_type;
} old_variant;

typedef struct old_record {
    cmp_str content, content_type, transferred_to;
} old_record;

static abi_layout theirs;
static kit_arena memory;

static int set_up(void **state)
{
    (void)state;
    theirs = *abi_layout_of(CMP_ABI_MINOR);
    theirs.size[ABI_cmp_peer] = sizeof(old_peer);
    theirs.size[ABI_cmp_variant] = sizeof(old_variant);
    kit_arena_init(&memory, NULL, 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    kit_arena_reset(&memory);
    return 0;
}

/* 2.1 has but a larger table of services. */
static void what_is_laid_out_as_ours_is_not_older(void **state)
{
    (void)state;
    assert_null(abi_older(CMP_ABI_MINOR));
    assert_true(abi_layout_of(0)->size[ABI_cmp_host] < sizeof(cmp_host));
    assert_null(abi_older(0));
    assert_int_equal(abi_layout_of(CMP_ABI_MINOR)->size[ABI_cmp_record], sizeof(cmp_record));
}

static void what_they_lack_is_read_as_zero(void **state)
{
    (void)state;
    old_peer *from = malloc(sizeof(*from));
    *from = (old_peer){CMP_STR("b"), CMP_STR("b.example.net")};
    cmp_peer to;
    memset(&to, 0xff, sizeof(to));
    abi_read(&theirs, ABI_cmp_peer, &to, from);
    assert_ptr_equal(to.host.at, from->host.at);
    assert_null(to.prefixes);
    assert_int_equal(to.prefix_count, 0);
    free(from);
}

static void what_is_ours_is_read_whole(void **state)
{
    (void)state;
    const cmp_peer from = {.name = CMP_STR("b"), .prefix_count = 3};
    cmp_peer to;
    abi_read(NULL, ABI_cmp_peer, &to, &from);
    assert_int_equal(to.prefix_count, 3);
    to.prefix_count = 0;
    abi_write(NULL, ABI_cmp_peer, &to, &from);
    assert_int_equal(to.prefix_count, 3);
}

static void theirs_is_not_written_beyond_its_end(void **state)
{
    (void)state;
    const cmp_peer from = {.name = CMP_STR("b"), .prefix_count = 3};
    old_peer *to = malloc(sizeof(*to));
    abi_write(&theirs, ABI_cmp_peer, to, &from);
    assert_ptr_equal(to->name.at, from.name.at);
    free(to);
}

/* ---- records ---- */

static const old_variant *their_variants(const cmp_record *record)
{
    return (const void *)record->variants;
}

static cmp_record their_record(void)
{
    old_variant *variants = malloc(2 * sizeof(*variants));
    variants[0] = (old_variant){CMP_STR("first"), CMP_STR("text")};
    variants[1] = (old_variant){CMP_STR("second"), CMP_NONE};
    cmp_record record = CMP_RECORD_INIT;
    record.variants = (const void *)variants;
    record.variant_count = 2;
    return record;
}

static void assert_read(const cmp_record *read)
{
    assert_int_equal(read->variant_count, 2);
    assert_string_equal(read->variants[0].content.at, "first");
    assert_string_equal(read->variants[0].content_type.at, "text");
    assert_string_equal(read->variants[1].content.at, "second");
    assert_null(read->variants[1].content_type.at);
    assert_null(read->variants[1].conditions);
    assert_int_equal(read->variants[1].condition_count, 0);
}

static void variants_that_lie_closer_are_read(void **state)
{
    (void)state;
    const cmp_record record = their_record();
    cmp_record read;
    abi_record_read(&theirs, &record, &memory, &read);
    assert_read(&read);
    read = record;
    abi_record_adopt(&theirs, &memory, &read);
    assert_read(&read);
    free((void *)(uintptr_t)record.variants);
}

static void what_a_record_lacks_says_nothing(void **state)
{
    (void)state;
    theirs.size[ABI_cmp_record] = sizeof(old_record);
    old_record *from = malloc(sizeof(*from));
    *from = (old_record){CMP_STR("content"), CMP_NONE, CMP_NONE};
    cmp_record read;
    abi_record_read(&theirs, (const void *)from, &memory, &read);
    assert_string_equal(read.content.at, "content");
    assert_true(read.not_before_ms == CMP_TIME_MIN && read.not_after_ms == CMP_TIME_MAX);
    assert_int_equal(read.ttl_s, CMP_TTL_UNSET);
    assert_int_equal(read.variant_count, 0);
    free(from);
}

static const cmp_condition condition = {CMP_STR("cc"), CMP_STR("de")};

static cmp_record our_record(cmp_variant *variants)
{
    variants[0] = (cmp_variant){.content = CMP_STR("first"), .conditions = &condition};
    variants[1] = (cmp_variant){.content = CMP_STR("second"), .conditions = &condition};
    cmp_record record = CMP_RECORD_INIT;
    record.variants = variants;
    record.variant_count = 2;
    return record;
}

static void variants_are_shown_as_far_apart_as_they_think(void **state)
{
    (void)state;
    cmp_variant ours[2];
    const cmp_record record = our_record(ours);
    cmp_record shown = record;
    abi_record_show(&theirs, &memory, &shown);
    assert_string_equal(their_variants(&shown)[0].content.at, "first");
    assert_string_equal(their_variants(&shown)[1].content.at, "second");
    assert_string_equal(ours[1].content.at, "second");
}

static void a_record_is_filled_as_far_as_theirs_goes(void **state)
{
    (void)state;
    cmp_variant *parsed = malloc(2 * sizeof(*parsed));
    cmp_record ours = our_record(parsed), to;
    abi_record_write(&theirs, &ours, &to);
    assert_ptr_equal(to.variants, parsed);
    assert_int_equal(to.variant_count, 2);
    assert_string_equal(their_variants(&to)[0].content.at, "first");
    assert_string_equal(their_variants(&to)[1].content.at, "second");
    free(parsed);
}

static void a_record_without_variants_needs_no_memory(void **state)
{
    (void)state;
    cmp_record record = CMP_RECORD_INIT, to;
    abi_record_adopt(&theirs, &memory, &record);
    abi_record_show(&theirs, &memory, &record);
    abi_record_write(&theirs, &record, &to);
    assert_null(to.variants);
    assert_null(memory.blocks);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_laid_out_as_ours_is_not_older),
        TEST(what_they_lack_is_read_as_zero),
        TEST(what_is_ours_is_read_whole),
        TEST(theirs_is_not_written_beyond_its_end),
        TEST(variants_that_lie_closer_are_read),
        TEST(what_a_record_lacks_says_nothing),
        TEST(variants_are_shown_as_far_apart_as_they_think),
        TEST(a_record_is_filled_as_far_as_theirs_goes),
        TEST(a_record_without_variants_needs_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
