/* SPDX-License-Identifier: Apache-2.0 */
/* observe/watchdog.c: a thread that is held is named while it is, and told of when it moves again.
 */
#include "observe/watchdog.h"

#include "base/log_output.h"
#include "observe/counters.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

enum { TEXT_SIZE = 1 << 16 };

static FILE *caught;
static char text[TEXT_SIZE];
static const running_place *place; /* where the worker is held; NULL: in our own code */
static atomic_bool held, release, end;
static atomic_uint withdrawn;

static int set_up(void **state)
{
    (void)state;
    caught = tmpfile();
    log_output_set(fileno(caught));
    held = release = end = false;
    withdrawn = 0;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    log_output_set(STDERR_FILENO);
    fclose(caught);
    return 0;
}

static void on_stuck(void *arg)
{
    (void)arg;
    withdrawn++;
}

static void nothing(void *arg)
{
    (void)arg;
}

/* Is held once, then turns its loop until the end. */
static void *worker_main(void *arg)
{
    watched w = {.loop = loop_create(), .on_stuck = on_stuck};
    running_thread_begin("a worker", NULL);
    watchdog_add(arg, &w);
    loop_settle(w.loop);
    const uintptr_t before = running_enter(place);
    held = true;
    while (!release) {
        usleep(1000);
    }
    running_leave(before);
    while (!end) {
        loop_timer_start(w.loop, 1, nothing, NULL);
        loop_turn(w.loop);
    }
    watchdog_remove(&w);
    running_thread_end();
    loop_destroy(&w.loop);
    return NULL;
}

static void wait_for(const char *words)
{
    do {
        usleep(1000);
        const ssize_t size = pread(fileno(caught), text, sizeof(text) - 1, 0);
        text[size > 0 ? size : 0] = '\0';
    } while (strstr(text, words) == NULL);
}

static void add_state(const watched_state *s, void *arg)
{
    *(watched_state *)arg = *s;
}

static uint64_t stalls_of(const char *owner)
{
    return counter_read(counter_register(owner, "stalls", ""));
}

static void hold_and_look(const watchdog_options *o, const char *named)
{
    pthread_t id;
    watched_state s;
    watchdog *w = watchdog_start(o);
    assert_non_null(w);
    assert_int_equal(pthread_create(&id, NULL, worker_main, w), 0);
    wait_for(named);
    wait_for("a worker is stuck in ");
    do { /* it becomes less when the time that the thread waited to run is taken off */
        usleep(1000);
        watchdog_each(w, add_state, &s);
    } while (s.held_ms < o->stuck_ms);
    assert_string_equal(s.name, "a worker");
    assert_true(s.stuck);
    assert_ptr_equal(s.place, place);
    release = true;
    wait_for("a worker moves again");
    assert_int_equal(withdrawn, 1);
    do {
        usleep(1000);
        watchdog_each(w, add_state, &s);
    } while (s.held_ms != 0);
    assert_false(s.stuck);
    end = true;
    pthread_join(id, NULL);
    watchdog_stop(&w);
    assert_null(w);
}

static void a_plugin_that_holds_a_thread_is_named(void **state)
{
    (void)state;
    place = &running_owner_of("codes", "store_x")->at[RUNNING_LOOKUP];
    hold_and_look(&(watchdog_options){.stall_ms = 10, .stuck_ms = 40},
                  "a worker has been in lookup of codes (store_x) for ");
    assert_int_equal(stalls_of("codes"), 1);
}

/* It is known by its loop, which does not turn. */
static void our_own_code_is_seen_without_a_name(void **state)
{
    (void)state;
    place = NULL;
    hold_and_look(&(watchdog_options){.stall_ms = 10, .stuck_ms = 40},
                  "a worker has not moved for ");
    assert_non_null(strstr(text, "though it is in no plugin"));
    assert_int_equal(stalls_of("cmpd"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_plugin_that_holds_a_thread_is_named, set_up, tear_down),
        cmocka_unit_test_setup_teardown(our_own_code_is_seen_without_a_name, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
