/* SPDX-License-Identifier: Apache-2.0 */
/* Counters, gauges and histograms: cells of each thread, so that counting shares no cache line;
 * summed when somebody reads. Counters only grow. All live as long as the process, but those of
 * owners that are gone (owners.h): these are not shown, go on when their owner is back, and give
 * their cells to others when there are no more. */
#pragma once

#include "observe/owners.h"

#define COUNTERS_MAX         4096 /* cells: a histogram has several */

#define HISTOGRAM_BOUNDS_MAX 32

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

/* What a metric is. */
typedef enum metric_kind {
    METRIC_COUNTER,
    METRIC_GAUGE,
    METRIC_HISTOGRAM,
} metric_kind;

/* ---- gauges: up and down; each thread has its part, and the sum counts ---- */

unsigned gauge_register(const char *owner, const char *name, const char *help);
void gauge_set(unsigned id, int64_t value);
void gauge_add(unsigned id, int64_t add);
int64_t gauge_read(unsigned id);

/* ---- histograms ---- */

/* A gauge for one of several that follow each other under one name: a number of its own while the
 * one before still counts in another. Not shown until gauge_show, which takes it back as well.
 * gauge_give_back, when nobody counts in it any more, sets it to 0 and lets the next one have it.
 * COUNTERS_MAX, which counts nowhere and is fine for all of these, when there is no room. */
unsigned gauge_claim(const char *owner, const char *name, const char *help);
void gauge_show(unsigned id, bool shown);
void gauge_give_back(unsigned id);

/* `bounds` grow, and are at least one and at most HISTOGRAM_BOUNDS_MAX; copied. The same owner and
 * name find the histogram that is there, with the bounds that it has. */
unsigned histogram_register(const char *owner, const char *name, const char *help,
                            const int64_t *bounds, size_t count);
void histogram_add(unsigned id, int64_t value);

typedef struct histogram_sums {
    const int64_t *bounds; /* live as long as the process */
    size_t count;          /* of bounds; there is one bucket more */
    uint64_t buckets[HISTOGRAM_BOUNDS_MAX + 1];
    int64_t sum; /* of all values */
} histogram_sums;

void histogram_read(unsigned id, histogram_sums *sums);

/* Visit all of their kind, in the order in which they were registered. */
void gauges_each(void (*visit)(const char *owner, const char *name, const char *help, int64_t value,
                               void *arg),
                 void *arg);
void histograms_each(void (*visit)(const char *owner, const char *name, const char *help,
                                   const histogram_sums *sums, void *arg),
                     void *arg);

/* Visits all counters in the order in which they were registered. */
void counters_each(void (*visit)(const char *owner, const char *name, const char *help,
                                 uint64_t value, void *arg),
                   void *arg);

/* One of any kind, as it is at this moment. */
typedef struct metric_view {
    metric_kind kind;
    const char *owner, *name, *help; /* live as long as the process */
    owner_kind owner_kind;
    const char *of; /* of the owner: see owners.h */
    union {
        uint64_t counter;
        int64_t gauge;
        histogram_sums histogram;
    } value;
} metric_view;

/* Visits all metrics in the order in which they were registered. */
void metrics_each(void (*visit)(const metric_view *m, void *arg), void *arg);
