/* SPDX-License-Identifier: Apache-2.0 */
/* A thread that looks at the others: which of them has not moved for long, and in which plugin.
 *
 * A call that holds a thread is named while it lasts. What a thread does for this is what
 * base/running.h says, and to turn its loop at least once in WATCHDOG_TURN_MS. */
#pragma once

#include "event/loop.h"

#include <pthread.h>

#define WATCHDOG_TURN_MS 1500

typedef struct watchdog watchdog;

typedef struct watchdog_options {
    uint64_t stall_ms; /* a call may take so long */
    uint64_t stuck_ms; /* and after so long its thread is given up, until it moves again */
    bool abort;        /* then the process ends, by SIGABRT in that very thread */
} watchdog_options;

/* NULL: there can be no thread. */
watchdog *watchdog_start(const watchdog_options *o);

/* When nobody is watched any more. */
void watchdog_stop(watchdog **w);

/* One that is watched. */
typedef struct watched {
    watchdog *by;
    running_thread *thread; /* has begun (running_thread_begin) */
    pthread_t id;
    loop *loop;

    /* Called on the watchdog's thread when this one is stuck, once each time. NULL: it does not
     * serve, and nothing is done about it. */
    void (*on_stuck)(void *arg);
    void *arg;

    /* ---- the watchdog's own ---- */
    uint64_t turns, turned_ms; /* at the last look: how many, and when there was one more */
    uint64_t marked_ms;        /* when the call that goes on was marked; 0: there is none */
    uint64_t queued_ms;        /* for how long, by then, the thread had waited for a processor */
    uint64_t held_ms, told_ms; /* for how long it has not moved; the same when it was said last */
    bool stuck;
    struct watched *next;
} watched;

/* Begins to watch the calling thread, and ends it. Of `t` the caller fills loop, on_stuck and arg,
 * and keeps it until the end. */
void watchdog_add(watchdog *w, watched *t);
void watchdog_remove(watched *t);

typedef struct watched_state {
    const char *name;     /* "worker 3" */
    loop_longest longest; /* turn of its loop */
    uint64_t held_ms;     /* 0: it moves */
    bool stuck;
    const running_place *place; /* NULL: it is in no plugin */
} watched_state;

/* How it is with each of them. Any thread. */
void watchdog_each(watchdog *w, void (*visit)(const watched_state *s, void *arg), void *arg);
