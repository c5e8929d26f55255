/* SPDX-License-Identifier: Apache-2.0 */
/* See status_parts.h. */
#include "daemon/status_parts.h"

#include "admin/listeners.h"
#include "admin/plugins.h"
#include "base/clock.h"
#include "daemon/status_peers.h"
#include "observe/counters.h"
#include "observe/health.h"
#include "pipeline/tally.h"

#include <cmp-kit/memory.h>

static void set_number(json_t *to, const char *name, uint64_t value)
{
    json_object_set_new(to, name, json_integer((json_int_t)value));
}

/* ---- transactions ---- */

typedef uint64_t end_counts[CMP_INTERFACE_MAX][TALLY_ENDS];

static void read_ends(end_counts sums)
{
    for (unsigned label = 0; label < LABELS_MAX; label++) {
        tally_peer p;
        if (!tally_read_peer(label, &p)) {
            continue;
        }
        for (unsigned i = 0; i < CMP_INTERFACE_MAX; i++) {
            for (unsigned end = 0; end < TALLY_ENDS; end++) {
                sums[i][end] += p.transactions[i][end];
            }
        }
    }
}

static json_t *interface_of(cmp_interface interface, const uint64_t counts[TALLY_ENDS])
{
    json_t *ends = json_object(), *errors = json_object();
    histogram_sums took;
    tally_read_duration(interface, &took);
    for (unsigned end = 0; end < TALLY_ENDS; end++) {
        if (counts[end] == 0) {
            continue;
        }
        if (end < TALLY_PROBLEM) {
            set_number(ends, tally_end_names[end], counts[end]);
        } else {
            set_number(errors, error_info_of((error_code)(end - TALLY_PROBLEM))->code, counts[end]);
        }
    }
    return json_pack("{s:s, s:o, s:o, s:o}", "interface", interfaces[interface].word, "ends", ends,
                     "errors", errors, "took_us", status_spread(&took));
}

json_t *status_transactions(const daemon_state *d)
{
    end_counts sums = {{0}};
    json_t *all = json_array();
    read_ends(sums);
    for (unsigned i = 0; i < CMP_INTERFACE_MAX; i++) {
        json_array_append_new(all, interface_of((cmp_interface)i, sums[i]));
    }
    return json_pack("{s:I, s:I, s:o}", "under_way", (json_int_t)tally_read_under_way(), "most",
                     (json_int_t)d->generation->conf->top.limits.transactions * d->started,
                     "interfaces", all);
}

/* ---- plugins ---- */

typedef struct looked_for {
    const char *name;
    json_t *instance;
} looked_for;

static void add_health(const char *name, cmp_health health, const char *why, void *arg)
{
    const looked_for *l = arg;
    if (strcmp(name, l->name) == 0) {
        json_object_set_new(l->instance, "health", json_string(health_names[health]));
        json_object_set_new(l->instance, "why", json_string(why));
    }
}

json_t *status_instances(const generation *g)
{
    json_t *all = json_array();
    for (size_t i = 0; i < g->instance_count; i++) {
        const instance *at = g->instances[i];
        json_t *made = plugins_instance(at);
        looked_for l = {.name = at->name, .instance = made};
        json_object_set_new(made, "plugin", json_string(at->plugin->name));
        json_object_set_new(made, "kind", json_string(plugin_kind_name(at->plugin->kind)));
        json_object_set_new(made, "cached", json_boolean(at->caches != NULL));
        json_object_set_new(made, "health", json_string(health_names[CMP_HEALTH_OK]));
        json_object_set_new(made, "why", json_string(""));
        health_each(add_health, &l);
        json_array_append_new(all, made);
    }
    return all;
}

/* ---- the replay memory ---- */

json_t *status_replay(const daemon_state *d)
{
    const replay_stats s = replay_stats_get(d->process.replay, (int64_t)clock_monotonic_ms());
    json_t *all = json_object();
    set_number(all, "entries", s.entries);
    set_number(all, "capacity", s.capacity);
    set_number(all, "reach_ms", (uint64_t)s.reach_ms);
    set_number(all, "window_ms", (uint64_t)d->generation->conf->top.replay.window_ms);
    set_number(all, "forgotten", s.forgotten);
    set_number(all, "refused", tally_read_replay_refused());
    return all;
}

/* ---- listeners ---- */

json_t *status_listeners(const daemon_state *d)
{
    return listeners_json(server_gates(d->server));
}

/* ---- counters ---- */

static json_t *of_owner(json_t *all, const char *owner)
{
    json_t *found = json_object_get(all, owner);
    if (found == NULL) {
        found = json_object();
        json_object_set_new(all, owner, found);
    }
    return found;
}

static void add_counter(const char *owner, const char *name, const char *help, uint64_t value,
                        void *arg)
{
    (void)help;
    set_number(of_owner(arg, owner), name, value);
}

static void add_gauge(const char *owner, const char *name, const char *help, int64_t value,
                      void *arg)
{
    (void)help;
    json_object_set_new(of_owner(arg, owner), name, json_integer(value));
}

json_t *status_counters(void)
{
    json_t *all = json_object();
    counters_each(add_counter, all);
    return all;
}

json_t *status_gauges(void)
{
    json_t *all = json_object();
    gauges_each(add_gauge, all);
    return all;
}
