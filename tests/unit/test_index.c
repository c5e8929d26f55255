/* SPDX-License-Identifier: Apache-2.0 */
/* The index of codes: what is found, what is not, twins, and how much memory a code takes. */
#include "index.h"
#include "tags.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define OVERHEAD_MAX 24 /* octets a code may cost beyond its ICI and its content */

static cmp_str ici_of(size_t number, char text[32])
{
    return (cmp_str){text, (size_t)snprintf(text, 32, "1A0F1-%zu", number)};
}

static cmp_str content_of(size_t number, char text[64])
{
    return (cmp_str){text, (size_t)snprintf(text, 64, "https://a.example.net/p/%zu", number)};
}

/* `count` codes; the record after them, if `twin` is less, has the ICI of that one. */
static index_result fill(code_index **index, size_t count, size_t twin, uint64_t seed, size_t *own,
                         index_twins *twins)
{
    const size_t all = count + (twin < count);
    *index = index_create(all * 100, seed);
    assert_non_null(*index);
    size_t used = 0;
    *own = 0;
    for (size_t i = 0; i < all; i++) {
        char ici_text[32], content_text[64];
        const cmp_str ici = ici_of(i < count ? i : twin, ici_text);
        cmp_record r = CMP_RECORD_INIT;
        r.content = content_of(i, content_text);
        packed_write(ici, &r, index_room(*index) + used);
        used += packed_size(ici, &r);
        *own += ici.size + r.content.size;
    }
    return index_build(*index, all, used, twins);
}

static void find_all(const code_index *index, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char ici_text[32], content_text[64];
        const uint8_t *packed = index_find(index, ici_of(i, ici_text));
        cmp_record record;
        assert_non_null(packed);
        assert_null(packed_read(packed, &record));
        assert_true(cmp_str_equal(record.content, content_of(i, content_text)));
    }
}

static void find_none(const code_index *index, size_t from, size_t count)
{
    for (size_t i = from; i < from + count; i++) {
        char text[32];
        assert_null(index_find(index, ici_of(i, text)));
    }
}

static void all_are_found_and_no_other(void **state)
{
    (void)state;
    static const size_t counts[] = {0, 1, 2, 6, 7, 8, 100, 10000};
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        for (uint64_t seed = 0; seed < 3; seed++) {
            code_index *index;
            size_t own;
            index_twins twins;
            assert_int_equal(fill(&index, counts[i], SIZE_MAX, seed, &own, &twins), INDEX_BUILT);
            assert_int_equal(index_count(index), counts[i]);
            find_all(index, counts[i]);
            find_none(index, counts[i], 1000);
            index_destroy(&index);
            assert_null(index);
        }
    }
    code_index *none = NULL;
    index_destroy(&none);
}

/* However the processor does it. */
static void tags_are_compared_alike(void **state)
{
    (void)state;
    _Alignas(16) uint16_t tags[LINE_SLOTS];
    for (unsigned i = 0; i < 100000; i++) {
        for (unsigned slot = 0; slot < LINE_SLOTS; slot++) {
            tags[slot] = (uint16_t)(((i * 2654435761u >> (2 * slot)) & 3) * 0x5501);
        }
        for (unsigned tag = 0; tag < 4 * 0x5501; tag += 0x5501) {
            const unsigned equal = tags_equal(tags, (uint16_t)tag);
            assert_int_equal(equal, tags_equal_plain(tags, (uint16_t)tag));
        }
    }
    memset(tags, 0, sizeof(tags));
    tags[3] = 1;
    assert_int_equal(tags_equal(tags, 1), 1 << 6);
    assert_int_equal(tags_equal(tags, 0), 0x5555 & ~(1 << 6));
}

/* Of any size, and with a difference anywhere. */
static void each_octet_counts(void **state)
{
    (void)state;
    char octets[256];
    uint8_t room[300];
    memset(octets, 'x', sizeof(octets));
    for (size_t size = 1; size <= sizeof(octets); size++) {
        const cmp_str ici = {octets, size};
        cmp_record r = CMP_RECORD_INIT;
        r.content = CMP_STR("content");
        packed_write(ici, &r, room);
        assert_true(packed_is(room, ici));
        assert_false(packed_is(room, (cmp_str){octets, size - 1}));
        for (size_t at = 0; at < size; at++) {
            octets[at] = 'y';
            assert_false(packed_is(room, ici));
            octets[at] = 'x';
        }
    }
}

static void only_the_very_octets_are_found(void **state)
{
    (void)state;
    code_index *index;
    size_t own;
    index_twins twins;
    assert_int_equal(fill(&index, 20, SIZE_MAX, 1, &own, &twins), INDEX_BUILT);
    assert_non_null(index_find(index, CMP_STR("1A0F1-1")));
    assert_null(index_find(index, CMP_STR("1a0f1-1"))); /* only routing folds case */
    assert_null(index_find(index, CMP_STR("1A0F1-")));
    assert_null(index_find(index, CMP_STR("1A0F1-01")));
    assert_null(index_find(index, CMP_STR("1A0F1-1\0")));
    assert_null(index_find(index, (cmp_str){"", 0}));
    index_destroy(&index);
}

static void twins_are_named(void **state)
{
    (void)state;
    static const struct {
        size_t count, twin;
    } rows[] = {{1, 0}, {10, 9}, {10, 0}, {1000, 500}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        code_index *index;
        size_t own;
        index_twins twins;
        char text[32];
        assert_int_equal(fill(&index, rows[i].count, rows[i].twin, 1, &own, &twins),
                         INDEX_DUPLICATE);
        assert_int_equal(twins.first, rows[i].twin);
        assert_int_equal(twins.second, rows[i].count);
        assert_true(cmp_str_equal(twins.ici, ici_of(rows[i].twin, text)));
        index_destroy(&index);
    }
}

static void memory_a_code(void **state)
{
    (void)state;
    const size_t count = 100000;
    code_index *index;
    size_t own;
    index_twins twins;
    assert_int_equal(fill(&index, count, SIZE_MAX, 1, &own, &twins), INDEX_BUILT);
    assert_true(index_octets(index) > own);
    assert_true(index_octets(index) - own <= OVERHEAD_MAX * count);
    index_destroy(&index);
}

static void too_large_is_refused(void **state)
{
    (void)state;
    assert_null(index_create((size_t)1 << 49, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_are_found_and_no_other),
        cmocka_unit_test(tags_are_compared_alike),
        cmocka_unit_test(each_octet_counts),
        cmocka_unit_test(only_the_very_octets_are_found),
        cmocka_unit_test(twins_are_named),
        cmocka_unit_test(memory_a_code),
        cmocka_unit_test(too_large_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
