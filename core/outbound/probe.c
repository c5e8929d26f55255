/* SPDX-License-Identifier: Apache-2.0 */
/* Finding out that an origin has recovered: while its circuit is open, one worker makes connections
 * that carry no request. The one that comes up is used right away. */
#include "outbound/wire.h"

static void on_due(void *arg)
{
    lane *l = arg;
    l->probe_timer = NULL;
    if (!origin_wanted(l->origin)) {
        breaker_abandon(&l->origin->breaker, l->owner);
    } else if (breaker_probe_begin(&l->origin->breaker, l->owner)) {
        l->probe_began_ms = clock_monotonic_ms();
        wire_open(l, true); /* however it ends, probe_ended is called */
    }
    lane_wake(l);
}

void probe_schedule(lane *l, uint64_t delay_ms)
{
    if (l->probe_timer != NULL) {
        loop_timer_stop(l->probe_timer); /* for an earlier trouble */
    }
    l->probe_timer = loop_timer_start(l->owner->loop, delay_ms, on_due, l);
}

void probe_ended(lane *l, bool good)
{
    uint64_t delay_ms;
    const uint64_t took_ms = clock_monotonic_ms() - l->probe_began_ms;
    if (breaker_probe_end(&l->origin->breaker, l->owner, good, took_ms, &delay_ms)) {
        lane_used_again(l);
    } else if (delay_ms > 0) {
        probe_schedule(l, delay_ms);
    }
}
