/* SPDX-License-Identifier: Apache-2.0 */
/* See clock.h. */
#include "base/clock.h"

#include <sys/timex.h>
#include <time.h>

/* Both clocks show it: a test that moves the time moves deadlines and validities together. */
static int64_t set_ms;

static int64_t now_us(clockid_t clock)
{
    if (set_ms != 0) {
        return set_ms * 1000;
    }
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* It may step back, or far ahead, when somebody sets it: good for what is compared with the times
 * of others (validity, freshness, records), and for nothing that waits. */
int64_t clock_now_ms(void)
{
    return now_us(CLOCK_REALTIME) / 1000;
}

int64_t clock_now_us(void)
{
    return now_us(CLOCK_REALTIME);
}

int64_t clock_monotonic_us(void)
{
    return now_us(CLOCK_MONOTONIC);
}

uint64_t clock_monotonic_ms(void)
{
    return (uint64_t)clock_monotonic_us() / 1000;
}

void clock_set_ms(int64_t now_ms)
{
    set_ms = now_ms;
}

clock_state clock_look(void)
{
    struct timex t = {.modes = 0}; /* asks, and changes nothing */
    if (adjtimex(&t) < 0) {
        return (clock_state){.kept = true};
    }
    return (clock_state){.told = true,
                         .kept = (t.status & STA_UNSYNC) == 0,
                         .offset_s = (double)t.offset / ((t.status & STA_NANO) != 0 ? 1e9 : 1e6),
                         .error_s = (double)t.esterror / 1e6,
                         .max_error_s = (double)t.maxerror / 1e6};
}

bool clock_is_kept(void)
{
    return clock_look().kept;
}
