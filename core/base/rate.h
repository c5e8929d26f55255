/* SPDX-License-Identifier: Apache-2.0 */
/* A rate limit shared by all workers: the generic cell rate algorithm in one atomic word. */
#pragma once

#include <cmp/base.h>
#include <stdatomic.h>

typedef struct rate {
    _Atomic int64_t due_ns; /* theoretical arrival time of the next event */
    int64_t interval_ns;    /* between two events; 0: unlimited */
    int64_t ahead_ns;       /* how far due_ns may be ahead of now */
} rate;

/* `per_hour` events an hour (0: unlimited; at most 3.6e9, a million each second), with bursts of at
 * most what `burst_ms` brings (at least one event). Both are cut to what makes sense. */
void rate_init(rate *r, int64_t per_hour, int64_t burst_ms);

/* Takes one event. 0: go on. Otherwise the milliseconds (rounded up) after which one is free.
 * Any thread. `now_us` may be any clock that is not negative; when it steps back by more than
 * ten seconds the limit starts afresh. */
int64_t rate_take(rate *r, int64_t now_us);

/* Allows bursts of so many events, instead of those of rate_init. */
void rate_set_burst(rate *r, unsigned events);

/* As rate_take, but leaves this much of a burst (a part of ahead_ns) to those who call that. */
int64_t rate_take_leaving(rate *r, int64_t now_us, int64_t ahead_ns);

/* Takes the next free event, though it be later: the milliseconds (rounded up) until then, 0 for
 * now. -1, and nothing is taken, when that is more than `wait_max_ms`. As for rate_take else. */
int64_t rate_reserve(rate *r, int64_t now_us, int64_t wait_max_ms);

/* Gives back a part of the last event taken, which was less of one than was thought. */
void rate_give_back(rate *r, unsigned percent);
