/* SPDX-License-Identifier: Apache-2.0 */
/* See counters.h: a block of cells for each thread, linked for the readers, never freed. */
#include "observe/counters.h"

#include <cmp-kit/memory.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

typedef struct block block;
struct block {
    _Atomic uint64_t cells[COUNTERS_MAX];
    block *next;
};

/* A histogram's cells: a bucket for each bound, one for what is above, the sum. */
typedef struct metric {
    metric_kind kind;
    char *owner, *name, *help;
    uint64_t (*read)(void); /* NULL: its cells are summed */
    int64_t *bounds;
    size_t bound_count;

    /* of a gauge that was claimed: see there */
    bool claimed, hidden;
} metric;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* metrics, and the list of blocks */
static metric metrics[COUNTERS_MAX];                     /* by their first cell */
static unsigned cell_count;
static block *blocks;
static _Thread_local block *mine;

static unsigned cells_of(const metric *m)
{
    return m->kind == METRIC_HISTOGRAM ? (unsigned)m->bound_count + 2 : 1;
}

/* With the lock. The same again gives the same number: an instance registers on every start, and
 * its counts go on. When there is no room left the last one of the kind is shared, which spoils one
 * figure and stops nobody; of a histogram too, as it must not get fewer cells than it counts in. */
static unsigned metric_register(const metric *wanted)
{
    unsigned last = COUNTERS_MAX;
    for (unsigned id = 0; id < cell_count; id += cells_of(&metrics[id])) {
        const metric *m = &metrics[id];
        if (m->kind != wanted->kind) {
            continue;
        }
        last = id;
        if (!m->claimed && strcmp(m->owner, wanted->owner) == 0 &&
            strcmp(m->name, wanted->name) == 0) {
            return id;
        }
    }
    if (cell_count + cells_of(wanted) > COUNTERS_MAX) {
        return last;
    }
    const unsigned id = cell_count;
    cell_count += cells_of(wanted);
    metrics[id] = *wanted;
    metrics[id].owner = kit_strdup(wanted->owner);
    metrics[id].name = kit_strdup(wanted->name);
    metrics[id].help = kit_strdup(wanted->help);
    if (wanted->bound_count > 0) {
        const size_t size = wanted->bound_count * sizeof(*wanted->bounds);
        metrics[id].bounds = memcpy(kit_alloc(size), wanted->bounds, size);
    }
    return id;
}

static unsigned metric_add(metric_kind kind, const char *owner, const char *name, const char *help)
{
    const metric wanted = {.kind = kind,
                           .owner = (char *)(uintptr_t)owner,
                           .name = (char *)(uintptr_t)name,
                           .help = (char *)(uintptr_t)help};
    pthread_mutex_lock(&lock);
    const unsigned id = metric_register(&wanted);
    pthread_mutex_unlock(&lock);
    return id;
}

unsigned counter_register(const char *owner, const char *name, const char *help)
{
    return metric_add(METRIC_COUNTER, owner, name, help);
}

unsigned gauge_register(const char *owner, const char *name, const char *help)
{
    return metric_add(METRIC_GAUGE, owner, name, help);
}

unsigned gauge_claim(const char *owner, const char *name, const char *help)
{
    const metric wanted = {.kind = METRIC_GAUGE,
                           .owner = (char *)(uintptr_t)owner,
                           .name = (char *)(uintptr_t)name,
                           .help = (char *)(uintptr_t)help};
    pthread_mutex_lock(&lock);
    const unsigned id = metric_register(&wanted);
    /* Another's, when there was no room left. */
    const bool own = strcmp(metrics[id].owner, owner) == 0 && strcmp(metrics[id].name, name) == 0;
    metrics[id].claimed = metrics[id].hidden = own;
    pthread_mutex_unlock(&lock);
    return id;
}

void gauge_show(unsigned id, bool shown)
{
    pthread_mutex_lock(&lock);
    metrics[id].hidden = !shown;
    pthread_mutex_unlock(&lock);
}

/* Nobody counts in it any more, whichever thread that was. */
void gauge_give_back(unsigned id)
{
    pthread_mutex_lock(&lock);
    for (block *b = blocks; b != NULL; b = b->next) {
        atomic_store_explicit(&b->cells[id], 0, memory_order_relaxed);
    }
    metrics[id].claimed = false;
    metrics[id].hidden = true;
    pthread_mutex_unlock(&lock);
}

unsigned histogram_register(const char *owner, const char *name, const char *help,
                            const int64_t *bounds, size_t count)
{
    const metric wanted = {.kind = METRIC_HISTOGRAM,
                           .owner = (char *)(uintptr_t)owner,
                           .name = (char *)(uintptr_t)name,
                           .help = (char *)(uintptr_t)help,
                           .bounds = (int64_t *)(uintptr_t)bounds,
                           .bound_count = count};
    pthread_mutex_lock(&lock);
    const unsigned id = metric_register(&wanted);
    pthread_mutex_unlock(&lock);
    return id;
}

void counter_register_read(const char *owner, const char *name, const char *help,
                           uint64_t (*read)(void))
{
    const unsigned id = counter_register(owner, name, help);
    pthread_mutex_lock(&lock);
    metrics[id].read = read;
    pthread_mutex_unlock(&lock);
}

static block *block_make(void)
{
    block *b = aligned_alloc(64, (sizeof(*b) + 63) / 64 * 64);
    if (b == NULL) {
        abort();
    }
    memset(b, 0, sizeof(*b));
    pthread_mutex_lock(&lock);
    b->next = blocks;
    blocks = b;
    pthread_mutex_unlock(&lock);
    mine = b;
    return b;
}

/* Of the calling thread. Nobody else writes it, so no read-modify-write is needed. */
static _Atomic uint64_t *cell_of(unsigned id)
{
    block *b = mine != NULL ? mine : block_make();
    return &b->cells[id];
}

