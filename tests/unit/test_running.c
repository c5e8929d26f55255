/* SPDX-License-Identifier: Apache-2.0 */
/* base/running.c: where a thread is, as others see it. */
#include "base/running.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void an_owner_is_there_once(void **state)
{
    (void)state;
    char name[] = "codes";
    const running_owner *codes = running_owner_of(name, "store_file");
    name[0] = 'x'; /* a copy was taken */
    assert_ptr_equal(running_owner_of("codes", "store_file"), codes);
    assert_ptr_not_equal(running_owner_of("codes", "store_sql"), codes);
    assert_ptr_not_equal(running_owner_of(NULL, "store_file"), codes);
    assert_ptr_equal(running_owner_of(NULL, "store_file"), running_owner_of(NULL, "store_file"));
}

static void a_place_has_words(void **state)
{
    (void)state;
    char text[RUNNING_TEXT_SIZE];
    const running_owner *codes = running_owner_of("codes", "store_file");
    assert_string_equal(running_text(&codes->at[RUNNING_LOOKUP], text),
                        "lookup of codes (store_file)");
    assert_string_equal(running_text(&running_owner_of(NULL, "x")->at[RUNNING_LOADING], text),
                        "loading of plugin x");
}

static void words_without_end_are_cut(void **state)
{
    (void)state;
    char text[RUNNING_TEXT_SIZE], name[2 * RUNNING_TEXT_SIZE];
    memset(name, 'n', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    running_text(&running_owner_of(name, name)->at[RUNNING_VERIFY], text);
    assert_int_equal(strlen(text), RUNNING_TEXT_SIZE - 1);
}

/* A plugin that is called from within another one's call, and our own code from within that. */
static void calls_nest(void **state)
{
    (void)state;
    const running_place *outer = &running_owner_of("a", "p")->at[RUNNING_TIMER];
    const running_place *inner = &running_owner_of("b", "p")->at[RUNNING_LOOKUP];
    assert_null(running_at(&running_here));
    assert_null(running_as(RUNNING_WATCH));
    const uintptr_t first = running_enter(outer);
    const uintptr_t second = running_enter(NULL);
    assert_null(running_at(&running_here));
    const uintptr_t third = running_enter(inner);
    assert_ptr_equal(running_at(&running_here), inner);
    assert_ptr_equal(running_as(RUNNING_WATCH), &running_owner_of("b", "p")->at[RUNNING_WATCH]);
    running_leave(third);
    running_leave(second);
    assert_ptr_equal(running_at(&running_here), outer);
    running_leave(first);
    assert_null(running_at(&running_here));
}

static void a_mark_is_good_for_one_call(void **state)
{
    (void)state;
    const running_place *place = &running_owner_of("a", "p")->at[RUNNING_LOOKUP];
    assert_false(running_mark(&running_here));
    uintptr_t before = running_enter(place);
    assert_false(running_mark(&running_here));
    assert_true(running_mark(&running_here));
    assert_ptr_equal(running_at(&running_here), place); /* whatever the mark */
    running_leave(before);
    before = running_enter(place);
    assert_false(running_mark(&running_here));
    /* An inner call does not make the outer one another. */
    assert_true(running_mark(&running_here));
    const uintptr_t outer = running_enter(place);
    assert_false(running_mark(&running_here));
    running_leave(outer);
    assert_true(running_mark(&running_here));
    running_leave(before);
}

static void *see_signals(void *arg)
{
    (void)arg;
    sigset_t blocked;
    stack_t stack;
    char comm[16];
    running_thread_begin("a test", "cmpd/test");
    pthread_sigmask(SIG_SETMASK, NULL, &blocked);
    sigaltstack(NULL, &stack);
    pthread_getname_np(pthread_self(), comm, sizeof(comm));
    const bool good = sigismember(&blocked, SIGTERM) && sigismember(&blocked, SIGINT) &&
                      !sigismember(&blocked, SIGSEGV) && !sigismember(&blocked, SIGABRT) &&
                      (stack.ss_flags & SS_DISABLE) == 0 && stack.ss_size >= 8192 &&
                      strcmp(comm, "cmpd/test") == 0;
    running_thread_end();
    return good ? arg : NULL;
}

static void a_thread_of_ours_can_be_told_of_its_faults(void **state)
{
    (void)state;
    pthread_t id;
    void *good;
    int any;
    assert_true(running_thread_start(&id, see_signals, &any));
    pthread_join(id, &good);
    assert_ptr_equal(good, &any);
}

static void count(running_thread *t, void *arg)
{
    if (strcmp(t->name, "the test") == 0 && t == &running_here) {
        ++*(unsigned *)arg;
    }
}

static void threads_are_seen_while_they_last(void **state)
{
    (void)state;
    unsigned seen = 0;
    running_thread_begin("the test", NULL);
    running_threads_each(count, &seen);
    assert_int_equal(seen, 1);
    running_thread_end();
    running_threads_each(count, &seen);
    assert_int_equal(seen, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_owner_is_there_once),
        cmocka_unit_test(a_place_has_words),
        cmocka_unit_test(words_without_end_are_cut),
        cmocka_unit_test(calls_nest),
        cmocka_unit_test(a_mark_is_good_for_one_call),
        cmocka_unit_test(a_thread_of_ours_can_be_told_of_its_faults),
        cmocka_unit_test(threads_are_seen_while_they_last),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
