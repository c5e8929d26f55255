/* SPDX-License-Identifier: Apache-2.0 */
/* The pool: every job it takes runs once; a full queue says no; hung threads do not hold the end.
 */
#include "event/pool.h"

#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <unistd.h>

#include <cmocka.h>

typedef struct site {
    loop *l;
    sem_t gate; /* holds jobs back */
    _Atomic unsigned worked;
    unsigned done;
} site;

static void site_init(site *s)
{
    *s = (site){.l = loop_create()};
    sem_init(&s->gate, 0, 0);
}

static void work_counts(void *arg)
{
    atomic_fetch_add(&((site *)arg)->worked, 1);
}

static void work_waits(void *arg)
{
    site *s = arg;
    sem_wait(&s->gate);
    atomic_fetch_add(&s->worked, 1);
}

static void on_done(void *arg)
{
    ((site *)arg)->done++;
}

static void every_job_runs_once(void **state)
{
    enum { JOBS = 200 };
    (void)state;
    site s;
    site_init(&s);
    pool *p = pool_create(3, 2 * JOBS);
    for (int i = 0; i < JOBS; i++) {
        assert_true(pool_submit(p, NULL, s.l, work_counts, on_done, &s));
    }
    while (s.done < JOBS) {
        loop_turn(s.l);
    }
    assert_int_equal(s.worked, JOBS);
    assert_true(pool_destroy(&p, 5000));
    assert_null(p);
    loop_destroy(&s.l);
}

static void a_full_queue_says_no(void **state)
{
    (void)state;
    site s;
    site_init(&s);
    pool *p = pool_create(1, 3); /* two places of it for one share */
    assert_true(pool_submit(p, NULL, s.l, work_waits, on_done, &s));
    while (pool_look(p).running == 0) { /* until the thread has taken it from the queue */
        sched_yield();
    }
    assert_true(pool_submit(p, NULL, s.l, work_waits, on_done, &s));
    assert_true(pool_submit(p, NULL, s.l, work_waits, on_done, &s));
    assert_false(pool_submit(p, NULL, s.l, work_waits, on_done, &s));
    for (int i = 0; i < 3; i++) {
        sem_post(&s.gate);
    }
    assert_true(pool_destroy(&p, 5000)); /* what is queued still runs */
    loop_destroy(&s.l);
    assert_int_equal(s.worked, 3);
    assert_int_equal(s.done, 3);
}

/* Nobody takes the last thread, nor the last place in the queue, from the others. */
static void a_share_leaves_something_to_the_others(void **state)
{
    (void)state;
    site s, other;
    site_init(&s);
    site_init(&other);
    pool_share mine = {0}, theirs = {0};
    pool *p = pool_create(2, 4);
    unsigned taken = 0;
    while (pool_submit(p, &mine, s.l, work_waits, on_done, &s)) {
        taken++;
    }
    assert_in_range(taken, 3, 4); /* one may run already */
    assert_true(pool_submit(p, &theirs, other.l, work_counts, on_done, &other));
    while (other.done == 0) {
        loop_turn(other.l);
    }
    assert_int_equal(s.done, 0);
    for (unsigned i = 0; i < taken; i++) {
        sem_post(&s.gate);
    }
    assert_true(pool_destroy(&p, 5000));
    loop_destroy(&s.l);
    loop_destroy(&other.l);
    assert_int_equal(s.worked, taken);
    assert_int_equal(mine.running + mine.waiting + theirs.running + theirs.waiting, 0);
}

static void a_hung_thread_is_left_behind(void **state)
{
    (void)state;
    static site s; /* outlives the thread */
    site_init(&s);
    pool *p = pool_create(1, 1);
    assert_true(pool_submit(p, NULL, s.l, work_waits, on_done, &s));
    assert_false(pool_destroy(&p, 20));
    assert_null(p);
    sem_post(&s.gate);
    while (s.done == 0) {
        loop_turn(s.l);
    }
    loop_destroy(&s.l);
}

/* ---- what a thread keeps for itself ---- */

static pthread_key_t kept;
static _Atomic unsigned given_back;

static void on_give_back(void *value)
{
    (void)value;
    usleep(20000); /* as a thread that the machine has no time for */
    atomic_fetch_add(&given_back, 1);
}

static void work_keeps(void *arg)
{
    pthread_setspecific(kept, arg);
}

static void what_a_thread_keeps_is_given_back_before_the_end(void **state)
{
    (void)state;
    site s;
    site_init(&s);
    assert_int_equal(pthread_key_create(&kept, on_give_back), 0);
    pool *p = pool_create(1, 1);
    assert_true(pool_submit(p, NULL, s.l, work_keeps, on_done, &s));
    assert_true(pool_destroy(&p, 5000));
    assert_int_equal(given_back, 1);
    pthread_key_delete(kept);
    loop_destroy(&s.l);
}

static void a_pool_without_threads_says_no(void **state)
{
    (void)state;
    site s;
    site_init(&s);
    pool *p = pool_create(0, 1);
    assert_false(pool_submit(p, NULL, s.l, work_counts, on_done, &s));
    assert_true(pool_destroy(&p, 0));
    assert_true(pool_destroy(&p, 0)); /* none is fine */
    loop_destroy(&s.l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_queue_says_no),
        cmocka_unit_test(a_share_leaves_something_to_the_others),
        cmocka_unit_test(a_hung_thread_is_left_behind),
        cmocka_unit_test(a_pool_without_threads_says_no),
        cmocka_unit_test(every_job_runs_once),
        cmocka_unit_test(what_a_thread_keeps_is_given_back_before_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