static void cell_add(unsigned id, uint64_t add)
{
    _Atomic uint64_t *cell = cell_of(id);
    atomic_store_explicit(cell, atomic_load_explicit(cell, memory_order_relaxed) + add,
                          memory_order_relaxed);
}

void counter_add(unsigned id, uint64_t add)
{
    if (id < COUNTERS_MAX) {
        cell_add(id, add);
    }
}

void gauge_set(unsigned id, int64_t value)
{
    if (id < COUNTERS_MAX) {
        atomic_store_explicit(cell_of(id), (uint64_t)value, memory_order_relaxed);
    }
}

void gauge_add(unsigned id, int64_t add)
{
    counter_add(id, (uint64_t)add);
}

/* Bounds do not change once they are there, and there they are before anybody has the id. */
void histogram_add(unsigned id, int64_t value)
{
    if (id >= COUNTERS_MAX) {
        return;
    }
    const metric *m = &metrics[id];
    unsigned bucket = 0;
    while (bucket < m->bound_count && value > m->bounds[bucket]) {
        bucket++;
    }
    cell_add(id + bucket, 1);
    cell_add(id + (unsigned)m->bound_count + 1, (uint64_t)value);
}

/* ---- reading ---- */

/* The lock is for the list. The cells go on meanwhile: sums are as good as of one moment, and a
 * block outlives its thread so that what it has counted is not lost. */
static uint64_t sum_of(unsigned id)
{
    uint64_t sum = 0;
    pthread_mutex_lock(&lock);
    for (const block *b = blocks; b != NULL; b = b->next) {
        sum += atomic_load_explicit(&b->cells[id], memory_order_relaxed);
    }
    pthread_mutex_unlock(&lock);
    return sum;
}

uint64_t counter_read(unsigned id)
{
    pthread_mutex_lock(&lock);
    uint64_t (*const read)(void) = metrics[id].read;
    pthread_mutex_unlock(&lock);
    return read != NULL ? read() : sum_of(id);
}

int64_t gauge_read(unsigned id)
{
    return (int64_t)sum_of(id);
}

void histogram_read(unsigned id, histogram_sums *sums)
{
    const metric *m = &metrics[id];
    *sums = (histogram_sums){.bounds = m->bounds, .count = m->bound_count};
    for (unsigned i = 0; i <= m->bound_count; i++) {
        sums->buckets[i] = sum_of(id + i);
    }
    sums->sum = (int64_t)sum_of(id + (unsigned)m->bound_count + 1);
}

/* Metrics are only ever added, so those up to `end` can be read without the lock, which the sums
 * take again. The next one of that kind from `id` on, or `end`. */
static unsigned next_of(metric_kind kind, unsigned id, unsigned end)
{
    while (id < end && metrics[id].kind != kind) {
        id += cells_of(&metrics[id]);
    }
    return id;
}

/* A gauge may be shown in another one's place at any time. */
static bool is_hidden(unsigned id)
{
    pthread_mutex_lock(&lock);
    const bool hidden = metrics[id].hidden;
    pthread_mutex_unlock(&lock);
    return hidden;
}

static unsigned end_of_metrics(void)
{
    pthread_mutex_lock(&lock);
    const unsigned end = cell_count;
    pthread_mutex_unlock(&lock);
    return end;
}

/* NOLINTBEGIN(bugprone-macro-parentheses): a name that is declared cannot stand in them */
#define METRICS_EACH(of_kind, id, end)                                                             \
    for (unsigned end = end_of_metrics(), id = next_of(of_kind, 0, end); (id) < (end);             \
         (id) = next_of(of_kind, (id) + cells_of(&metrics[id]), end))
/* NOLINTEND(bugprone-macro-parentheses) */

void counters_each(void (*visit)(const char *owner, const char *name, const char *help,
                                 uint64_t value, void *arg),
                   void *arg)
{
    METRICS_EACH(METRIC_COUNTER, id, end)
    {
        visit(metrics[id].owner, metrics[id].name, metrics[id].help, counter_read(id), arg);
    }
}

void gauges_each(void (*visit)(const char *owner, const char *name, const char *help, int64_t value,
                               void *arg),
                 void *arg)
{
    METRICS_EACH(METRIC_GAUGE, id, end)
    {
        if (!is_hidden(id)) {
            visit(metrics[id].owner, metrics[id].name, metrics[id].help, gauge_read(id), arg);
        }
    }
}

void histograms_each(void (*visit)(const char *owner, const char *name, const char *help,
                                   const histogram_sums *sums, void *arg),
                     void *arg)
{
    METRICS_EACH(METRIC_HISTOGRAM, id, end)
    {
        histogram_sums sums;
        histogram_read(id, &sums);
        visit(metrics[id].owner, metrics[id].name, metrics[id].help, &sums, arg);
    }
}

static void view(unsigned id, metric_view *v)
{
    const metric *m = &metrics[id];
    *v = (metric_view){.kind = m->kind, .owner = m->owner, .name = m->name, .help = m->help};
    switch (m->kind) {
    case METRIC_COUNTER:
        v->value.counter = counter_read(id);
        break;
    case METRIC_GAUGE:
        v->value.gauge = gauge_read(id);
        break;
    case METRIC_HISTOGRAM:
        histogram_read(id, &v->value.histogram);
        break;
    }
}

void metrics_each(void (*visit)(const metric_view *m, void *arg), void *arg)
{
    const unsigned end = end_of_metrics();
    for (unsigned id = 0; id < end; id += cells_of(&metrics[id])) {
        metric_view v;
        if (!is_hidden(id)) {
            view(id, &v);
            visit(&v, arg);
        }
    }
}
