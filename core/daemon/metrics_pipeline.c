/* SPDX-License-Identifier: Apache-2.0 */
/* See metrics_pipeline.h. What was never counted of a peer does not show: a thousand peers that are
 * silent cost nothing. Nor does a peer that the configuration in force does not name. */
#include "daemon/metrics_pipeline.h"

#include "base/clock.h"
#include "base/interface.h"
#include "pipeline/pipeline.h"
#include "pipeline/tally.h"

#include <cmp-kit/memory.h>

#include <stdio.h>
#include <stdlib.h>

#define MICRO       1e6
#define SERVER_SIZE 512

typedef struct counted {
    unsigned label;
    const char *name; /* "": no peer */
    tally_peer sums;
} counted;

typedef struct counted_list {
    counted *at;
    size_t count, room;
} counted_list;

static void read_one(counted_list *l, unsigned label)
{
    if (l->count == l->room) {
        l->room = l->room != 0 ? 2 * l->room : 16;
        l->at = kit_realloc(l->at, l->room * sizeof(*l->at));
    }
    if (tally_read_peer(label, &l->at[l->count].sums)) {
        l->at[l->count].label = label;
        l->at[l->count++].name = label_name(label);
    }
}

static counted_list read_all(peers *p)
{
    counted_list l = {.at = NULL};
    read_one(&l, LABEL_NONE);
    read_one(&l, LABEL_OTHER);
    for (size_t i = 0; i < peers_count(p); i++) {
        const unsigned label = peers_at(p, i)->label;
        if (label > LABEL_OTHER) {
            read_one(&l, label);
        }
    }
    return l;
}

/* ---- transactions ---- */

static void expose_ends(exposition *e, const counted *c, cmp_interface interface)
{
    for (unsigned end = 0; end < TALLY_ENDS; end++) {
        const uint64_t count = c->sums.transactions[interface][end];
        if (count == 0) {
            continue;
        }
        const bool problem = end >= TALLY_PROBLEM;
        const exposition_label labels[] = {
            {"interface", interfaces[interface].word},
            {"peer", c->name},
            {"verdict", tally_end_names[problem ? TALLY_PROBLEM : end]},
            {"code", problem ? error_info_of((error_code)(end - TALLY_PROBLEM))->code : "ok"}};
        exposition_labels(e, labels, 4);
        exposition_count(e, count);
    }
}

static void expose_durations(exposition *e)
{
    exposition_family(e, METRIC_HISTOGRAM, "cmpd_transaction_duration_seconds", "seconds",
                      "How long transactions took, from the turn in which they came to their end");
    for (int i = 0; i < CMP_INTERFACE_MAX; i++) {
        const exposition_label label = {"interface", interfaces[i].word};
        histogram_sums sums;
        tally_read_duration((cmp_interface)i, &sums);
        exposition_labels(e, &label, 1);
        exposition_histogram(e, &sums, MICRO);
    }
    exposition_family(e, METRIC_HISTOGRAM, "cmpd_wait_duration_seconds", "seconds",
                      "How long transactions waited, by the step in which they did");
    for (unsigned step = 0; step < TALLY_STEPS; step++) {
        const exposition_label label = {"step", pipeline_step_name(step)};
        if (label.value != NULL) {
            histogram_sums sums;
            tally_read_wait(step, &sums);
            exposition_labels(e, &label, 1);
            exposition_histogram(e, &sums, MICRO);
        }
    }
}

/* ---- peers ---- */

static uint64_t attempts_of(const tally_peer *p)
{
    uint64_t sum = (uint64_t)p->in_flight;
    for (unsigned i = 0; i < TALLY_ATTEMPTS; i++) {
        sum += p->attempts[i];
    }
    return sum;
}

static void expose_attempts(exposition *e, const counted_list *l)
{
    exposition_family(e, METRIC_COUNTER, "cmpd_peer_attempts", NULL,
                      "Requests to a next hop by what came of them");
    for (size_t i = 0; i < l->count; i++) {
        for (unsigned how = 0; how < TALLY_ATTEMPTS; how++) {
            if (l->at[i].sums.attempts[how] > 0) {
                const exposition_label labels[] = {{"peer", l->at[i].name},
                                                   {"result", tally_attempt_names[how]}};
                exposition_labels(e, labels, 2);
                exposition_count(e, l->at[i].sums.attempts[how]);
            }
        }
    }
}

