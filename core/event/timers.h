/* SPDX-License-Identifier: Apache-2.0 */
/* Timers of any length behind one descriptor: a heap of deadlines and a timerfd for the nearest.
 *
 * h2o's own timeouts are lists of one fixed duration each; deadlines that shrink by hop are not. */
#pragma once

#include "base/running.h"

typedef struct timers timers;

timers *timers_create(void); /* NULL, with errno set, when the kernel refuses */
void timers_destroy(timers **t);

/* Readable when timers_run has something to do. */
int timers_fd(const timers *t);

/* Runs all timers that are due; they may start and stop others. */
void timers_run(timers *t);

/* `of`: the plugin whose `run` is; NULL: it is ours. */
cmp_timer *timers_start(timers *t, const running_place *of, uint64_t delay_ms,
                        void (*run)(void *arg), void *arg);
void timers_stop(cmp_timer *timer);
