/* SPDX-License-Identifier: Apache-2.0 */
/* event/everywhere.c: each thread does it once, and the end comes when the last one has. */
#include "event/everywhere.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>

#include <cmocka.h>

enum { THREADS = 3 };

static loop *back, *loops[THREADS];
static pthread_t ids[THREADS];
static atomic_uint did[THREADS];
static atomic_bool held, over;
static bool ended;

static void *thread_main(void *arg)
{
    while (!over) {
        loop_turn(arg);
    }
    return NULL;
}

static void nothing(void *arg)
{
    (void)arg;
}

static int set_up(void **state)
{
    (void)state;
    over = ended = false;
    back = loop_create();
    for (int i = 0; i < THREADS; i++) {
        did[i] = 0;
        loops[i] = loop_create();
        pthread_create(&ids[i], NULL, thread_main, loops[i]);
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    over = true;
    for (int i = 0; i < THREADS; i++) {
        loop_post(loops[i], nothing, NULL);
        pthread_join(ids[i], NULL);
        loop_destroy(&loops[i]);
    }
    loop_destroy(&back);
    return 0;
}

static void run(unsigned index, void *arg)
{
    assert_ptr_equal(arg, &ended);
    assert_true(pthread_equal(pthread_self(), ids[index]));
    did[index]++;
    while (held && index == 1) {
    }
}

static void done(void *arg)
{
    *(bool *)arg = true;
}

static void all_do_it_once(void **state)
{
    (void)state;
    held = false;
    (void)everywhere_run(loops, THREADS, back, run, done, &ended);
    while (!ended) {
        loop_turn(back);
    }
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(did[i], 1);
    }
}

static void one_that_is_held_is_known(void **state)
{
    (void)state;
    held = true;
    const everywhere *e = everywhere_run(loops, THREADS, back, run, done, &ended);
    while (!everywhere_has(e, 0) || !everywhere_has(e, 2)) {
        loop_turn(back);
    }
    assert_false(everywhere_has(e, 1));
    assert_false(ended);
    held = false;
    while (!ended) {
        loop_turn(back);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(all_do_it_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_that_is_held_is_known, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
