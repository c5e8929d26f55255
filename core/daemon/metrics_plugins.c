/* SPDX-License-Identifier: Apache-2.0 */
/* See metrics_plugins.h. */
#include "daemon/metrics_plugins.h"

#include "observe/health.h"

/* ---- instances ---- */

static uint64_t get(const _Atomic uint64_t *value)
{
    return atomic_load_explicit(value, memory_order_relaxed);
}

static double under_way(const instance *i)
{
    return instance_under_way(i);
}

static double overdue(const instance *i)
{
    unsigned sum = 0;
    for (unsigned w = 0; w < i->site->worker_count; w++) {
        sum += atomic_load_explicit(&i->loads[w].overdue, memory_order_relaxed);
    }
    return sum;
}

static double longest_stall_s(const instance *i)
{
    return (double)get(&i->running->longest_ms) / 1000;
}

static double cache_entries(const instance *i)
{
    size_t sum = 0;
    for (unsigned w = 0; w < i->site->worker_count; w++) {
        sum += atomic_load_explicit(&i->loads[w].cached.entries, memory_order_relaxed);
    }
    return (double)sum;
}

static double cache_size_bytes(const instance *i)
{
    size_t sum = 0;
    for (unsigned w = 0; w < i->site->worker_count; w++) {
        sum += atomic_load_explicit(&i->loads[w].cached.size_bytes, memory_order_relaxed);
    }
    return (double)sum;
}

static double cache_capacity_bytes(const instance *i)
{
    return (double)i->cache_settings.size_bytes * i->site->worker_count;
}

static const struct {
    const char *name, *unit, *help;
    bool cached; /* of those with a cache alone */
    double (*read)(const instance *i);
} gauges[] = {
    {"cmpd_instance_under_way", NULL, "Operations that a plugin has not answered", false,
     under_way},
    {"cmpd_instance_overdue", NULL,
     "Of those, the ones that nobody waits for any more and that do not end", false, overdue},
    {"cmpd_instance_longest_stall_seconds", "seconds", "The longest that it has held a thread",
     false, longest_stall_s},
    {"cmpd_instance_cache_entries", NULL, "What the cache in front of a store holds", true,
     cache_entries},
    {"cmpd_instance_cache_size_bytes", "bytes", "The octets of that", true, cache_size_bytes},
    {"cmpd_instance_cache_capacity_bytes", "bytes", "The octets that it may have", true,
     cache_capacity_bytes},
};

static void add_health(const char *name, cmp_health health, const char *why, void *arg)
{
    (void)why;
    for (int h = CMP_HEALTH_OK; h <= CMP_HEALTH_FAILED; h++) {
        const exposition_label labels[] = {{"name", name}, {"state", health_names[h]}};
        exposition_labels(arg, labels, 2);
        exposition_count(arg, (cmp_health)h == health);
    }
}

void metrics_expose_plugins(exposition *e, const generation *g)
{
    exposition_family(e, METRIC_GAUGE, "cmpd_instance_health", NULL,
                      "How plugins say they are: 1 for the state that it is");
    health_each(add_health, e);
    for (size_t at = 0; at < sizeof(gauges) / sizeof(gauges[0]); at++) {
        exposition_family(e, METRIC_GAUGE, gauges[at].name, gauges[at].unit, gauges[at].help);
        for (size_t n = 0; n < g->instance_count; n++) {
            const instance *i = g->instances[n];
            if (i->caches != NULL || !gauges[at].cached) {
                const exposition_label labels[] = {{"name", i->name}, {"plugin", i->plugin->name}};
                exposition_labels(e, labels, 2);
                exposition_number(e, gauges[at].read(i));
            }
        }
    }
}

/* ---- threads ---- */

static void add_held(const watched_state *s, void *arg)
{
    const exposition_label label = {"thread", s->name};
    exposition_labels(arg, &label, 1);
    exposition_number(arg, (double)s->held_ms / 1000);
}

static void add_stuck(const watched_state *s, void *arg)
{
    const exposition_label label = {"thread", s->name};
    exposition_labels(arg, &label, 1);
    exposition_count(arg, s->stuck);
}

void metrics_expose_threads(exposition *e, watchdog *w)
{
    if (w == NULL) {
        return;
    }
    exposition_family(e, METRIC_GAUGE, "cmpd_thread_held_seconds", "seconds",
                      "For how long a thread has not moved");
    watchdog_each(w, add_held, e);
    exposition_family(e, METRIC_GAUGE, "cmpd_thread_stuck", NULL,
                      "Whether a thread was given up until it moves again");
    watchdog_each(w, add_stuck, e);
}
