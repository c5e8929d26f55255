/* SPDX-License-Identifier: Apache-2.0 */
/* One event loop: h2o's, with timers of any length, descriptors, and messages from other threads.
 *
 * Everything here but loop_post belongs to the loop's own thread. */
#pragma once

#include "base/running.h"

#include <h2o.h>

/* The plugin ABI's handle is this very struct. */
typedef cmp_loop loop;

loop *loop_create(void);

/* Ends a loop on which nothing is under way; messages still waiting are run first. */
void loop_destroy(loop **l);

/* Runs the messages that are waiting, without a turn: for the end, when nobody turns it any more.
 */
void loop_run_posted(loop *l);

/* Handles what is ready, without waiting: frees sockets that were closed. */
void loop_settle(loop *l);

/* Waits for events and handles what is ready: one turn, then `turn_end` when one is set. How long
 * it took from when the wait was over, if that was LOOP_LONG_US or more, else 0: up to a
 * millisecond too much. */
#define LOOP_LONG_US 2000
int64_t loop_turn(loop *l);

/* The longest of those turns so far, and what one of them used of a processor at most: the rest is
 * for others that were running, or for what was waited for. Any thread. */
typedef struct loop_longest {
    int64_t took_us, used_us;
} loop_longest;
loop_longest loop_longest_turn(loop *l);

/* How many turns there have been. Any thread. */
uint64_t loop_turns(loop *l);

/* Called at the end of each turn. */
void loop_on_turn_end(loop *l, void (*run)(void *arg), void *arg);

h2o_loop_t *loop_h2o(loop *l);

/* Runs `run(arg)` on the loop's thread, soon and in order. Any thread. */
void loop_post(loop *l, void (*run)(void *arg), void *arg);

/* A timer: runs once, on the loop's thread. Heap-allocated; gone when it has fired or was stopped.
 */
cmp_timer *loop_timer_start(loop *l, uint64_t delay_ms, void (*run)(void *arg), void *arg);
void loop_timer_stop(cmp_timer *timer);

/* The same on behalf of a plugin, in which the thread is while `run` does. */
cmp_timer *loop_timer_start_for(loop *l, const running_place *of, uint64_t delay_ms,
                                void (*run)(void *arg), void *arg);

/* Runs `run(arg)` whenever `fd` can be read (level-triggered). The descriptor stays the caller's.
 * NULL, with errno set, when the kernel refuses. */
cmp_watch *loop_watch_start(loop *l, int fd, void (*run)(void *arg), void *arg);
cmp_watch *loop_watch_start_for(loop *l, const running_place *of, int fd, void (*run)(void *arg),
                                void *arg);
void loop_watch_stop(cmp_watch *watch);

/* Runs `run(arg)`, with the watch's arg, once: when the descriptor can be written next. */
void loop_watch_write(cmp_watch *watch, void (*run)(void *arg));
