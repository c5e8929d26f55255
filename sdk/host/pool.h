/* SPDX-License-Identifier: Apache-2.0 */
/* Threads for what plugins give away (cmp_host.offload), in hosts that are no daemon. */
#pragma once

#include "host/loop.h"

typedef struct host_pool host_pool;

/* Has no thread yet: one begins with each job that finds none idle, up to `threads`. At most
 * `waiting_max` jobs wait. */
host_pool *host_pool_create(unsigned threads, unsigned waiting_max);

/* No job is left; waits for the threads. Nulls *p, null is fine. */
void host_pool_destroy(host_pool **p);

/* Runs `work(arg)` on one of the threads, then `done(arg)` on `loop`. False when too much waits.
 * Any thread. */
CMP_MUST_USE bool host_pool_submit(host_pool *p, cmp_loop *loop, void (*work)(void *arg),
                                   void (*done)(void *arg), void *arg);

/* Waits until no job is left that comes back to that loop: what has come back is posted there. On
 * the loop's thread, when nothing else submits for it. */
void host_pool_drain(host_pool *p, const cmp_loop *loop);
