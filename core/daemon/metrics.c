/* SPDX-License-Identifier: Apache-2.0 */
/* See metrics.h. All on the control thread: what it does not own it reads as it is at that moment,
 * and stops nobody. */
#include "daemon/metrics.h"

#include "base/clock.h"
#include "daemon/metrics_files.h"
#include "daemon/metrics_keys.h"
#include "daemon/metrics_limits.h"
#include "daemon/metrics_pipeline.h"
#include "daemon/metrics_plugins.h"
#include "daemon/metrics_process.h"
#include "journal/journal.h"
#include "observe/metrics.h"
#include "pipeline/tally.h"

static void gauge(exposition *e, const char *name, const char *unit, const char *help)
{
    exposition_family(e, METRIC_GAUGE, name, unit, help);
}

static void label(exposition *e, const char *name, const char *value)
{
    const exposition_label l = {name, value};
    exposition_labels(e, &l, 1);
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

/* ---- replay memory ---- */

static void expose_replay(exposition *e, const daemon_state *d)
{
    const replay_stats s = replay_stats_get(d->process.replay, (int64_t)clock_monotonic_ms());
    gauge(e, "cmpd_replay_entries", NULL, "Requests that the replay memory remembers");
    exposition_count(e, s.entries);
    gauge(e, "cmpd_replay_capacity", NULL, "Requests that it has room for");
    exposition_count(e, s.capacity);
    gauge(e, "cmpd_replay_size_bytes", "bytes", "All memory that it can ever use");
    exposition_count(e, s.size_bytes);
    gauge(e, "cmpd_replay_window_seconds", "seconds", "How far back it is to remember them");
    exposition_number(e, (double)d->generation->conf->top.replay.window_ms / 1000);
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

/* ---- the journal ---- */

static void expose_journal(exposition *e, journal *j)
{
    if (j == NULL) {
        return;
    }
    const journal_health s = journal_look(j);
    gauge(e, "cmpd_journal_behind_seconds", "seconds",
          "How long ago all that there was had been written; 0: all is");
    exposition_number(e, (double)s.behind_ms / 1000);
    gauge(e, "cmpd_journal_waiting_bytes", "bytes", "Records that are not written yet");
    exposition_count(e, s.waiting_bytes);
    gauge(e, "cmpd_journal_size_bytes", "bytes", "All files of the journal");
    exposition_count(e, s.kept_bytes);
}

void metrics_answer(admin_command *c, void *arg)
{
    const daemon_state *d = arg;
    const exposition_form form = exposition_form_of(admin_command_accept(c));
    exposition *e = exposition_begin(form);
    metrics_expose_process(e, d);
    expose_connections(e, server_gates(d->server));
    metrics_expose_limits(e, d);
    metrics_expose_transactions(e, d->generation);
    metrics_expose_circuits(e, d->generation);
    metrics_expose_keys(e, d->generation);
    metrics_expose_files(e, d->generation);
    expose_replay(e, d);
    expose_journal(e, d->process.journal);
    metrics_expose_plugins(e, d->generation);
    metrics_expose_threads(e, d->process.watchdog);
    metrics_expose(e);
    size_t size;
    char *text = exposition_end(&e, &size);
    admin_command_text(c, exposition_type(form), text, size);
}

static void on_asked(struct st_h2o_req_t *req, void *arg)
{
    admin_query_ask(arg, req);
}

void metrics_offer(daemon_state *d, const admin_query *q)
{
    server_answer_metrics(d->server, on_asked, (void *)(uintptr_t)q);
}
