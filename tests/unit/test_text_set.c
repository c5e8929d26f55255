/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of sets of texts from the configuration. */
#include "base/text_set.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define SET(...)                                                                                   \
    &(cmp_strings)                                                                                 \
    {                                                                                              \
        (const char *const[]){__VA_ARGS__},                                                        \
            sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *)                            \
    }

static void it_has_what_it_was_made_of(void **state)
{
    (void)state;
    kit_arena memory;
    kit_arena_init(&memory, NULL, 0);
    const text_set s = text_set_make(SET("bb", "a", "ccc", "ab", "b", "a"), &memory);
    static const char *const there[] = {"a", "b", "ab", "bb", "ccc"};
    static const char *const not_there[] = {"", "c", "A", "aa", "cccc", "cc", "*"};
    for (size_t i = 0; i < sizeof(there) / sizeof(*there); i++) {
        assert_true(text_set_has(&s, cmp_str_from(there[i])));
    }
    for (size_t i = 0; i < sizeof(not_there) / sizeof(*not_there); i++) {
        assert_false(text_set_has(&s, cmp_str_from(not_there[i])));
    }
    assert_false(text_set_has(&s, CMP_NONE));
    kit_arena_reset(&memory);
}

static void a_star_is_everybody(void **state)
{
    (void)state;
    kit_arena memory;
    kit_arena_init(&memory, NULL, 0);
    const text_set s = text_set_make(SET("b", "*"), &memory);
    assert_true(s.all);
    assert_true(text_set_has(&s, CMP_STR("anybody")));
    kit_arena_reset(&memory);
}

static void nothing_is_in_none(void **state)
{
    (void)state;
    kit_arena memory;
    kit_arena_init(&memory, NULL, 0);
    const cmp_strings none = {NULL, 0};
    const text_set s = text_set_make(&none, &memory);
    assert_false(text_set_has(&s, CMP_STR("a")));
    assert_false(text_set_has(&(text_set){.count = 0}, CMP_STR("a")));
    kit_arena_reset(&memory);
}

static void each_of_many_is_found(void **state)
{
    (void)state;
    enum { MANY = 1000 };
    static char texts[MANY][8];
    static const char *at[MANY];
    for (int i = 0; i < MANY; i++) {
        snprintf(texts[i], sizeof(texts[i]), "p%d", (i * 7919) % MANY);
        at[i] = texts[i];
    }
    kit_arena memory;
    kit_arena_init(&memory, NULL, 0);
    const text_set s = text_set_make(&(cmp_strings){at, MANY}, &memory);
    for (int i = 0; i < MANY; i++) {
        assert_true(text_set_has(&s, cmp_str_from(at[i])));
    }
    assert_false(text_set_has(&s, CMP_STR("p1000")));
    kit_arena_reset(&memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_has_what_it_was_made_of),
        cmocka_unit_test(a_star_is_everybody),
        cmocka_unit_test(nothing_is_in_none),
        cmocka_unit_test(each_of_many_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
