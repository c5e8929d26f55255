/* SPDX-License-Identifier: Apache-2.0 */
/* See pace.h. */
#include "pace.h"

/* A wild time would overflow the sum; it is no clock's, and none of a group. */
#define WILD_MS INT64_C(1000000000000000)

bool pace_note(pace *p, int64_t by_ms, int64_t *ahead_ms)
{
    if (by_ms > WILD_MS || by_ms < -WILD_MS) {
        return false;
    }
    p->least_ms = p->samples == 0 || by_ms < p->least_ms ? by_ms : p->least_ms;
    p->most_ms = p->samples == 0 || by_ms > p->most_ms ? by_ms : p->most_ms;
    p->sum_ms += by_ms;
    if (++p->samples < PACE_SAMPLES) {
        return false;
    }
    *ahead_ms = p->sum_ms / PACE_SAMPLES;
    const bool steady = p->most_ms - p->least_ms <= PACE_SPREAD_MS;
    *p = (pace){.samples = 0};
    return steady && (*ahead_ms >= PACE_LEAST_MS || *ahead_ms <= -PACE_LEAST_MS);
}
