/* All counters, what those of the caches mean, and how many connections there are. Seldom asked
 * for, so a tree is good enough; and values that grow meanwhile have no size to be told in advance.
 */
#include "admin/stats.h"

#include "admin/answer.h"
#include "http/connection.h"
#include "observe/counters.h"
#include "observe/watchdog.h"

#include <jansson.h>
#include <stdlib.h>

#define RATIO_DIGITS 6

static json_t *number(uint64_t value)
{
    return json_integer((json_int_t)value);
}

static void add_counter(const char *owner, const char *name, const char *help, uint64_t value,
                        void *arg)
{
    json_t *c = json_object();
    json_object_set_new(c, "owner", json_string(owner));
    json_object_set_new(c, "name", json_string(name));
    json_object_set_new(c, "help", json_string(help));
    json_object_set_new(c, "value", number(value));
    json_array_append_new(arg, c);
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

static json_t *listener_of(const gate_state *s)
{
    static const char *const stages[] = {[GATE_HEADER] = "header",
                                         [GATE_TURN] = "turn",
                                         [GATE_HANDSHAKE] = "handshake",
                                         [GATE_OPEN] = "open"};
    json_t *l = json_object();
    json_object_set_new(l, "listener", json_string(s->listener));
    json_object_set_new(l, "share", json_integer(s->share));
    for (size_t i = 0; i < GATE_STAGES; i++) {
        json_object_set_new(l, stages[i], json_integer(s->stages[i]));
    }
    return l;
}

static json_t *listeners_of(const gates *g)
{
    json_t *listeners = json_array();
    for (size_t i = 0; i < gates_count(g); i++) {
        const gate_state state = gates_state(g, i);
        json_array_append_new(listeners, listener_of(&state));
    }
    return listeners;
}

static void add_thread(const watched_state *s, void *arg)
{
    char where[RUNNING_TEXT_SIZE];
    json_t *t = json_object();
    json_object_set_new(t, "thread", json_string(s->name));
    json_object_set_new(t, "held_ms", number(s->held_ms));
    json_object_set_new(t, "stuck", json_boolean(s->stuck));
    json_object_set_new(t, "in",
                        s->held_ms != 0 && s->place != NULL
                            ? json_string(running_text(s->place, where))
                            : json_null());
    json_array_append_new(arg, t);
}

/* Ready is who would serve a request on any of its workers. */
static void add_threads(watchdog *w, json_t *all)
{
    json_t *threads = json_array();
    bool ready = true;
    if (w != NULL) {
        watchdog_each(w, add_thread, threads);
    }
    for (size_t i = 0; i < json_array_size(threads); i++) {
        ready = ready && !json_is_true(json_object_get(json_array_get(threads, i), "stuck"));
    }
    json_object_set_new(all, "ready", json_boolean(ready));
    json_object_set_new(all, "threads", threads);
}

static char *stats_text(const worker *w, const gates *at_gates)
{
    const generation *g = w->generation;
    json_t *counters = json_array(), *caches = json_array(), *all = json_object();
    counters_each(add_counter, counters);
    for (size_t i = 0; i < g->instance_count; i++) {
        if (g->instances[i].caches != NULL) {
            json_array_append_new(caches, cache_of(&g->instances[i]));
        }
    }
    json_object_set_new(all, "counters", counters);
    add_threads(w->process->watchdog, all);
    json_object_set_new(all, "listeners", listeners_of(at_gates));
    json_object_set_new(all, "caches", caches);
    char *text = json_dumps(all, JSON_COMPACT | JSON_REAL_PRECISION(RATIO_DIGITS));
    json_decref(all);
    return text;
}

/* On worker 0, beside its requests: values of the other workers are read as they are at this
 * moment, without stopping anybody. */
static int on_stats(h2o_handler_t *handler, h2o_req_t *req)
{
    (void)handler;
    const server_worker *sw = connection_of(req->conn)->sw;
    char *text = stats_text(sw->worker, sw->server->gates);
    admin_answer(req, cmp_str_from(text));
    free(text);
    return 0;
}

void stats_register(h2o_hostconf_t *host)
{
    h2o_pathconf_t *path = h2o_config_register_path(host, "/stats", 0);
    h2o_create_handler(path, sizeof(h2o_handler_t))->on_req = on_stats;
}
