/* SPDX-License-Identifier: Apache-2.0 */
/* See status.h. All on the control thread: what it does not own it reads as it is at that moment,
 * and stops nobody. Asked once a second at most, so a tree is good enough. */
#include "daemon/status.h"

#include "base/clock.h"
#include "base/log.h"
#include "daemon/process_use.h"
#include "daemon/status_ends.h"
#include "daemon/status_parts.h"
#include "daemon/status_peers.h"
#include "pipeline/tally.h"

#include <unistd.h>

#ifndef CMPD_VERSION
#define CMPD_VERSION "development"
#endif

/* Written as text here: with a thousand peers that takes a while, and the worker that sends it has
 * requests to answer. */
static void answer(admin_command *c, json_t *all)
{
    char *text = json_dumps(all, JSON_COMPACT);
    json_decref(all);
    admin_command_text(c, "application/json", text, strlen(text));
}

static void set(json_t *to, const char *name, int64_t value)
{
    json_object_set_new(to, name, json_integer(value));
}

/* ---- the process ---- */

static void add_process(json_t *all, const daemon_state *d)
{
    const char *host = d->generation->conf->top.cmp.host;
    json_object_set_new(all, "version", json_string(CMPD_VERSION));
    json_object_set_new(all, "host", host != NULL ? json_string(host) : json_null());
    set(all, "pid", getpid());
    set(all, "workers", d->started);
    set(all, "uptime_ms", (int64_t)(clock_monotonic_ms() - d->began_ms));
    set(all, "memory_bytes", (int64_t)process_resident_bytes());
    set(all, "cpu_ms", (int64_t)(process_cpu_seconds() * 1000));
}

static void add_thread(const watched_state *s, void *arg)
{
    if (s->held_ms != 0) {
        json_array_append_new(arg, json_pack("{s:s, s:I, s:b}", "thread", s->name, "held_ms",
                                             (json_int_t)s->held_ms, "stuck", s->stuck));
    }
}

static void add_readiness(json_t *all, const daemon_state *d)
{
    const bool draining = d->asked_to_drain || d->stopping;
    json_t *held = json_array(), *thread;
    size_t i;
    bool stuck = false;
    if (d->process.watchdog != NULL) {
        watchdog_each(d->process.watchdog, add_thread, held);
    }
    json_array_foreach(held, i, thread)
    {
        stuck = stuck || json_is_true(json_object_get(thread, "stuck"));
    }
    json_object_set_new(all, "ready", json_boolean(!draining && !stuck));
    json_object_set_new(all, "draining", json_boolean(draining));
    json_object_set_new(all, "held", held);
}

static void add_generation(json_t *all, const daemon_state *d)
{
    const generation *g = d->generation;
    int64_t alive = 0;
    for (const generation *at = g; at != NULL; at = at->older) {
        alive++;
    }
    json_object_set_new(all, "generation",
                        json_pack("{s:I, s:I, s:I}", "number", (json_int_t)d->generations, "alive",
                                  (json_int_t)alive, "age_ms",
                                  (json_int_t)(clock_monotonic_ms() - g->in_force_ms)));
    json_object_set_new(all, "log_level",
                        json_pack("{s:s, s:s}", "now", log_level_names[log_level_get()],
                                  "configured", log_level_names[g->conf->top.log.level]));
}

void status_answer(admin_command *c, void *arg)
{
    const daemon_state *d = arg;
    const generation *g = d->generation;
    json_t *all = json_object();
    set(all, "now_ms", clock_now_ms());
    add_process(all, d);
    add_readiness(all, d);
    add_generation(all, d);
    json_object_set_new(all, "transactions", status_transactions(d));
    json_object_set_new(all, "peers", status_peers(g));
    json_object_set_new(all, "instances", status_instances(g));
    json_object_set_new(all, "replay", status_replay(d));
    json_object_set_new(all, "listeners", status_listeners(d));
    json_object_set_new(all, "counters", status_counters());
    json_object_set_new(all, "gauges", status_gauges());
    json_object_set_new(all, "ends", status_ends(g));
    answer(c, all);
}

void status_answer_peers(admin_command *c, void *arg)
{
    const daemon_state *d = arg;
    answer(c, json_pack("{s:I, s:o}", "now_ms", (json_int_t)clock_now_ms(), "peers",
                        status_peers(d->generation)));
}
