/* SPDX-License-Identifier: Apache-2.0 */
/* See metrics_limits.h. */
#include "daemon/metrics_limits.h"

#include "base/refusals.h"
#include "http/held.h"
#include "pipeline/tally.h"

typedef struct limit {
    const char *name;
    int64_t used, most;
} limit;

static void expose(exposition *e, const limit *limits, size_t count, bool used)
{
    for (size_t i = 0; i < count; i++) {
        const exposition_label label = {"of", limits[i].name};
        exposition_labels(e, &label, 1);
        exposition_number(e, (double)(used ? limits[i].used : limits[i].most));
    }
}

static void expose_refused(exposition *e)
{
    exposition_family(e, METRIC_COUNTER, "cmpd_limit_refused", NULL,
                      "How often a limit left no room");
    for (int i = 0; i < REFUSAL_MAX; i++) {
        const exposition_label label = {"of", refusal_words[i]};
        exposition_labels(e, &label, 1);
        exposition_count(e, refusal_read((limit_refusal)i));
    }
}

void metrics_expose_limits(exposition *e, const daemon_state *d)
{
    const conf_limits *l = &d->generation->conf->top.limits;
    const gates_taken connections = gates_taken_get(server_gates(d->server));
    const pool_state threads = pool_look(d->process.pool);
    const int64_t transactions = l->transactions * d->started;
    const limit limits[] = {
        {"connections", connections.used, connections.max},
        {"transactions", tally_read_under_way(), transactions},
        {"blocking_threads", threads.running, threads.threads},
        {"referrals", (int64_t)referrals_count(d->process.referrals), l->referrals},
        {"held", held_read(), l->held_bytes},
    };
    const size_t count = sizeof(limits) / sizeof(limits[0]);
    exposition_family(e, METRIC_GAUGE, "cmpd_limit", NULL, "How many there may be");
    expose(e, limits, count, false);
    exposition_family(e, METRIC_GAUGE, "cmpd_limit_used", NULL, "How many there are");
    expose(e, limits, count, true);
    exposition_family(e, METRIC_GAUGE, "cmpd_blocking_waiting", NULL,
                      "Jobs that wait for one of the blocking threads");
    exposition_labels(e, NULL, 0);
    exposition_count(e, threads.waiting);
    expose_refused(e);
}
