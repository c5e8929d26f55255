/* SPDX-License-Identifier: Apache-2.0 */
/* See metrics.h. All on the control thread: what it does not own it reads as it is at that moment,
 * and stops nobody. */
#include "daemon/metrics.h"

#include "base/clock.h"
#include "daemon/metrics_files.h"
#include "daemon/metrics_pipeline.h"
#include "daemon/process_use.h"
#include "observe/health.h"
#include "observe/metrics.h"
#include "pipeline/tally.h"

#ifndef CMPD_VERSION
#define CMPD_VERSION "development"
#endif

static void gauge(exposition *e, const char *name, const char *unit, const char *help)
{
    exposition_family(e, METRIC_GAUGE, name, unit, help);
}

static void label(exposition *e, const char *name, const char *value)
{
    const exposition_label l = {name, value};
    exposition_labels(e, &l, 1);
}

/* ---- the process ---- */

static void expose_process(exposition *e, const daemon_state *d)
{
    gauge(e, "cmpd_info", NULL, "Which cmpd this is");
    label(e, "version", CMPD_VERSION);
    exposition_count(e, 1);
    gauge(e, "cmpd_workers", NULL, "Worker threads");
    exposition_count(e, d->started);
    gauge(e, "cmpd_clock_kept", NULL, "Whether somebody keeps this machine's clock right");
    exposition_count(e, clock_is_kept());
    gauge(e, "process_resident_memory_bytes", "bytes", "Memory of the process that is resident");
    exposition_number(e, process_resident_bytes());
    exposition_family(e, METRIC_COUNTER, "process_cpu_seconds", "seconds",
                      "Processor time of the process");
    exposition_number(e, process_cpu_seconds());
}

/* ---- connections ---- */

static void add_stages(const gate_state *s, void *arg)
{
    for (size_t stage = 0; stage < GATE_STAGES; stage++) {
        const exposition_label labels[] = {{"listener", s->listener},
                                           {"state", gate_stage_names[stage]}};
        exposition_labels(arg, labels, 2);
        exposition_number(arg, (double)s->stages[stage]);
    }
}

static void add_share(const gate_state *s, void *arg)
{
    label(arg, "listener", s->listener);
    exposition_number(arg, (double)s->share);
}

static void expose_connections(exposition *e, gates *g)
{
    gauge(e, "cmpd_connections", NULL, "Connections by listener, and how far they are");
    gates_each(g, add_stages, e);
    gauge(e, "cmpd_connections_share", NULL, "Connections that are kept for a listener");
    gates_each(g, add_share, e);
}

/* ---- limits ---- */

/* Of the whole process; what is used of them stands under names of their own. */
static void expose_limits(exposition *e, const conf_limits *l, unsigned workers)
{
    const struct {
        const char *name;
        int64_t most;
    } limits[] = {{"connections", l->connections},
                  {"transactions", l->transactions * workers},
                  {"blocking_threads", l->blocking_threads},
                  {"referrals", l->referrals}};
    gauge(e, "cmpd_limit", NULL, "How many there may be");
    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        label(e, "of", limits[i].name);
        exposition_number(e, (double)limits[i].most);
    }
}

/* ---- replay memory ---- */

static void expose_replay(exposition *e, replay *r)
{
    const replay_stats s = replay_stats_get(r, clock_now_ms());
    gauge(e, "cmpd_replay_entries", NULL, "Requests that the replay memory remembers");
    exposition_count(e, s.entries);
    gauge(e, "cmpd_replay_capacity", NULL, "Requests that it has room for");
    exposition_count(e, s.capacity);
    gauge(e, "cmpd_replay_size_bytes", "bytes", "All memory that it can ever use");
    exposition_count(e, s.size_bytes);
    gauge(e, "cmpd_replay_reach_seconds", "seconds",
          "How far back every key is really remembered: the window, or less");
    exposition_number(e, (double)s.reach_ms / 1000);
    exposition_family(e, METRIC_COUNTER, "cmpd_replay_forgotten", NULL,
                      "Requests that were forgotten inside their window for want of room");
    exposition_count(e, s.forgotten);
    exposition_family(e, METRIC_COUNTER, "cmpd_replay_refused", NULL,
                      "Requests refused as their key's share was full");
    exposition_count(e, tally_read_replay_refused());
}

/* ---- plugins and threads ---- */

static void add_health(const char *name, cmp_health health, const char *why, void *arg)
{
    (void)why;
    for (int h = CMP_HEALTH_OK; h <= CMP_HEALTH_FAILED; h++) {
        const exposition_label labels[] = {{"instance", name}, {"state", health_names[h]}};
        exposition_labels(arg, labels, 2);
        exposition_count(arg, (cmp_health)h == health);
    }
}

typedef struct thread_list {
    exposition *e;
    bool stuck;
} thread_list;

static void add_thread(const watched_state *s, void *arg)
{
    const thread_list *l = arg;
    label(l->e, "thread", s->name);
    if (l->stuck) {
        exposition_count(l->e, s->stuck);
    } else {
        exposition_number(l->e, (double)s->held_ms / 1000);
    }
}

static void expose_plugins(exposition *e, watchdog *w)
{
    thread_list l = {e, false};
    gauge(e, "cmpd_instance_health", NULL, "How plugins say they are: 1 for the state that it is");
    health_each(add_health, e);
    if (w == NULL) {
        return;
    }
    gauge(e, "cmpd_thread_held_seconds", "seconds", "For how long a thread has not moved");
    watchdog_each(w, add_thread, &l);
    l.stuck = true;
    gauge(e, "cmpd_thread_stuck", NULL, "Whether a thread was given up until it moves again");
    watchdog_each(w, add_thread, &l);
}

static void on_metrics(admin_command *c, void *arg)
{
    const daemon_state *d = arg;
    const exposition_form form = exposition_form_of(admin_command_accept(c));
    exposition *e = exposition_begin(form);
    expose_process(e, d);
    expose_connections(e, server_gates(d->server));
    metrics_expose_transactions(e);
    metrics_expose_circuits(e, d->generation);
    metrics_expose_keys(e, d->generation);
    metrics_expose_files(e, d->generation);
    expose_limits(e, &d->generation->conf->top.limits, d->started);
    expose_replay(e, d->process.replay);
    expose_plugins(e, d->process.watchdog);
    metrics_expose(e);
    size_t size;
    char *text = exposition_end(&e, &size);
    admin_command_text(c, exposition_type(form), text, size);
}

static void on_asked(struct st_h2o_req_t *req, void *arg)
{
    admin_query_ask(arg, req);
}

void metrics_register(daemon_state *d)
{
    const admin_query *q =
        admin_query_register(d->commands, server_admin_host(d->server), "/metrics", on_metrics, d);
    server_answer_metrics(d->server, on_asked, (void *)(uintptr_t)q);
}
