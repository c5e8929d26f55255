/* Counters: one cell for each thread and counter, so that counting shares no cache line; summed
 * when somebody reads. They only grow, and live as long as the process. */
#pragma once

#include <cmp/base.h>

#define COUNTERS_MAX 512

/* Registers a counter, or finds the one that has this owner and name already (a reload). The texts
 * are copied. Beyond COUNTERS_MAX all further ones share one id. Any thread. */
unsigned counter_register(const char *owner, const char *name, const char *help);

/* The same for a number that is counted elsewhere and only grows: `read` is asked for it, on any
 * thread. */
void counter_register_read(const char *owner, const char *name, const char *help,
                           uint64_t (*read)(void));

/* Any thread; no lock. */
void counter_add(unsigned id, uint64_t add);

/* The sum over all threads, those that have ended included. */
uint64_t counter_read(unsigned id);

/* Visits all counters in the order in which they were registered. */
void counters_each(void (*visit)(const char *owner, const char *name, const char *help,
                                 uint64_t value, void *arg),
                   void *arg);
