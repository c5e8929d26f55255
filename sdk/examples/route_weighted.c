/* SPDX-License-Identifier: 0BSD */
/* route_weighted: shares the ICIs of a prefix out among peers by weight, so that each user stays
 * with one. When a peer comes or goes, only users of that one move. */
#include <cmp-kit/memory.h>
#include <cmp-kit/text.h>
#include <cmp/plugin.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct weighted_peer {
    const char *peer;
    int64_t weight;
} weighted_peer;

typedef struct weighted_options {
    const char *prefix, *salt;
    cmp_rows peers; /* weighted_peer */
} weighted_options;

CMP_OPTIONS(peer_rows, weighted_peer) = {
    CMP_ROW("peer", STRING, weighted_peer, peer, "its name", CMP_REQUIRED),
    CMP_ROW("weight", INTEGER, weighted_peer, weight, "its part, in relation to the others'",
            CMP_DEFAULT("1"), CMP_RANGE(0, 1000)),
    CMP_OPTION_END,
};

CMP_OPTIONS(rows, weighted_options) = {
    CMP_ROW("prefix", STRING, weighted_options, prefix, "what the ICIs begin with", CMP_REQUIRED),
    CMP_ROW("salt", SECRET, weighted_options, salt,
            "goes into the choice, so that no user can make it; the same on all nodes",
            CMP_DEFAULT("none")),
    CMP_ROW_ROWS("peers", weighted_options, peers, peer_rows, "who shares them", CMP_REQUIRED),
    CMP_OPTION_END,
};

typedef struct weighted {
    const cmp_host *host;
    const weighted_options *options;
} weighted;

/* ---- life ---- */

/* A misspelt name would otherwise show at the first request. */
static void weighted_check(const cmp_host *host, const void *options, cmp_report *report)
{
    const weighted_options *o = options;
    const weighted_peer *peers = o->peers.at;
    int64_t sum = 0;
    for (size_t i = 0; i < o->peers.count; i++) {
        cmp_peer found;
        if (!host->peer_find(host, cmp_str_from(peers[i].peer), &found)) {
            char key[48];
            snprintf(key, sizeof(key), "peers[%zu].peer", i);
            host->report(report, key, "there is no peer of the name \"%s\"", peers[i].peer);
        }
        sum += peers[i].weight;
    }
    if (sum == 0) {
        host->report(report, "peers", "one of them needs a weight above 0");
    }
}

static void *weighted_create(const cmp_host *host, const void *options, void *previous,
                             cmp_report *report)
{
    (void)previous, (void)report;
    weighted *self = kit_calloc(1, sizeof(*self));
    self->host = host;
    self->options = options;
    return self;
}

/* ---- the choice ---- */

/* FNV-1a, with an end after each text. */
static uint64_t hash_add(uint64_t h, cmp_str text)
{
    for (size_t i = 0; i < text.size; i++) {
        h = (h ^ (uint8_t)text.at[i]) * UINT64_C(0x100000001B3);
    }
    return (h ^ 0x1FF) * UINT64_C(0x100000001B3);
}

/* From 0 to 1, neither of them: what the three texts decide, spread by splitmix64's mixer. */
static double number_of(const char *salt, cmp_str user, const char *peer)
{
    uint64_t h = hash_add(UINT64_C(0xCBF29CE484222325), cmp_str_from(salt));
    h = hash_add(hash_add(h, user), cmp_str_from(peer));
    h = (h ^ h >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    h = (h ^ h >> 27) * UINT64_C(0x94D049BB133111EB);
    return ((double)((h ^ h >> 31) >> 11) + 0.5) / 9007199254740992.0; /* 2^53 */
}

/* Weighted rendezvous hashing: of each peer a number that only user and peer decide, and the
 * largest wins. -1 / ln(u), with u from 0 to 1, times the weight makes parts as large as the
 * weights. */
static const char *choose(const weighted *self, cmp_str user)
{
    const weighted_peer *peers = self->options->peers.at;
    const char *best = NULL;
    double most = -1;
    for (size_t i = 0; i < self->options->peers.count; i++) {
        const double u = number_of(self->options->salt, user, peers[i].peer);
        const double score = (double)peers[i].weight / -log(u);
        if (peers[i].weight > 0 && score > most) {
            most = score;
            best = peers[i].peer;
        }
    }
    return best;
}

/* The user is personal data: it is read, and never logged or kept. */
static cmp_route_verdict weighted_route(void *instance, void *worker, cmp_route_reason reason,
                                        cmp_str target, cmp_op op, cmp_route_answer *answer)
{
    (void)worker, (void)target;
    const weighted *self = instance;
    const cmp_host *host = self->host;
    const cmp_str ici = host->txn_param(host, op, CMP_PARAM_ICI);
    const cmp_str prefix = cmp_str_from(self->options->prefix);
    if (reason != CMP_ROUTE_ABSENT || ici.size < prefix.size ||
        !kit_ascii_equal_fold((cmp_str){ici.at, prefix.size}, prefix)) {
        return CMP_ROUTE_DECLINE;
    }
    answer->peer = cmp_str_from(choose(self, host->txn_param(host, op, CMP_PARAM_USER)));
    return CMP_ROUTE_FORWARD;
}

static const cmp_route_ops ops = {.size = sizeof(ops), .route = weighted_route};

CMP_EXPORT const cmp_plugin cmp_plugin_descriptor = {
    CMP_PLUGIN_ABI,
    .name = "route_weighted",
    .kind = CMP_PLUGIN_ROUTE,
    .services = CMP_SERVICE_PEERS,
    .version = "1.0",
    .summary = "shares a prefix out among peers by weight, each user always to the same",
    CMP_PLUGIN_OPTIONS(rows),
    .check = weighted_check,
    .create = weighted_create,
    .destroy = free,
    .ops.route = &ops,
};
