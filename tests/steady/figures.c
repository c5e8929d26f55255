/* SPDX-License-Identifier: Apache-2.0 */
/* See figures.h. A request's time counts from when it was due, not from when it was sent: a server
 * that stalls is not let off. */
#include "figures.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define SLOT_MS       100u /* the grain in which recovery is told */
#define SLOTS_MAX     (SECONDS_MAX * 1000 / SLOT_MS)
#define GOOD_MS       25u /* a request that is answered later than this is not as good as before */
#define GOOD_SLOTS    3u  /* in a row are needed to say that all is well again */
#define LATENCIES_MAX ((size_t)1 << 22)

typedef struct phase {
    unsigned number;
    uint64_t began_ns;
    uint64_t due, answered, refused, failed, unconnected;
    size_t latency_count;
} phase;

/* Requests by when they were due: how many, and how many were answered in GOOD_MS. */
static struct slot {
    unsigned due, good;
} slots[SLOTS_MAX];

static unsigned rate;
static uint64_t began_ns;
static phase now_in;
static uint32_t *latencies_us;

uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 * MS + (uint64_t)t.tv_nsec;
}

uint64_t figures_due_ns(uint64_t number)
{
    return began_ns + number * 1000 * MS / rate;
}

static struct slot *slot_at(uint64_t ns)
{
    const uint64_t slot = (ns - began_ns) / (SLOT_MS * MS);
    return &slots[slot < SLOTS_MAX ? slot : SLOTS_MAX - 1];
}

void figures_begin(unsigned given_rate)
{
    rate = given_rate;
    began_ns = now_in.began_ns = now_ns();
    latencies_us = malloc(LATENCIES_MAX * sizeof(*latencies_us));
    if (latencies_us == NULL) {
        errx(1, "out of memory");
    }
}

void figures_add(uint64_t due_ns)
{
    now_in.due++;
    slot_at(due_ns)->due++;
}

void figures_over(uint64_t due_ns, int status)
{
    const uint64_t took_ns = now_ns() - due_ns;
    if (status == 0) {
        now_in.failed++;
    } else if (status != 200) {
        now_in.refused++;
    } else {
        now_in.answered++;
        slot_at(due_ns)->good += took_ns <= GOOD_MS * MS;
        if (now_in.latency_count < LATENCIES_MAX) {
            latencies_us[now_in.latency_count++] = (uint32_t)(took_ns / 1000);
        }
    }
}

void figures_refused_connection(void)
{
    now_in.unconnected++;
}

static int compare(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static double quantile_ms(double q)
{
    const size_t count = now_in.latency_count;
    return count == 0 ? 0 : latencies_us[(size_t)(q * (double)(count - 1))] / 1000.0;
}

/* Milliseconds from the phase's begin to the first of some slots in a row in which 95 of 100 were
 * answered in good time; -1: there were none. */
static long recovered_ms(uint64_t now)
{
    const uint64_t first = (now_in.began_ns - began_ns) / (SLOT_MS * MS);
    const uint64_t last = (now - GOOD_MS * MS - began_ns) / (SLOT_MS * MS);
    unsigned in_a_row = 0;
    for (uint64_t i = first; i < last && i < SLOTS_MAX; i++) {
        in_a_row = slots[i].due > 0 && slots[i].good * 100 >= slots[i].due * 95 ? in_a_row + 1 : 0;
        if (in_a_row == GOOD_SLOTS) {
            return (long)((i + 1 - GOOD_SLOTS - first) * SLOT_MS);
        }
    }
    return -1;
}

void figures_report(void)
{
    const uint64_t now = now_ns();
    const double seconds = (double)(now - now_in.began_ns) / 1e9;
    qsort(latencies_us, now_in.latency_count, sizeof(*latencies_us), compare);
    printf("{\"phase\": %u, \"seconds\": %.3f, \"rate\": %.1f, \"due\": %lu, \"answered\": %lu, "
           "\"refused\": %lu, \"failed\": %lu, \"unconnected\": %lu, \"p50_ms\": %.2f, \"p99_ms\": "
           "%.2f, "
           "\"max_ms\": %.2f, \"recovered_ms\": %ld}\n",
           now_in.number, seconds, (double)now_in.answered / seconds, now_in.due, now_in.answered,
           now_in.refused, now_in.failed, now_in.unconnected, quantile_ms(.5), quantile_ms(.99),
           quantile_ms(1), recovered_ms(now));
    fflush(stdout);
    now_in = (phase){.number = now_in.number + 1, .began_ns = now};
}
