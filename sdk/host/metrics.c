/* SPDX-License-Identifier: Apache-2.0 */
/* See metrics.h. */
#include "host/metrics.h"

#include <cmp-kit/memory.h>

#include <stdlib.h>

/* What one thread has made of a gauge. */
typedef struct host_part {
    const void *thread;
    int64_t value;
} host_part;

void host_metrics_init(host_metrics *m)
{
    memset(m, 0, sizeof(*m));
    pthread_mutex_init(&m->lock, NULL);
}

void host_metrics_dispose(host_metrics *m)
{
    host_metrics_clear(m);
    pthread_mutex_destroy(&m->lock);
}

void host_metrics_clear(host_metrics *m)
{
    pthread_mutex_lock(&m->lock);
    for (unsigned i = 0; i < m->count; i++) {
        free(m->at[i].parts);
    }
    atomic_store(&m->count, 0);
    memset(m->at, 0, sizeof(m->at));
    m->health = CMP_HEALTH_OK;
    m->why[0] = '\0';
    pthread_mutex_unlock(&m->lock);
}

const host_metric *host_metric_find(const host_metrics *m, const char *name)
{
    const unsigned count = atomic_load(&m->count);
    for (unsigned i = 0; i < count; i++) {
        if (strcmp(m->at[i].name, name) == 0) {
            return &m->at[i];
        }
    }
    return NULL;
}

/* This thread's part of it. */
static host_part *part_of(host_metric *m)
{
    static _Thread_local char here;
    for (size_t i = 0; i < m->part_count; i++) {
        if (m->parts[i].thread == &here) {
            return &m->parts[i];
        }
    }
    m->parts = kit_realloc(m->parts, (m->part_count + 1) * sizeof(*m->parts));
    m->parts[m->part_count] = (host_part){.thread = &here};
    return &m->parts[m->part_count++];
}

void host_metric_set(host_metrics *all, host_metric *m, int64_t value)
{
    pthread_mutex_lock(&all->lock);
    host_part *part = part_of(m);
    m->value += value - part->value;
    part->value = value;
    pthread_mutex_unlock(&all->lock);
}

void host_metric_move(host_metrics *all, host_metric *m, int64_t by)
{
    pthread_mutex_lock(&all->lock);
    part_of(m)->value += by;
    m->value += by;
    pthread_mutex_unlock(&all->lock);
}
