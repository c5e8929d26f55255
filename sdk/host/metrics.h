/* SPDX-License-Identifier: Apache-2.0 */
/* What a plugin counts and says of itself, in a host that is no daemon. */
#pragma once

#include <cmp/host.h>

#include <pthread.h>
#include <stdatomic.h>

#define HOST_METRICS_MAX 256
#define HOST_BOUNDS_MAX  32

typedef enum host_metric_kind {
    HOST_COUNTER,
    HOST_GAUGE,
    HOST_HISTOGRAM, /* its value is how many were observed */
} host_metric_kind;

typedef struct host_metric {
    host_metric_kind kind;
    const char *name, *help; /* the plugin's */
    _Atomic int64_t value;
    struct host_part *parts; /* of a gauge: what each thread has set; under the lock */
    size_t part_count;
} host_metric;

typedef struct host_metrics {
    host_metric at[HOST_METRICS_MAX];
    atomic_uint count;
    pthread_mutex_t lock; /* of what follows, and of adding */
    cmp_health health;
    char why[256];
} host_metrics;

void host_metrics_init(host_metrics *m);
void host_metrics_dispose(host_metrics *m);

/* All are forgotten: the instance has ended. */
void host_metrics_clear(host_metrics *m);

/* NULL: none of that name. Any thread. */
const host_metric *host_metric_find(const host_metrics *m, const char *name);

/* Sets the calling thread's part of a gauge, and moves it. */
void host_metric_set(host_metrics *all, host_metric *m, int64_t value);
void host_metric_move(host_metrics *all, host_metric *m, int64_t by);
