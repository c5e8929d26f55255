/* SPDX-License-Identifier: Apache-2.0 */
/* Asked once for every request of a peer that has a rate. The word holds the time up to which the
 * rate is used up; an event moves it on by one interval. */
#include "base/rate.h"

/* Bounds that keep every product and sum below within 63 bits. Those of rate_init: 3.6e9 an hour
 * times a day of milliseconds is 3.1e17. Those of take_within: `now` is at most half of the range,
 * and what is added to it, or taken from it, a quarter. None is less than an operator could
 * mean. */
#define HOUR_NS      ((int64_t)3600 * 1000 * 1000 * 1000)
#define PER_HOUR_MAX ((int64_t)3600 * 1000 * 1000)
#define BURST_MAX_MS ((int64_t)24 * 3600 * 1000)
#define NOW_MAX_US   (INT64_MAX / 2000)
#define STEP_NS      ((int64_t)10 * 1000 * 1000 * 1000)
#define AHEAD_MAX_NS (INT64_MAX / 4)
#define WAIT_MAX_MS  ((int64_t)24 * 3600 * 1000)

static int64_t clamp(int64_t value, int64_t min, int64_t max)
{
    return value < min ? min : value > max ? max : value;
}

/* The interval is rounded up: over a day no more than was allowed, rather than a little more. */
void rate_init(rate *r, int64_t per_hour, int64_t burst_ms)
{
    *r = (rate){.interval_ns = 0};
    if (per_hour <= 0) {
        return;
    }
    per_hour = clamp(per_hour, 1, PER_HOUR_MAX);
    burst_ms = clamp(burst_ms, 0, BURST_MAX_MS);
    r->interval_ns = (HOUR_NS + per_hour - 1) / per_hour;
    const int64_t burst = per_hour * burst_ms / (HOUR_NS / 1000000);
    r->ahead_ns = burst > 1 ? (burst - 1) * r->interval_ns : 0;
}

void rate_set_burst(rate *r, unsigned events)
{
    const int64_t more = events > 1 ? (int64_t)events - 1 : 0;
    if (__builtin_mul_overflow(more, r->interval_ns, &r->ahead_ns) || r->ahead_ns > AHEAD_MAX_NS) {
        r->ahead_ns = AHEAD_MAX_NS;
    }
}

/* Nanoseconds until the event that was taken, or, negative, until one could be. With a negative
 * `wait_max_ns` so much has to be left of the burst. */
static int64_t take_within(rate *r, int64_t now_us, int64_t wait_max_ns)
{
    const int64_t now = clamp(now_us, 0, NOW_MAX_US) * 1000;
    int64_t due = atomic_load_explicit(&r->due_ns, memory_order_relaxed), start, wait;
    do {
        wait = due - now - r->ahead_ns;
        /* Events move the word no further than one interval beyond what is allowed. What is further
         * than that was set before the clock stepped back. */
        const int64_t most = wait_max_ns > 0 ? wait_max_ns : 0;
        const bool stepped = wait > most + r->interval_ns + STEP_NS;
        if (wait > wait_max_ns && !stepped) {
            return wait_max_ns - wait;
        }
        wait = wait > 0 && !stepped ? wait : 0;
        start = due > now && !stepped ? due : now;
    } while (!atomic_compare_exchange_weak_explicit(&r->due_ns, &due, start + r->interval_ns,
                                                    memory_order_relaxed, memory_order_relaxed));
    return wait;
}

static int64_t ms_of(int64_t ns)
{
    return (ns + 999999) / 1000000;
}

int64_t rate_take(rate *r, int64_t now_us)
{
    return r->interval_ns == 0 ? 0 : ms_of(-take_within(r, now_us, 0));
}

int64_t rate_take_leaving(rate *r, int64_t now_us, int64_t ahead_ns)
{
    return r->interval_ns == 0 ? 0 : ms_of(-take_within(r, now_us, -ahead_ns));
}

int64_t rate_reserve(rate *r, int64_t now_us, int64_t wait_max_ms)
{
    if (r->interval_ns == 0) {
        return 0;
    }
    const int64_t wait = take_within(r, now_us, clamp(wait_max_ms, 0, WAIT_MAX_MS) * 1000000);
    return wait < 0 ? -1 : ms_of(wait);
}

/* The word may fall behind now by this. That is what an unused rate looks like, so nothing is
 * gained. */
void rate_give_back(rate *r, unsigned percent)
{
    atomic_fetch_sub_explicit(&r->due_ns, r->interval_ns / 100 * percent, memory_order_relaxed);
}
