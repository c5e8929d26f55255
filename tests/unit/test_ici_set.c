/* SPDX-License-Identifier: Apache-2.0 */
/* The set of ICIs behind `--replace`: what is in it, and what was seen since. */
#include "ctl/ici_set.h"

#include "base/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

typedef struct seen {
    char text[256];
    size_t count;
    size_t most; /* visits until it wants no more */
} seen;

static bool see(cmp_str ici, void *arg)
{
    seen *s = arg;
    const size_t used = strlen(s->text);
    snprintf(s->text + used, sizeof(s->text) - used, "[%.*s]", (int)ici.size, ici.at);
    return ++s->count < s->most;
}

static void expect(const ici_set *s, const char *text)
{
    seen got = {.most = SIZE_MAX};
    assert_true(ici_set_each_unmarked(s, see, &got));
    assert_string_equal(got.text, text);
}

static void holds_each_once(void **state)
{
    (void)state;
    ici_set *s = ici_set_create();
    expect(s, "");
    ici_set_mark(s, CMP_STR("A")); /* which is not there */
    ici_set_add(s, CMP_STR("A"));
    ici_set_add(s, CMP_STR("AB"));
    ici_set_add(s, CMP_STR("A"));
    ici_set_add(s, CMP_STR(""));
    expect(s, "[A][AB][]");
    ici_set_mark(s, CMP_STR("A"));
    ici_set_mark(s, CMP_STR("a"));
    expect(s, "[AB][]");
    ici_set_add(s, CMP_STR("A")); /* is marked as before */
    expect(s, "[AB][]");
    ici_set_destroy(&s);
    assert_null(s);
    ici_set_destroy(&s);
}

static void a_visitor_can_end(void **state)
{
    (void)state;
    ici_set *s = ici_set_create();
    ici_set_add(s, CMP_STR("A"));
    ici_set_add(s, CMP_STR("B"));
    seen got = {.most = 1};
    assert_false(ici_set_each_unmarked(s, see, &got));
    assert_string_equal(got.text, "[A]");
    ici_set_destroy(&s);
}

enum { MANY = 20000 };

static bool odd(cmp_str ici, void *arg)
{
    char text[16];
    snprintf(text, sizeof(text), "%.*s", (int)ici.size, ici.at);
    unsigned number;
    assert_int_equal(sscanf(text, "ici-%u", &number), 1);
    assert_int_equal(number % 2, 1);
    ++*(size_t *)arg;
    return true;
}

static void grows(void **state)
{
    (void)state;
    hash_seed_init();
    ici_set *s = ici_set_create();
    char text[16];
    for (unsigned turn = 0; turn < 2; turn++) {
        for (unsigned i = 0; i < MANY; i++) {
            snprintf(text, sizeof(text), "ici-%u", i);
            ici_set_add(s, cmp_str_from(text));
        }
    }
    for (unsigned i = 0; i < MANY; i += 2) {
        snprintf(text, sizeof(text), "ici-%u", i);
        ici_set_mark(s, cmp_str_from(text));
    }
    size_t count = 0;
    assert_true(ici_set_each_unmarked(s, odd, &count));
    assert_int_equal(count, MANY / 2);
    ici_set_destroy(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(holds_each_once),
        cmocka_unit_test(a_visitor_can_end),
        cmocka_unit_test(grows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
