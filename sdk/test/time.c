/* SPDX-License-Identifier: Apache-2.0 */
/* The test's clock, its pool, and its turns. */
#include "test/test.h"

#include "base/clock.h"

#include <cmp-kit/memory.h>

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>

/* ---- the pool, and calls to workers ---- */

/* What has gone by since then was no worker's: in a host of several threads it is another's. */
static void was_away(cmp_test *t, int64_t since_us)
{
    t->away_us += clock_monotonic_us() - since_us;
}

static void run_away(cmp_test *t, void (*run)(void *arg), void *arg)
{
    const int64_t began_us = clock_monotonic_us();
    run(arg);
    was_away(t, began_us);
}

static bool run_job(cmp_test *t)
{
    job *j = STAILQ_FIRST(&t->jobs);
    if (j == NULL) {
        return false;
    }
    STAILQ_REMOVE_HEAD(&t->jobs, entry);
    t->job_count--;
    const job now = *j;
    free(j);
    run_away(t, now.work, now.arg);
    if (now.loop == &t->host->control) {
        run_away(t, now.done, now.arg);
    } else {
        now.done(now.arg);
    }
    return true;
}

bool cmp_test_step(cmp_test *t)
{
    return run_job(t) || (t->worker != NULL && host_loop_run_one(&t->worker->loop));
}

/* Those too that they add. */
void test_run_jobs(cmp_test *t)
{
    while (cmp_test_step(t)) {
    }
}

void test_settle(cmp_test *t)
{
    if (!t->hold) {
        test_run_jobs(t);
    }
}

static bool service_offload(const cmp_host *table, cmp_loop *loop, void (*work)(void *arg),
                            void (*done)(void *arg), void *arg)
{
    cmp_test *t = test_of(table);
    if (t->pool_full) {
        t->refused++;
        return false;
    }
    if (loop == NULL) {
        test_die("offload: with no loop to come back to");
    }
    job *j = kit_alloc(sizeof(*j));
    *j = (job){.work = work, .done = done, .arg = arg, .loop = loop};
    STAILQ_INSERT_TAIL(&t->jobs, j, entry);
    t->job_count++;
    return true;
}

void test_job_services(cmp_host *table)
{
    table->services |= CMP_SERVICE_OFFLOAD;
    table->offload = service_offload;
}

void cmp_test_hold(cmp_test *t, bool hold)
{
    t->hold = hold;
    test_settle(t);
}

void cmp_test_pool_full(cmp_test *t, bool full)
{
    t->pool_full = full;
}

unsigned cmp_test_jobs(const cmp_test *t)
{
    return t->job_count + (t->worker != NULL ? host_loop_posted(&t->worker->loop) : 0);
}

/* ---- the clock ---- */

int64_t cmp_test_now_ms(const cmp_test *t)
{
    return t->now_ms;
}

void cmp_test_set_time(cmp_test *t, int64_t now_ms)
{
    t->now_ms = now_ms;
}

/* The loop whose timer is due next. */
static cmp_loop *next_loop(cmp_test *t)
{
    cmp_loop *control = &t->host->control;
    cmp_loop *worker = cmp_test_worker_loop(t);
    return worker != NULL && host_loop_due_ms(worker) < host_loop_due_ms(control) ? worker
                                                                                  : control;
}

static void fire(cmp_test *t, cmp_loop *l)
{
    const int64_t began_us = clock_monotonic_us();
    host_loop_fire(l, t->now_ms);
    if (l == &t->host->control) {
        was_away(t, began_us);
    }
}

void cmp_test_advance(cmp_test *t, int64_t ms)
{
    const int64_t until_ms = t->now_ms + ms;
    for (cmp_loop *l = next_loop(t); host_loop_due_ms(l) <= until_ms; l = next_loop(t)) {
        const int64_t due_ms = host_loop_due_ms(l);
        t->now_ms = due_ms > t->now_ms ? due_ms : t->now_ms;
        fire(t, l);
        test_settle(t);
    }
    t->now_ms = until_ms;
}

unsigned cmp_test_timers(const cmp_test *t)
{
    return t->host->control.timer_count + (t->worker != NULL ? t->worker->loop.timer_count : 0);
}

/* ---- turns ---- */

unsigned cmp_test_watches(const cmp_test *t)
{
    return t->host->control.watch_count + (t->worker != NULL ? t->worker->loop.watch_count : 0);
}

/* The kernel forgets in silence what was closed. */
static void check_watches(const cmp_loop *l)
{
    const cmp_watch *w;
    TAILQ_FOREACH(w, &l->watches, entry)
    {
        if (fcntl(w->fd, F_GETFD) < 0) {
            test_die("watch: its descriptor was closed");
        }
    }
}

static void end_turn(cmp_test *t)
{
    const cmp_plugin *plugin = t->host->plugin;
    if (t->turn_asked && t->worker != NULL && plugin->ops.store->turn_end != NULL) {
        plugin->ops.store->turn_end(t->host->instance, t->worker->state);
    }
    t->turn_asked = false;
}

/* Both loops at once: either may have what the test waits for. */
static void wait_for_either(cmp_test *t, int wait_ms)
{
    cmp_loop *worker = cmp_test_worker_loop(t);
    struct pollfd loops[] = {
        {.fd = t->host->control.epoll_fd, .events = POLLIN},
        {.fd = worker != NULL ? worker->epoll_fd : -1, .events = POLLIN},
    };
    const int64_t began_us = clock_monotonic_us();
    const bool ready = poll(loops, 2, wait_ms) > 0;
    if (ready) {
        host_loop_poll(&t->host->control, 0);
    }
    was_away(t, began_us);
    if (ready && worker != NULL) {
        host_loop_poll(worker, 0);
    }
}

void cmp_test_run(cmp_test *t, int wait_ms)
{
    test_run_jobs(t);
    check_watches(&t->host->control);
    if (t->worker != NULL) {
        check_watches(&t->worker->loop);
    }
    wait_for_either(t, wait_ms);
    end_turn(t);
    test_settle(t);
}
