/* SPDX-License-Identifier: Apache-2.0 */
/* All counters, what those of the caches mean, and how many connections there are. Seldom asked
 * for, so a tree is good enough; and values that grow meanwhile have no size to be told in advance.
 */
#include "admin/stats.h"

#include "admin/answer.h"
#include "admin/listeners.h"
#include "http/connection.h"
#include "observe/counters.h"
#include "observe/health.h"
#include "observe/watchdog.h"

#include <jansson.h>

static json_t *number(uint64_t value)
{
    return json_integer((json_int_t)value);
}

static json_t *metric_of(const char *owner, const char *name, const char *help)
{
    json_t *m = json_object();
    json_object_set_new(m, "owner", json_string(owner));
    json_object_set_new(m, "name", json_string(name));
    json_object_set_new(m, "help", json_string(help));
    return m;
}

static void add_counter(const char *owner, const char *name, const char *help, uint64_t value,
                        void *arg)
{
    json_t *c = metric_of(owner, name, help);
    json_object_set_new(c, "value", number(value));
    json_array_append_new(arg, c);
}

static void add_gauge(const char *owner, const char *name, const char *help, int64_t value,
                      void *arg)
{
    json_t *g = metric_of(owner, name, help);
    json_object_set_new(g, "value", json_integer(value));
    json_array_append_new(arg, g);
}

/* Each bucket with its own count, and the last one without an end. */
static void add_histogram(const char *owner, const char *name, const char *help,
                          const histogram_sums *sums, void *arg)
{
    json_t *h = metric_of(owner, name, help), *buckets = json_array();
    uint64_t count = 0;
    for (size_t i = 0; i <= sums->count; i++) {
        json_t *b = json_object();
        json_object_set_new(b, "to", i < sums->count ? json_integer(sums->bounds[i]) : json_null());
        json_object_set_new(b, "count", number(sums->buckets[i]));
        json_array_append_new(buckets, b);
        count += sums->buckets[i];
    }
    json_object_set_new(h, "count", number(count));
    json_object_set_new(h, "sum", json_integer(sums->sum));
    json_object_set_new(h, "buckets", buckets);
    json_array_append_new(arg, h);
}

static void add_health(const char *name, cmp_health health, const char *why, void *arg)
{
    json_t *h = json_object();
    json_object_set_new(h, "instance", json_string(name));
    json_object_set_new(h, "health", json_string(health_names[health]));
    json_object_set_new(h, "why", json_string(why));
    json_array_append_new(arg, h);
}

static json_t *cache_of(const instance *store)
{
    const uint64_t hits = counter_read(store->cache_counters.hits);
    const uint64_t misses = counter_read(store->cache_counters.misses);
    const uint64_t all = hits + misses;
    json_t *c = json_object();
    json_object_set_new(c, "store", json_string(store->name));
    json_object_set_new(c, "hits", number(hits));
    json_object_set_new(c, "misses", number(misses));
    json_object_set_new(c, "stale", number(counter_read(store->cache_counters.stale)));
    json_object_set_new(c, "hit_ratio",
                        all != 0 ? json_real((double)hits / (double)all) : json_null());
    return c;
}

static void add_thread(const watched_state *s, void *arg)
{
    char where[RUNNING_TEXT_SIZE];
    json_t *t = json_object();
    json_object_set_new(t, "thread", json_string(s->name));
    json_object_set_new(t, "held_ms", number(s->held_ms));
    json_object_set_new(t, "stuck", json_boolean(s->stuck));
    json_object_set_new(t, "longest_turn_us", json_integer(s->longest.took_us));
    json_object_set_new(t, "longest_turn_used_us", json_integer(s->longest.used_us));
    json_object_set_new(t, "in",
                        s->held_ms != 0 && s->place != NULL
                            ? json_string(running_text(s->place, where))
                            : json_null());
    json_array_append_new(arg, t);
}

/* Ready is who would serve a request on any of its workers, and is to be asked. */
static void add_threads(watchdog *w, bool draining, json_t *all)
{
    json_t *threads = json_array();
    bool ready = !draining;
    if (w != NULL) {
        watchdog_each(w, add_thread, threads);
    }
    for (size_t i = 0; i < json_array_size(threads); i++) {
        ready = ready && !json_is_true(json_object_get(json_array_get(threads, i), "stuck"));
    }
    json_object_set_new(all, "ready", json_boolean(ready));
    json_object_set_new(all, "draining", json_boolean(draining));
    json_object_set_new(all, "threads", threads);
}

static json_t *stats_of(const server_worker *sw)
{
    const worker *w = sw->worker;
    const generation *g = w->tenure->generation;
    json_t *counters = json_array(), *caches = json_array(), *all = json_object();
    json_t *gauges = json_array(), *histograms = json_array(), *health = json_array();
    counters_each(add_counter, counters);
    gauges_each(add_gauge, gauges);
    histograms_each(add_histogram, histograms);
    health_each(add_health, health);
    for (size_t i = 0; i < g->instance_count; i++) {
        if (g->instances[i]->caches != NULL) {
            json_array_append_new(caches, cache_of(g->instances[i]));
        }
    }
    json_object_set_new(all, "counters", counters);
    json_object_set_new(all, "gauges", gauges);
    json_object_set_new(all, "histograms", histograms);
    json_object_set_new(all, "health", health);
    add_threads(w->process->watchdog, sw->drain.asked || sw->drain.ending, all);
    json_object_set_new(all, "listeners", listeners_json(sw->server->gates));
    json_object_set_new(all, "caches", caches);
    return all;
}

/* On any worker, beside its requests: values of the others are read as they are at this moment,
 * without stopping anybody. */
int stats_answer(h2o_req_t *req)
{
    const server_worker *sw = connection_of(req->conn)->sw;
    admin_answer_object(req, stats_of(sw));
    return 0;
}
