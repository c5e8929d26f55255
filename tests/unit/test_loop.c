/* SPDX-License-Identifier: Apache-2.0 */
/* The loop: timers, descriptors, messages from other threads. */
#include "event/loop.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

typedef struct trace {
    char text[64];
    size_t size;
    loop *l;
    cmp_timer *victim;
    bool done;
} trace;

static void note(trace *t, char c)
{
    assert_true(t->size + 1 < sizeof(t->text));
    t->text[t->size++] = c;
}

typedef struct mark {
    trace *t;
    char c;
} mark;

static void on_mark(void *arg)
{
    const mark *m = arg;
    note(m->t, m->c);
    m->t->done = m->c == '.';
}

static void run_until_done(trace *t)
{
    while (!t->done) {
        loop_turn(t->l);
    }
}

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void timers_fire_in_order_and_not_early(void **state)
{
    (void)state;
    trace t = {.l = loop_create()};
    mark c = {&t, 'c'}, a = {&t, 'a'}, b = {&t, 'b'}, end = {&t, '.'};
    const uint64_t before = h2o_now(loop_h2o(t.l)); /* what timers go by */
    loop_timer_start(t.l, 300, on_mark, &c);
    loop_timer_start(t.l, 0, on_mark, &a);
    loop_timer_start(t.l, 100, on_mark, &b);
    loop_timer_start(t.l, 400, on_mark, &end);
    run_until_done(&t);
    assert_true(h2o_now(loop_h2o(t.l)) - before >= 400);
    assert_string_equal(t.text, "abc.");
    loop_destroy(&t.l);
    assert_null(t.l);
}

static void on_stop_victim(void *arg)
{
    trace *t = arg;
    note(t, 's');
    loop_timer_stop(t->victim);
}

static void a_stopped_timer_does_not_fire(void **state)
{
    (void)state;
    trace t = {.l = loop_create()};
    mark never = {&t, 'x'}, end = {&t, '.'};
    loop_timer_stop(loop_timer_start(t.l, 0, on_mark, &never));
    loop_timer_start(t.l, 2, on_stop_victim, &t); /* begun before what it stops: due before it */
    t.victim = loop_timer_start(t.l, 10, on_mark, &never);
    loop_timer_start(t.l, 20, on_mark, &end);
    run_until_done(&t);
    assert_string_equal(t.text, "s.");
    loop_destroy(&t.l);
}

static void on_restart(void *arg)
{
    trace *t = arg;
    note(t, 'r');
    if (t->size < 5) {
        loop_timer_start(t->l, 0, on_restart, t);
    } else {
        t->done = true;
    }
}

static void a_timer_may_start_itself_again(void **state)
{
    (void)state;
    trace t = {.l = loop_create()};
    loop_timer_start(t.l, 0, on_restart, &t);
    run_until_done(&t);
    assert_string_equal(t.text, "rrrrr");
    loop_destroy(&t.l);
}

static void many_timers_keep_their_order(void **state)
{
    enum { COUNT = 500 };
    (void)state;
    trace t = {.l = loop_create()};
    cmp_timer *timers[COUNT];
    mark never = {&t, 'x'}, end = {&t, '.'};
    for (int i = 0; i < COUNT; i++) {
        timers[i] = loop_timer_start(t.l, (uint64_t)(i * 7919 % 1000) + 1000, on_mark, &never);
    }
    for (int i = 0; i < COUNT; i += 2) {
        loop_timer_stop(timers[i]);
    }
    loop_timer_start(t.l, 1, on_mark, &end);
    for (int i = 1; i < COUNT; i += 2) {
        loop_timer_stop(timers[i]);
    }
    run_until_done(&t);
    assert_string_equal(t.text, ".");
    loop_destroy(&t.l);
}

typedef struct pipe_reader {
    trace t;
    int fds[2];
    cmp_watch *watch;
} pipe_reader;

static void on_pipe(void *arg)
{
    pipe_reader *r = arg;
    char octet;
    assert_int_equal(read(r->fds[0], &octet, 1), 1); /* one at a time: level-triggered */
    note(&r->t, octet);
    if (octet == '.') {
        loop_watch_stop(r->watch);
        r->t.done = true;
    }
}

