/* SPDX-License-Identifier: Apache-2.0 */
/* See counters.h: a block of cells for each thread, linked for the readers, never freed. */
#include "observe/counters.h"

#include "observe/texts.h"

#include <cmp-kit/memory.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#define ANY_KIND (-1)

typedef struct block block;
struct block {
    _Atomic uint64_t cells[COUNTERS_MAX];
    block *next;
};

/* A histogram's cells: a bucket for each bound, one for what is above, the sum. */
typedef struct metric {
    metric_kind kind;
    const char *owner, *name, *help;
    const char *of;         /* of its owner, when it was registered: see owners.h */
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

static owner_kind kind_of_owner(const metric *m)
{
    return owner_kind_of(m->owner, m->of);
}

static bool is_same(const metric *m, const metric *wanted)
{
    return m->kind == wanted->kind && m->of == wanted->of && !m->claimed &&
           strcmp(m->owner, wanted->owner) == 0 && strcmp(m->name, wanted->name) == 0;
}

static void metric_set(unsigned id, const metric *wanted)
{
    metric *m = &metrics[id];
    int64_t *bounds = m->bounds; /* the same ones, in cells that another had */
    *m = *wanted;
    m->owner = text_kept(wanted->owner);
    m->name = text_kept(wanted->name);
    m->help = text_kept(wanted->help);
    m->bounds = bounds;
    if (wanted->bound_count > 0 && bounds == NULL) {
        const size_t size = wanted->bound_count * sizeof(*wanted->bounds);
        m->bounds = memcpy(kit_alloc(size), wanted->bounds, size);
    }
}

static void cells_clear(unsigned id, unsigned count)
{
    for (block *b = blocks; b != NULL; b = b->next) {
        for (unsigned i = 0; i < count; i++) {
            atomic_store_explicit(&b->cells[id + i], 0, memory_order_relaxed);
        }
    }
}

/* No histograms, or with the same bounds: somebody may still be counting by those. */
static bool is_alike(const metric *m, const metric *wanted)
{
    return m->bound_count == wanted->bound_count &&
           (m->bound_count == 0 ||
            memcmp(m->bounds, wanted->bounds, m->bound_count * sizeof(*m->bounds)) == 0);
}

/* Those of an owner that is gone, in which the wanted one can be counted; COUNTERS_MAX: there are
 * none. */
static unsigned cells_of_gone(const metric *wanted)
{
    for (unsigned id = 0; id < cell_count; id += cells_of(&metrics[id])) {
        const metric *m = &metrics[id];
        if (is_alike(m, wanted) && !m->claimed && kind_of_owner(m) == OWNER_GONE) {
            cells_clear(id, cells_of(m));
            return id;
        }
    }
    return COUNTERS_MAX;
}

/* With the lock. The same again gives the same number: an instance registers on every start, and
 * its counts go on. When there is no room left the last one of the kind is shared, which spoils one
 * figure and stops nobody; of a histogram too, as it must not get fewer cells than it counts in. */
static unsigned metric_register(metric *wanted)
{
    unsigned last = COUNTERS_MAX;
    owner_look_up(wanted->owner, &wanted->of);
    for (unsigned id = 0; id < cell_count; id += cells_of(&metrics[id])) {
        if (is_same(&metrics[id], wanted)) {
            return id;
        }
        last = metrics[id].kind == wanted->kind ? id : last;
    }
    unsigned id = cell_count;
    if (id + cells_of(wanted) <= COUNTERS_MAX) {
        cell_count += cells_of(wanted);
    } else {
        id = cells_of_gone(wanted);
    }
    if (id == COUNTERS_MAX) {
        return last;
    }
    metric_set(id, wanted);
    return id;
}

static unsigned metric_add(metric_kind kind, const char *owner, const char *name, const char *help)
{
    metric wanted = {.kind = kind, .owner = owner, .name = name, .help = help};
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
    metric wanted = {.kind = METRIC_GAUGE, .owner = owner, .name = name, .help = help};
    pthread_mutex_lock(&lock);
    const unsigned id = metric_register(&wanted);
    metric *m = id < COUNTERS_MAX ? &metrics[id] : NULL;
    /* Else another's, as there was no room left: not to be hidden or set to 0 with this one. */
    const bool own =
        m != NULL && !m->claimed && strcmp(m->owner, owner) == 0 && strcmp(m->name, name) == 0;
    if (own) {
        m->claimed = m->hidden = true;
    }
    pthread_mutex_unlock(&lock);
    return own ? id : COUNTERS_MAX;
}

void gauge_show(unsigned id, bool shown)
{
    if (id < COUNTERS_MAX) {
        pthread_mutex_lock(&lock);
        metrics[id].hidden = !shown;
        pthread_mutex_unlock(&lock);
    }
}

/* Nobody counts in it any more, whichever thread that was. */
void gauge_give_back(unsigned id)
{
    if (id < COUNTERS_MAX) {
        pthread_mutex_lock(&lock);
        cells_clear(id, 1);
        metrics[id].claimed = false;
        metrics[id].hidden = true;
        pthread_mutex_unlock(&lock);
    }
}

unsigned histogram_register(const char *owner, const char *name, const char *help,
                            const int64_t *bounds, size_t count)
{
    metric wanted = {.kind = METRIC_HISTOGRAM,
                     .owner = owner,
                     .name = name,
                     .help = help,
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

/* What is there stays there, up to `end`, with as many cells; all else may change (metric_set), and
 * is read with the lock, which the sums take again. The next one from `id` on that is shown and of
 * that kind (ANY_KIND: of any), or `end`. */
static unsigned next_of(int kind, unsigned id, unsigned end)
{
    pthread_mutex_lock(&lock);
    while (id < end && (metrics[id].hidden || kind_of_owner(&metrics[id]) == OWNER_GONE ||
                        (kind != ANY_KIND && (int)metrics[id].kind != kind))) {
        id += cells_of(&metrics[id]);
    }
    pthread_mutex_unlock(&lock);
    return id;
}

static unsigned after(unsigned id)
{
    pthread_mutex_lock(&lock);
    id += cells_of(&metrics[id]);
    pthread_mutex_unlock(&lock);
    return id;
}

static unsigned end_of_metrics(void)
{
    pthread_mutex_lock(&lock);
    const unsigned end = cell_count;
    pthread_mutex_unlock(&lock);
    return end;
}

static void view(unsigned id, metric_view *v)
{
    pthread_mutex_lock(&lock);
    const metric *m = &metrics[id];
    *v = (metric_view){.kind = m->kind,
                       .owner = m->owner,
                       .name = m->name,
                       .help = m->help,
                       .owner_kind = kind_of_owner(m),
                       .of = m->of};
    pthread_mutex_unlock(&lock);
    switch (v->kind) {
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

static void each(int kind, void (*visit)(const metric_view *m, void *arg), void *arg)
{
    const unsigned end = end_of_metrics();
    for (unsigned id = next_of(kind, 0, end); id < end; id = next_of(kind, after(id), end)) {
        metric_view v;
        view(id, &v);
        if (v.owner_kind != OWNER_GONE) { /* since it was found */
            visit(&v, arg);
        }
    }
}

void metrics_each(void (*visit)(const metric_view *m, void *arg), void *arg)
{
    each(ANY_KIND, visit, arg);
}

/* ---- by their kinds ---- */

/* One of the three. */
typedef struct visitor {
    void (*counter)(const char *owner, const char *name, const char *help, uint64_t value,
                    void *arg);
    void (*gauge)(const char *owner, const char *name, const char *help, int64_t value, void *arg);
    void (*histogram)(const char *owner, const char *name, const char *help,
                      const histogram_sums *sums, void *arg);
    void *arg;
} visitor;

static void visit_one(const metric_view *m, void *arg)
{
    const visitor *v = arg;
    if (v->counter != NULL) {
        v->counter(m->owner, m->name, m->help, m->value.counter, v->arg);
    } else if (v->gauge != NULL) {
        v->gauge(m->owner, m->name, m->help, m->value.gauge, v->arg);
    } else if (v->histogram != NULL) {
        v->histogram(m->owner, m->name, m->help, &m->value.histogram, v->arg);
    }
}

void counters_each(void (*visit)(const char *owner, const char *name, const char *help,
                                 uint64_t value, void *arg),
                   void *arg)
{
    visitor v = {.counter = visit, .arg = arg};
    each(METRIC_COUNTER, visit_one, &v);
}

void gauges_each(void (*visit)(const char *owner, const char *name, const char *help, int64_t value,
                               void *arg),
                 void *arg)
{
    visitor v = {.gauge = visit, .arg = arg};
    each(METRIC_GAUGE, visit_one, &v);
}

void histograms_each(void (*visit)(const char *owner, const char *name, const char *help,
                                   const histogram_sums *sums, void *arg),
                     void *arg)
{
    visitor v = {.histogram = visit, .arg = arg};
    each(METRIC_HISTOGRAM, visit_one, &v);
}
