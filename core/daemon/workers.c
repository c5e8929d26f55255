/* SPDX-License-Identifier: Apache-2.0 */
/* Life of the worker threads; see workers.h. */
#include "daemon/workers.h"

#include "base/clock.h"
#include "base/log.h"
#include "daemon/hang.h"
#include "daemon/notify.h"
#include "observe/counters.h"

#include <cmp-kit/memory.h>

#include <errno.h>
#include <stdlib.h>

#define STOP_GRACE_MS 2000 /* for workers to end, after the drain */

/* Not before its loop turns: starts of plugins may take their time. */
static void watch_control(daemon_state *d)
{
    d->watched = (watched){.loop = d->control};
    if (d->process.watchdog != NULL) {
        watchdog_add(d->process.watchdog, &d->watched);
    }
}

/* Microseconds, from LOOP_LONG_US on. */
static const int64_t turn_bounds[] = {3000,  4000,   5000,   7500,   10000,   15000,   25000,
                                      50000, 100000, 250000, 500000, 1000000, 2500000, 10000000};
static unsigned long_turns;

/* On the control thread, by messages: `ready` and `ended` need no lock. `started` stands still by
 * then, for the control loop turns only when all were created. */
static void on_worker_ready(void *arg)
{
    daemon_state *d = arg;
    if (++d->ready == d->started) {
        watch_control(d);
        d->on_ready(d);
    }
}

static void on_worker_ended(void *arg)
{
    ((daemon_state *)arg)->ended++;
}

/* Plugins first: they may still have calls under way on the connections that go next. */
static void worker_end(worker_thread *thread)
{
    worker_let_go(&thread->worker);
    server_worker_destroy(&thread->server);
    worker_disconnect(&thread->worker);
    loop_settle(thread->loop); /* h2o's sockets can only be freed on the thread that made them */
}

static void on_stuck(void *arg)
{
    server_worker_withdraw(((worker_thread *)arg)->server);
}

static void worker_watch(worker_thread *thread)
{
    thread->watched = (watched){.loop = thread->loop, .on_stuck = on_stuck, .arg = thread};
    if (thread->d->process.watchdog != NULL) {
        watchdog_add(thread->d->process.watchdog, &thread->watched);
    }
}

/* The order matters: services have their worker's connections when worker_start is called, and the
 * first request finds every instance started. */
static void *worker_main(void *arg)
{
    worker_thread *thread = arg;
    daemon_state *d = thread->d;
    char name[32], comm[16];
    snprintf(name, sizeof(name), "worker %u", thread->worker.index);
    snprintf(comm, sizeof(comm), "cmpd/w%u", thread->worker.index);
    running_thread_begin(name, comm);
    worker_init(&thread->worker, thread->worker.index, thread->loop, &d->process);
    d->site.worker_outbounds[thread->worker.index] = thread->worker.outbound;
    thread->server = server_worker_start(d->server, &thread->worker);
    server_worker_take(thread->server, thread->first, NULL);
    loop_post(d->control, on_worker_ready, d);
    worker_watch(thread);
    while (!thread->drained) {
        const int64_t long_us = loop_turn(thread->loop);
        if (long_us != 0) {
            histogram_add(long_turns, long_us);
        }
    }
    watchdog_remove(&thread->watched);
    if (worker_under_way(&thread->worker) ==
        0) { /* else plugins are at work, and the process ends */
        worker_end(thread);
    }
    loop_post(d->control, on_worker_ended, d);
    running_thread_end();
    return NULL;
}

static void on_serve(void *arg)
{
    worker_thread *thread = arg;
    daemon_state *d = thread->d;
    if (thread->drains) {
        server_worker_ask_to_leave(thread->server, true);
    }
    server_worker_listen(thread->server, thread->hand);
    thread->hand = NULL;
    if (thread->admin >= 0) {
        admin_serve(d->admin, thread->admin, thread->server);
    }
}

void workers_serve(daemon_state *d)
{
    for (unsigned i = 0; i < d->started; i++) {
        d->threads[i].hand = sockets_hand_make(d->sockets, i);
        d->threads[i].admin = admin_share(d->admin);
        d->threads[i].drains = d->asked_to_drain;
        loop_post(d->threads[i].loop, on_serve, &d->threads[i]);
    }
}

void workers_keep_sockets(daemon_state *d, bool keep)
{
    for (unsigned i = 0; i < d->started; i++) {
        server_worker_keep_sockets(d->threads[i].server, keep);
    }
}

static void on_drained(void *arg)
{
    ((worker_thread *)arg)->drained = true;
}

static void on_stop(void *arg)
{
    worker_thread *thread = arg;
    const uint64_t patience_ms = (uint64_t)thread->worker.tenure->generation->conf->top.drain_ms;
    server_worker_drain(thread->server, patience_ms, on_drained, thread);
}

/* All loops are there before the first thread is: a plugin's worker_start may call all workers,
 * itself included. */
bool workers_start(daemon_state *d, void (*ready)(daemon_state *d))
{
    const unsigned count = d->site.worker_count;
    long_turns = histogram_register(
        "worker", "long_turn_us",
        "Turns of workers' loops of 2 ms or more: for so long nobody else was served", turn_bounds,
        sizeof(turn_bounds) / sizeof(turn_bounds[0]));
    d->on_ready = ready;
    d->threads = kit_calloc(count, sizeof(*d->threads));
    loop **loops = kit_calloc(count, sizeof(*loops));
    for (unsigned i = 0; i < count; i++) {
        loops[i] = loop_create();
        d->threads[i].d = d;
        d->threads[i].loop = loops[i];
        d->threads[i].worker.index = i;
        d->threads[i].first = d->generation;
    }
    d->site.worker_loops = loops;
    d->site.worker_outbounds = kit_calloc(count, sizeof(*d->site.worker_outbounds));
    for (unsigned i = 0; i < count; i++) {
        if (pthread_create(&d->threads[i].id, NULL, worker_main, &d->threads[i]) != 0) {
            log_error("daemon", "cannot start worker %u: %s", i, strerror(errno));
            return false;
        }
        d->started++;
    }
    return true;
}

/* Instances know of it by now; this is for what the core itself asks the keyring. */
static void on_keys_changed(void *arg)
{
    daemon_state *d = arg;
    for (unsigned i = 0; i < d->started; i++) {
        loop_post(d->threads[i].loop, worker_take_keyring, &d->threads[i].worker);
    }
}

void workers_watch_keys(daemon_state *d)
{
    d->keys = keys_watch_start(d->control, d->generation, on_keys_changed, d);
}

/* A worker that a plugin holds does not even begin to drain. */
static void on_stop_overdue(void *arg)
{
    const daemon_state *d = arg;
    hang_end(d->generation, d->build.retired);
}

/* Nothing of a worker is touched from here but by a message: its state is its own thread's. */
void workers_stop(daemon_state *d)
{
    if (d->stopping) {
        return;
    }
    d->stopping = true;
    d->stopping_since_ms = clock_monotonic_ms();
    notify_stopping();
    notify_status("draining");
    admin_withdraw(d->admin);
    for (unsigned i = 0; i < d->started; i++) {
        loop_post(d->threads[i].loop, on_stop, &d->threads[i]);
    }
    loop_timer_start(d->control, (uint64_t)d->generation->conf->top.drain_ms + STOP_GRACE_MS,
                     on_stop_overdue, d);
}