static void a_descriptor_stays_the_callers(void **state)
{
    (void)state;
    pipe_reader r = {.t = {.l = loop_create()}};
    assert_int_equal(pipe(r.fds), 0);
    r.watch = loop_watch_start(r.t.l, r.fds[0], on_pipe, &r);
    assert_non_null(r.watch);
    assert_int_equal(write(r.fds[1], "abc.", 4), 4);
    run_until_done(&r.t);
    assert_string_equal(r.t.text, "abc.");
    assert_int_equal(close(r.fds[0]), 0);
    assert_int_equal(close(r.fds[1]), 0);
    assert_null(loop_watch_start(r.t.l, -1, on_pipe, &r));
    loop_destroy(&r.t.l);
}

enum { POSTERS = 3, POSTS = 2000 };

typedef struct tally {
    loop *l;
    unsigned posts;
} tally;

static void on_tally(void *arg)
{
    ((tally *)arg)->posts++;
}

static void *poster_main(void *arg)
{
    tally *t = arg;
    for (int i = 0; i < POSTS; i++) {
        loop_post(t->l, on_tally, t);
    }
    return NULL;
}

static void messages_of_all_threads_arrive(void **state)
{
    (void)state;
    tally t = {.l = loop_create()};
    pthread_t threads[POSTERS];
    for (int i = 0; i < POSTERS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, poster_main, &t), 0);
    }
    while (t.posts < POSTERS * POSTS) {
        loop_turn(t.l);
    }
    for (int i = 0; i < POSTERS; i++) {
        pthread_join(threads[i], NULL);
    }
    loop_post(t.l, on_tally, &t);
    loop_destroy(&t.l); /* runs what is still there */
    assert_int_equal(t.posts, POSTERS * POSTS + 1);
}

static void on_turn_end(void *arg)
{
    note(arg, 'e');
}

static void the_turn_ends_after_its_events(void **state)
{
    (void)state;
    trace t = {.l = loop_create()};
    mark end = {&t, '.'};
    loop_on_turn_end(t.l, on_turn_end, &t);
    loop_post(t.l, on_mark, &end);
    run_until_done(&t);
    assert_string_equal(t.text + t.size - 2, ".e");
    loop_destroy(&t.l);
}

enum { HELD_MS = 30, WAIT_MS = 200 };

static void on_hold(void *arg)
{
    const struct timespec held = {.tv_nsec = HELD_MS * 1000000};
    nanosleep(&held, NULL);
    on_mark(arg);
}

/* What is waited for an event is none of the turn; 1 ms is what it may be told too much. */
static void a_long_turn_is_told(void **state)
{
    (void)state;
    trace t = {.l = loop_create()};
    mark end = {&t, '.'};
    const uint64_t began_ms = now_ms();
    int64_t long_us = 0, longest_us = 0;
    loop_timer_start(t.l, WAIT_MS, on_hold, &end);
    while (!t.done) {
        const int64_t us = loop_turn(t.l);
        assert_true(us == 0 || us >= LOOP_LONG_US);
        long_us += us;
        longest_us = us > longest_us ? us : longest_us;
    }
    const int64_t most_ms = (int64_t)(now_ms() - began_ms) - WAIT_MS;
    assert_in_range(long_us, (HELD_MS - 1) * 1000, (most_ms + 2) * 1000);
    const loop_longest l = loop_longest_turn(t.l);
    assert_int_equal(l.took_us, longest_us);
    assert_in_range(l.used_us, 0, l.took_us - (HELD_MS - 1) * 1000); /* it slept */
    loop_destroy(&t.l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(timers_fire_in_order_and_not_early),
        cmocka_unit_test(a_stopped_timer_does_not_fire),
        cmocka_unit_test(a_timer_may_start_itself_again),
        cmocka_unit_test(many_timers_keep_their_order),
        cmocka_unit_test(a_descriptor_stays_the_callers),
        cmocka_unit_test(messages_of_all_threads_arrive),
        cmocka_unit_test(the_turn_ends_after_its_events),
        cmocka_unit_test(a_long_turn_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
