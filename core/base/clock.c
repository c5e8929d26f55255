/* See clock.h. */
#include "base/clock.h"

#include <time.h>

static int64_t set_ms;

int64_t clock_now_us(void)
{
    if (set_ms != 0) {
        return set_ms * 1000;
    }
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t clock_now_ms(void)
{
    return clock_now_us() / 1000;
}

void clock_set_ms(int64_t now_ms)
{
    set_ms = now_ms;
}
