/* SPDX-License-Identifier: Apache-2.0 */
/* base/file_set.c: when files are to be read again. */
#include "base/file_set.h"

#include "scratch.h"

static const char *const both[] = {"one", NULL, "two"};

/* By another inode, so that every mark is another. */
static void replace(const char *name, const char *text)
{
    scratch_write("new", text);
    assert_int_equal(rename("new", name), 0);
}

static file_set make(void)
{
    file_set f;
    replace("one", "1");
    replace("two", "2");
    file_set_init(&f, both, 3);
    assert_int_equal(f.count, 2);
    return f;
}

static bool changed(file_set *f)
{
    file_glance round = {.next = 0};
    return file_set_changed(f, &round);
}

static void nothing_has_changed(void **state)
{
    (void)state;
    file_set f = make();
    assert_true(file_set_is_current(&f));
    assert_false(changed(&f) || changed(&f));
    file_set_dispose(&f);
    file_set none;
    file_set_init(&none, both + 1, 1);
    assert_true(file_set_is_current(&none));
    assert_false(changed(&none) || changed(&none));
    file_set_dispose(&none);
}

static void a_change_has_to_stand_still(void **state)
{
    (void)state;
    file_set f = make();
    replace("two", "22");
    assert_false(file_set_is_current(&f));
    assert_false(changed(&f));
    replace("two", "222");
    assert_false(changed(&f));
    assert_true(changed(&f));
    assert_true(changed(&f)); /* nobody has read it */
    file_set_used(&f);
    assert_true(file_set_is_current(&f));
    assert_false(changed(&f) || changed(&f));
    file_set_dispose(&f);
}

static void what_was_refused_is_not_read_again(void **state)
{
    (void)state;
    file_set f = make();
    replace("one", "bad");
    assert_false(changed(&f));
    assert_true(changed(&f));
    assert_false(file_set_was_refused(&f));
    file_set_refused(&f);
    assert_true(file_set_was_refused(&f));
    assert_false(changed(&f) || changed(&f));
    assert_false(file_set_is_current(&f));
    /* The other one may be what was missing. */
    replace("two", "it fits");
    assert_false(changed(&f));
    assert_false(file_set_was_refused(&f));
    assert_true(changed(&f));
    file_set_used(&f);
    assert_true(file_set_is_current(&f));
    file_set_dispose(&f);
}

/* It may not have been the files' fault. */
static void what_was_refused_is_read_again_later(void **state)
{
    (void)state;
    file_set f = make();
    replace("one", "good");
    assert_false(changed(&f));
    assert_true(changed(&f));
    for (int times = 0; times < 2; times++) {
        file_set_refused(&f);
        assert_false(changed(&f));
        f.refused_ms -= FILE_AGAIN_MS;
        assert_true(changed(&f));
        assert_true(file_set_was_refused(&f));
    }
    file_set_used(&f);
    assert_false(file_set_was_refused(&f) || changed(&f));
    file_set_dispose(&f);
}

static void one_file_that_was_refused(void **state)
{
    (void)state;
    file_refusal r = {.any = false};
    replace("one", "bad");
    const kit_file_mark bad = kit_file_mark_of("one");
    assert_false(file_was_refused(&r, &bad));
    file_refuse(&r, &bad);
    assert_true(file_was_refused(&r, &bad));
    assert_false(file_is_due_again(&r));
    r.since_ms -= FILE_AGAIN_MS;
    assert_true(file_is_due_again(&r));
    replace("one", "another");
    const kit_file_mark other = kit_file_mark_of("one");
    assert_false(file_was_refused(&r, &other));
}

static void files_that_vanish(void **state)
{
    (void)state;
    file_set f = make();
    assert_int_equal(remove("one") + remove("two"), 0);
    assert_false(changed(&f));
    assert_true(changed(&f));
    file_set_refused(&f);
    assert_false(changed(&f) || changed(&f));
    file_set_dispose(&f);
}

/* One look at a file is enough for all that have it, in one round. */
static void a_round_looks_once(void **state)
{
    (void)state;
    file_set first = make(), second = make();
    file_glance round = {.next = 0};
    assert_false(file_set_changed(&first, &round)); /* first is of the files before */
    replace("one", "later");
    assert_false(file_set_changed(&second, &round));
    round = (file_glance){.next = 0};
    assert_false(file_set_changed(&second, &round)); /* seen only now */
    assert_true(changed(&second));
    file_set_dispose(&first);
    file_set_dispose(&second);
}

static void more_files_than_a_round_keeps(void **state)
{
    (void)state;
    file_set sets[2 * FILE_GLANCE_MAX];
    char names[2 * FILE_GLANCE_MAX][8];
    for (size_t i = 0; i < 2 * FILE_GLANCE_MAX; i++) {
        snprintf(names[i], sizeof(names[i]), "f%zu", i);
        scratch_write(names[i], "x");
        const char *const path = names[i];
        file_set_init(&sets[i], &path, 1);
    }
    replace("f3", "y");
    for (int times = 0; times < 2; times++) {
        file_glance round = {.next = 0};
        for (size_t i = 0; i < 2 * FILE_GLANCE_MAX; i++) {
            assert_int_equal(file_set_changed(&sets[i], &round), times == 1 && i == 3);
        }
    }
    for (size_t i = 0; i < 2 * FILE_GLANCE_MAX; i++) {
        file_set_dispose(&sets[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_has_changed),
        cmocka_unit_test(a_change_has_to_stand_still),
        cmocka_unit_test(what_was_refused_is_not_read_again),
        cmocka_unit_test(what_was_refused_is_read_again_later),
        cmocka_unit_test(one_file_that_was_refused),
        cmocka_unit_test(files_that_vanish),
        cmocka_unit_test(a_round_looks_once),
        cmocka_unit_test(more_files_than_a_round_keeps),
    };
    return cmocka_run_group_tests(tests, scratch_enter, scratch_leave);
}
