/* SPDX-License-Identifier: Apache-2.0 */
/* See status_peers.h. */
#include "daemon/status_peers.h"

#include "pipeline/tally.h"

static void set_number(json_t *to, const char *name, uint64_t value)
{
    json_object_set_new(to, name, json_integer((json_int_t)value));
}

static json_t *text_of(cmp_str text)
{
    return text.at != NULL ? json_stringn(text.at, text.size) : json_null();
}

json_t *status_spread(const histogram_sums *sums)
{
    json_t *to = json_array(), *count = json_array();
    for (size_t i = 0; i < sums->count; i++) {
        json_array_append_new(to, json_integer(sums->bounds[i]));
    }
    for (size_t i = 0; i <= sums->count; i++) {
        json_array_append_new(count, json_integer((json_int_t)sums->buckets[i]));
    }
    return json_pack("{s:o, s:o}", "to", to, "count", count);
}

/* ---- servers ---- */

static const char *state_of(const way *w)
{
    size_t shut = 0;
    bool troubled = false;
    for (size_t i = 0; i < w->url_count; i++) {
        shut += origin_circuit(w->urls[i]) != CIRCUIT_CLOSED;
        troubled = troubled || origin_troubled(w->urls[i]);
    }
    return w->url_count == 0      ? "asks"
           : shut == w->url_count ? "down"
           : shut > 0             ? "degraded"
           : troubled             ? "troubled"
                                  : "up";
}

static json_t *servers_of(const way *w)
{
    json_t *servers = json_array();
    for (size_t i = 0; i < w->url_count; i++) {
        json_array_append_new(servers,
                              json_pack("{s:s, s:s}", "server", origin_authority(w->urls[i]),
                                        "circuit", circuit_names[origin_circuit(w->urls[i])]));
    }
    return servers;
}

/* ---- what was counted ---- */

static json_t *attempts_of(const tally_peer *sums)
{
    json_t *attempts = json_object();
    for (unsigned how = 0; how < TALLY_ATTEMPTS; how++) {
        set_number(attempts, tally_attempt_names[how], sums->attempts[how]);
    }
    return attempts;
}

static json_t *time_of(int64_t us)
{
    return us != 0 ? json_integer(us / 1000) : json_null();
}

static void add_counts(json_t *p, unsigned label)
{
    tally_peer sums = {.in_flight = 0};
    uint64_t all = 0, problems = 0;
    (void)tally_read_peer(label, &sums);
    for (unsigned i = 0; i < CMP_INTERFACE_MAX; i++) {
        for (unsigned end = 0; end < TALLY_ENDS; end++) {
            all += sums.transactions[i][end];
            problems += end >= TALLY_PROBLEM ? sums.transactions[i][end] : 0;
        }
    }
    json_object_set_new(p, "in_flight", json_integer(sums.in_flight));
    json_object_set_new(p, "attempts", attempts_of(&sums));
    json_object_set_new(p, "took_us", status_spread(&sums.took));
    set_number(p, "transactions", all);
    set_number(p, "problems", problems);
    json_object_set_new(p, "last_asked_ms", time_of(sums.asked_us));
    json_object_set_new(p, "last_answered_ms", time_of(sums.answered_us));
}

/* ---- keys ---- */

typedef struct key_list {
    const peers *peers;
    json_t *made; /* by their index */
} key_list;

static json_t *last_use_of(const cmp_key *key)
{
    int64_t used_s;
    const bool known = tally_read_last_use(key, &used_s);
    return known && used_s != 0 ? json_integer(used_s * 1000) : json_null();
}

static json_t *bound(int64_t ms)
{
    return ms != INT64_MIN && ms != INT64_MAX ? json_integer(ms) : json_null();
}

static void add_key(const cmp_key *key, void *arg)
{
    const key_list *l = arg;
    const peer *of = peers_find(l->peers, key->peer);
    if (of != NULL) {
        json_t *made =
            json_pack("{s:s, s:o, s:o, s:o, s:o}", "use",
                      key->use == CMP_KEY_ISSUED ? "issued" : "received", "id", text_of(key->id),
                      "not_before_ms", bound(key->not_before_ms), "not_after_ms",
                      bound(key->not_after_ms), "last_use_ms", last_use_of(key));
        json_array_append_new(json_object_get(json_array_get(l->made, of->index), "keys"), made);
    }
}

json_t *status_peers(const generation *g)
{
    json_t *made = json_array();
    for (size_t i = 0; i < peers_count(g->peers); i++) {
        const peer *p = peers_at(g->peers, i);
        const way *w = &g->ways[i];
        json_t *one =
            json_pack("{s:o, s:o, s:s, s:o, s:[]}", "peer", text_of(p->name), "host",
                      text_of(p->host), "state", state_of(w), "servers", servers_of(w), "keys");
        add_counts(one, p->label);
        json_array_append_new(made, one);
    }
    key_list l = {.peers = g->peers, .made = made};
    if (g->keyring != NULL) {
        keyring_each(g->keyring, CMP_KEY_ISSUED, add_key, &l);
        keyring_each(g->keyring, CMP_KEY_RECEIVED, add_key, &l);
    }
    return made;
}
