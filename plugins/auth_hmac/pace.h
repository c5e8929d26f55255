/* SPDX-License-Identifier: Apache-2.0 */
/* How far a requestor's clock is from ours, as the times in its tids tell. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define PACE_SAMPLES   16   /* requests that are looked at together */
#define PACE_SPREAD_MS 2000 /* what they may differ by, and be of one clock */
#define PACE_LEAST_MS  5000 /* less is the way of a request */

/* Of one key; begins as zeros. One thread. */
typedef struct pace {
    int64_t least_ms, most_ms, sum_ms;
    unsigned samples;
} pace;

/* Notes by how much a tid's time is ahead of ours (behind: negative). True, with the mean in
 * *ahead_ms, when the last PACE_SAMPLES were all about as far. */
bool pace_note(pace *p, int64_t by_ms, int64_t *ahead_ms);
