/* SPDX-License-Identifier: Apache-2.0 */
/* See log_keeper.h. */
#include "observe/log_keeper.h"

#include "base/log_limit.h"
#include "base/log_output.h"
#include "observe/counters.h"
#include "observe/stderr_guard.h"

#define TICK_MS 1000

static loop *control;
static cmp_timer *tick;
static uint64_t lost_told;

/* Not before a line has gone through again: this one would be lost as well. */
static void tell_of_lost_lines(void)
{
    const uint64_t lost = log_output_lost();
    if (lost > lost_told && log_output_works()) {
        log_warning("log", "%llu lines could not be written: %s",
                    (unsigned long long)(lost - lost_told), strerrordesc_np(log_output_error()));
        lost_told = lost;
    }
}

static void on_tick(void *arg)
{
    (void)arg;
    log_limits_tick();
    tell_of_lost_lines();
    tick = loop_timer_start(control, TICK_MS, on_tick, NULL);
}

/* The guard comes after the configuration was checked: its errors are for whoever waits at the
 * terminal, and go there unlimited. */
void log_keeper_start(loop *of)
{
    control = of;
    counter_register_read("log", "not_logged", "Log lines held back by a limit", log_limits_count);
    counter_register_read("log", "not_written", "Log lines that could not be written",
                          log_output_lost);
    if (!stderr_guard_start(control)) {
        log_warning("log", "what libraries say is not limited: no descriptors are left for a pipe");
    }
    tick = loop_timer_start(control, TICK_MS, on_tick, NULL);
}

/* First the guard, whose last lines may still be held back by a limit; then what limits held back;
 * then what was lost of all that. */
void log_keeper_stop(void)
{
    stderr_guard_stop();
    log_limits_flush();
    tell_of_lost_lines();
    if (tick != NULL) {
        loop_timer_stop(tick);
        tick = NULL;
    }
}