static void expose_clocks(exposition *e, const counted_list *l)
{
    exposition_family(e, METRIC_GAUGE, "cmpd_peer_clock_ahead_seconds", "seconds",
                      "How far the time in the last tid of a peer is ahead of our clock; less than "
                      "0: behind, the way of the request included");
    for (size_t i = 0; i < l->count; i++) {
        const exposition_label label = {"peer", l->at[i].name};
        int64_t ahead_ms;
        if (tally_read_clock(l->at[i].label, &ahead_ms)) {
            exposition_labels(e, &label, 1);
            exposition_number(e, (double)ahead_ms / 1000);
        }
    }
}

static void expose_peers(exposition *e, const counted_list *l)
{
    expose_attempts(e, l);
    expose_clocks(e, l);
    exposition_family(e, METRIC_GAUGE, "cmpd_peer_in_flight", NULL,
                      "Requests to a next hop that are not answered");
    for (size_t i = 0; i < l->count; i++) {
        const exposition_label label = {"peer", l->at[i].name};
        if (attempts_of(&l->at[i].sums) > 0) {
            exposition_labels(e, &label, 1);
            exposition_number(e, (double)l->at[i].sums.in_flight);
        }
    }
    exposition_family(e, METRIC_HISTOGRAM, "cmpd_peer_attempt_duration_seconds", "seconds",
                      "How long requests to a next hop took");
    for (size_t i = 0; i < l->count; i++) {
        const exposition_label label = {"peer", l->at[i].name};
        if (attempts_of(&l->at[i].sums) > 0) {
            exposition_labels(e, &label, 1);
            exposition_histogram(e, &l->at[i].sums.took, MICRO);
        }
    }
}

void metrics_expose_transactions(exposition *e, const generation *g)
{
    counted_list l = read_all(g->peers);
    exposition_family(e, METRIC_COUNTER, "cmpd_transactions", NULL,
                      "Transactions by interface, peer, and how they ended");
    for (size_t i = 0; i < l.count; i++) {
        for (int interface = 0; interface < CMP_INTERFACE_MAX; interface++) {
            expose_ends(e, &l.at[i], (cmp_interface)interface);
        }
    }
    exposition_family(e, METRIC_GAUGE, "cmpd_transactions_under_way", NULL,
                      "Transactions under way, those included whose client has gone");
    exposition_number(e, (double)tally_read_under_way());
    expose_durations(e);
    expose_peers(e, &l);
    free(l.at);
}

/* By its host and port; those of a peer that are not told apart by these have their path as well.
 */
static const char *server_of(const way *w, size_t url, char text[SERVER_SIZE])
{
    bool alone = true;
    for (size_t i = 0; i < w->url_count; i++) {
        alone = alone && (i == url || strcmp(origin_authority(w->urls[i]),
                                             origin_authority(w->urls[url])) != 0);
    }
    if (alone) {
        return origin_authority(w->urls[url]);
    }
    snprintf(text, SERVER_SIZE, "%s%s", origin_authority(w->urls[url]), origin_path(w->urls[url]));
    return text;
}

void metrics_expose_circuits(exposition *e, const generation *g)
{
    char text[SERVER_SIZE];
    exposition_family(e, METRIC_GAUGE, "cmpd_peer_circuit", NULL,
                      "How it is with a peer's server, 1 for the state that it is: closed is good, "
                      "open is not used now");
    for (size_t i = 0; i < peers_count(g->peers); i++) {
        const way *w = &g->ways[i];
        for (size_t url = 0; url < w->url_count; url++) {
            const circuit now = origin_circuit(w->urls[url]);
            for (int state = CIRCUIT_CLOSED; state <= CIRCUIT_PROBING; state++) {
                const exposition_label labels[] = {{"peer", peers_at(g->peers, i)->name.at},
                                                   {"server", server_of(w, url, text)},
                                                   {"state", circuit_names[state]}};
                exposition_labels(e, labels, 3);
                exposition_count(e, (circuit)state == now);
            }
        }
    }
}
