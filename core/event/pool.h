/* SPDX-License-Identifier: Apache-2.0 */
/* A pool of threads for what may block: plugins that say so, loading of large files, names.
 *
 * The queue is bounded: when all threads hang and it is full, pool_submit says no at once. Nobody
 * gets more than about three quarters of the threads and of the queue, so that one plugin whose
 * calls all hang leaves the others something to work with. */
#pragma once

#include "event/loop.h"

typedef struct pool pool;

/* What one user of the pool has of it; zeroed at first, and changed by the pool alone. Has to live
 * until the last of its jobs is done. */
typedef struct pool_share {
    unsigned running, waiting;
} pool_share;

pool *pool_create(unsigned threads, unsigned queue_max);

/* Takes no more jobs and lets those it has finish, for up to `patience_ms`. True when its threads
 * have ended, all that they kept for themselves included. False when some still hang: they and the
 * pool are left behind, and the process must end without waiting for them. */
bool pool_destroy(pool **p, unsigned patience_ms);

/* Runs `work(arg)` on a pool thread, then `done(arg)` on `l`'s thread. Any thread. `share` is that
 * of the caller; NULL: the core itself. False when the queue, or the share's part of it, is full:
 * neither will run. */
CMP_MUST_USE bool pool_submit(pool *p, pool_share *share, loop *l, void (*work)(void *arg),
                              void (*done)(void *arg), void *arg);

typedef struct pool_state {
    unsigned threads;
    unsigned running, waiting; /* jobs */
} pool_state;

/* As it is at this moment. Any thread. */
pool_state pool_look(pool *p);
