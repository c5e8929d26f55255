/* SPDX-License-Identifier: Apache-2.0 */
/* sdk/kit/arena.c: memory that is given back all at once. */
#include <cmp-kit/arena.h>

#include <setjmp.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static bool aligned(const void *at)
{
    return (uintptr_t)at % alignof(max_align_t) == 0;
}

static void own_block_first(void **state)
{
    (void)state;
    alignas(max_align_t) char first[64];
    kit_arena a;
    kit_arena_init(&a, first, sizeof(first));
    for (int round = 0; round < 2; round++) {
        char *one = kit_arena_alloc(&a, 1), *two = kit_arena_alloc(&a, 48);
        assert_ptr_equal(one, first);
        assert_ptr_equal(two, first + alignof(max_align_t)); /* it just fits */
        assert_null(a.blocks);
        char *three = kit_arena_take(&a, 1);
        assert_true(three < first || three >= first + sizeof(first));
        assert_true(aligned(three));
        kit_arena_reset(&a);
    }
}

/* Every octet is there, and nobody else's. */
static void all_sizes(void **state)
{
    (void)state;
    enum { COUNT = 300 };
    char *at[COUNT];
    kit_arena a;
    kit_arena_init(&a, NULL, 0);
    for (size_t i = 0; i < COUNT; i++) {
        at[i] = kit_arena_alloc(&a, i * 97);
        assert_true(aligned(at[i]));
        memset(at[i], (int)(i & 0x7F), i * 97);
    }
    for (size_t i = 0; i < COUNT; i++) {
        for (size_t j = 0; j < i * 97; j++) {
            assert_int_equal(at[i][j], i & 0x7F);
        }
    }
    kit_arena_reset(&a);
    assert_null(a.blocks);
}

static void texts(void **state)
{
    (void)state;
    kit_arena a;
    kit_arena_init(&a, NULL, 0);
    assert_null(kit_arena_copy(&a, CMP_NONE).at);
    assert_null(kit_arena_text(&a, CMP_NONE));
    const cmp_str empty = kit_arena_copy(&a, CMP_STR(""));
    assert_true(empty.at != NULL && empty.size == 0);
    assert_true(cmp_str_equal(kit_arena_copy(&a, CMP_STR("abc")), CMP_STR("abc")));
    assert_string_equal(kit_arena_text(&a, (cmp_str){"abc", 2}), "ab");
    assert_string_equal(kit_arena_printf(&a, "%s-%d", "x", 7), "x-7");
    const char *zeros = kit_arena_calloc(&a, 3, 5);
    for (int i = 0; i < 15; i++) {
        assert_int_equal(zeros[i], 0);
    }
    kit_arena_reset(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(own_block_first),
        cmocka_unit_test(all_sizes),
        cmocka_unit_test(texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
