/* SPDX-License-Identifier: Apache-2.0 */
/* See metrics_pipeline.h. What was never counted of a peer does not show: a thousand peers that are
 * silent cost nothing. */
#include "daemon/metrics_pipeline.h"

#include "base/clock.h"
#include "base/interface.h"
#include "pipeline/pipeline.h"
#include "pipeline/tally.h"

#include <cmp-kit/memory.h>

#include <stdio.h>
#include <stdlib.h>

#define MICRO 1e6

typedef struct counted {
    const char *name; /* "": no peer */
    tally_peer sums;
} counted;

typedef struct counted_list {
    counted *at;
    size_t count;
} counted_list;

static counted_list read_all(void)
{
    counted_list l = {.at = NULL};
    size_t room = 0;
    for (unsigned label = 0; label < LABELS_MAX; label++) {
        if (l.count == room) {
            room = room != 0 ? 2 * room : 16;
            l.at = kit_realloc(l.at, room * sizeof(*l.at));
        }
        if (tally_read_peer(label, &l.at[l.count].sums)) {
            l.at[l.count++].name = label_name(label);
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

static void expose_peers(exposition *e, const counted_list *l)
{
    expose_attempts(e, l);
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

void metrics_expose_transactions(exposition *e)
{
    counted_list l = read_all();
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

void metrics_expose_circuits(exposition *e, const generation *g)
{
    exposition_family(
        e, METRIC_GAUGE, "cmpd_peer_circuit", NULL,
        "1, and how it is with a peer's server: closed is good, open is not used now");
    for (size_t i = 0; i < peers_count(g->peers); i++) {
        const way *w = &g->ways[i];
        for (size_t url = 0; url < w->url_count; url++) {
            const exposition_label labels[] = {{"peer", peers_at(g->peers, i)->name.at},
                                               {"server", origin_authority(w->urls[url])},
                                               {"state",
                                                circuit_names[origin_circuit(w->urls[url])]}};
            exposition_labels(e, labels, 3);
            exposition_count(e, 1);
        }
    }
}

/* ---- keys ---- */

#define ID_SIZE 160 /* an apikeyid has at most 128 octets */

static const char *text_of(cmp_str id, char text[ID_SIZE])
{
    snprintf(text, ID_SIZE, "%.*s", (int)id.size, id.at);
    return text;
}

/* Whom the key belongs to is a peer, and so has a label. */
static const char *peer_of(const cmp_key *key)
{
    return label_name(label_find(key->peer));
}

static void add_end(const cmp_key *key, void *arg)
{
    char id[ID_SIZE];
    if (key->not_after_ms == INT64_MAX) {
        return;
    }
    const exposition_label labels[] = {{"use", key->use == CMP_KEY_ISSUED ? "issued" : "received"},
                                       {"peer", peer_of(key)},
                                       {"id", text_of(key->id, id)}};
    exposition_labels(arg, labels, 3);
    exposition_number(arg, (double)(key->not_after_ms - clock_now_ms()) / 1000);
}

static void add_last_use(const cmp_key *key, void *arg)
{
    char id[ID_SIZE];
    const exposition_label labels[] = {{"peer", peer_of(key)}, {"id", text_of(key->id, id)}};
    const unsigned label = label_find(key->id);
    if (label != LABEL_OTHER) { /* which many may share */
        exposition_labels(arg, labels, 2);
        exposition_number(arg, (double)tally_read_key(label));
    }
}

void metrics_expose_keys(exposition *e, const generation *g)
{
    if (g->keyring == NULL) {
        return;
    }
    exposition_family(e, METRIC_GAUGE, "cmpd_key_left_seconds", "seconds",
                      "How long a key is still valid; less than 0: it has ended");
    keyring_each(g->keyring, CMP_KEY_ISSUED, add_end, e);
    keyring_each(g->keyring, CMP_KEY_RECEIVED, add_end, e);
    exposition_family(e, METRIC_GAUGE, "cmpd_key_last_use_timestamp_seconds", "seconds",
                      "When a good signature by a key that we issued came last, in Unix time; 0: "
                      "not since the process began");
    keyring_each(g->keyring, CMP_KEY_ISSUED, add_last_use, e);
}
