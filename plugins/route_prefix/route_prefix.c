/* SPDX-License-Identifier: Apache-2.0 */
/* The plugin route_prefix: an ICI goes to the peer whose routing prefix is the longest that heads
 * it. It stands at the step `route`: in a CMP of a multi-lateral arrangement, in a Split-CMP-Parent
 * (its children are peers), and in a registry (MCR), which may refer to the peer instead. */
#include "load.h"

#include <cmp-kit/live.h>
#include <cmp-kit/memory.h>
#include <cmp/plugin.h>

#include <stdlib.h>

/* ---- descriptor ---- */

enum { MODE_FORWARD, MODE_REFERRAL };

static const char *const modes[] = {[MODE_FORWARD] = "forward", [MODE_REFERRAL] = "referral", NULL};

typedef struct prefix_options {
    const char *table; /* NULL: the peers' prefixes alone */
    kit_live_options live;
    int mode;
    int64_t ttl_ms;
} prefix_options;

static void *prefix_create(const cmp_host *host, const void *options, void *previous,
                           cmp_report *report);
static void prefix_start(void *instance, cmp_loop *loop);
static void *prefix_worker_start(void *instance, cmp_loop *loop);
static void prefix_worker_stop(void *instance, void *worker);
static void prefix_command(void *instance, const char *name, cmp_str argument, uint64_t id);
static void prefix_destroy(void *instance);
static cmp_route_verdict prefix_route(void *instance, void *worker, cmp_route_reason reason,
                                      cmp_str target, cmp_op op, cmp_route_answer *answer);

CMP_OPTIONS(rows, prefix_options) = {
    CMP_ROW("table", PATH, prefix_options, table,
            "file of lines PREFIX PEER-NAME, besides the peers' own prefixes; # begins a comment"),
    KIT_LIVE_ROWS(prefix_options, live),
    CMP_ROW_ENUM("mode", prefix_options, mode, modes,
                 "forward to the peer, or answer with a referral to its host",
                 CMP_DEFAULT("forward")),
    CMP_ROW("ttl", DURATION, prefix_options, ttl_ms, "how long a referral may be kept",
            CMP_DEFAULT("1h"), CMP_RANGE(1000, INT64_C(30) * 86400000)),
    CMP_OPTION_END,
};

static const cmp_route_ops ops = {
    .size = sizeof(ops),
    .route = prefix_route,
};

static const cmp_command commands[] = {KIT_LIVE_COMMANDS, CMP_COMMAND_END};

CMP_EXPORT const cmp_plugin cmp_plugin_descriptor = {
    CMP_PLUGIN_ABI,
    .name = "route_prefix",
    .kind = CMP_PLUGIN_ROUTE,
    .services = CMP_SERVICE_PEERS | CMP_SERVICE_LOOP | CMP_SERVICE_OFFLOAD,
    .version = "1.0",
    .summary = "to the peer with the longest routing prefix that heads the ICI",
    CMP_PLUGIN_OPTIONS(rows),
    .create = prefix_create,
    .start = prefix_start,
    .worker_start = prefix_worker_start,
    .worker_stop = prefix_worker_stop,
    .destroy = prefix_destroy,
    .ops.route = &ops,
    .commands = commands,
    .command = prefix_command,
};

/* ---- instance ---- */

typedef struct prefix_instance {
    const cmp_host *host;
    const prefix_options *options;
    kit_live *live;
} prefix_instance;

/* ---- the prefixes ---- */

static void *read_prefixes(kit_file *f, void *arg)
{
    const prefix_instance *self = arg;
    return table_load(f, self->host, self->options->mode == MODE_REFERRAL);
}

/* The peers are those of the new configuration, whatever becomes of the file. */
static void *renew_prefixes(const void *content, void *arg)
{
    const prefix_instance *self = arg;
    return table_renew(content, self->host, self->options->mode == MODE_REFERRAL);
}

static void free_prefixes(void *content)
{
    table *t = content;
    table_destroy(&t);
}

/* Of the file: the entries do not change. */
static size_t count_lines(const void *content)
{
    return ((const table *)content)->lines;
}

static void log_prefixes(const void *content, int64_t ms, void *arg)
{
    (void)ms;
    const prefix_instance *self = arg;
    const size_t count = kit_prefixes_count(((const table *)content)->prefixes);
    if (self->options->table != NULL) {
        self->host->log(self->host, CMP_LOG_NOTICE,
                        "%s: %zu prefixes, with those of the peers' entries", self->options->table,
                        count);
    } else {
        self->host->log(self->host, CMP_LOG_INFO, "%zu prefixes of the peers' entries", count);
    }
}

static const kit_live_kind kind = {
    .what = "prefixes",
    .option = "table",
    .read = read_prefixes,
    .free = free_prefixes,
    .count = count_lines,
    .log = log_prefixes,
    .renew = renew_prefixes,
};

/* ---- life ---- */

static void prefix_destroy(void *instance)
{
    prefix_instance *self = instance;
    kit_live_destroy(&self->live);
    free(self);
}

static void *prefix_create(const cmp_host *host, const void *options, void *previous,
                           cmp_report *report)
{
    const prefix_instance *before = previous;
    prefix_instance *self = kit_calloc(1, sizeof(*self));
    self->host = host;
    self->options = options;
    self->live = kit_live_create(host, &kind, &self->options->live, self->options->table, self,
                                 before != NULL ? before->live : NULL, report);
    if (self->live == NULL) {
        prefix_destroy(self);
        return NULL;
    }
    return self;
}

static void prefix_start(void *instance, cmp_loop *loop)
{
    kit_live_start(((prefix_instance *)instance)->live, loop);
}

static void prefix_command(void *instance, const char *name, cmp_str argument, uint64_t id)
{
    kit_live_command(((prefix_instance *)instance)->live, name, argument, id);
}

/* A worker's state is its share and nothing else. */
static void *prefix_worker_start(void *instance, cmp_loop *loop)
{
    (void)loop;
    kit_live_share *share = kit_alloc(sizeof(*share));
    kit_live_join(((prefix_instance *)instance)->live, share);
    return share;
}

static void prefix_worker_stop(void *instance, void *worker)
{
    kit_live_leave(((prefix_instance *)instance)->live, worker);
    free(worker);
}

/* ---- route ---- */

/* Says whom to ask: for all that `prefix` heads, or without it for this ICI alone. */
static cmp_route_verdict refer(const prefix_instance *self, const kit_peer *to, cmp_str prefix,
                               cmp_route_answer *answer)
{
    answer->addr = to->host;
    answer->prefix = prefix;
    answer->ttl_s = (uint32_t)(self->options->ttl_ms / 1000);
    return CMP_ROUTE_REFERRAL;
}

/* An answer's strings have to be valid for a little longer than the parameter that they are of. */
static cmp_str copy(const prefix_instance *self, cmp_op op, cmp_str text)
{
    char *to = self->host->txn_alloc(self->host, op, text.size);
    memcpy(to, text.at, text.size);
    return (cmp_str){to, text.size};
}

/* Never back to where the request came from: that peer has looked for itself. */
static bool is_requestor(const prefix_instance *self, cmp_op op, const kit_peer *to)
{
    return cmp_str_equal(to->name, self->host->txn_peer(self->host, op));
}

static cmp_route_verdict route_absent(const prefix_instance *self, const table *t, cmp_op op,
                                      cmp_route_answer *answer)
{
    unsigned matched;
    const cmp_str ici = self->host->txn_param(self->host, op, CMP_PARAM_ICI);
    const uint32_t found = kit_prefixes_find(t->prefixes, ici, &matched);
    if (found == KIT_PREFIX_NONE) {
        return CMP_ROUTE_DECLINE;
    }
    const kit_peer *to = &t->peers.at[found];
    if (is_requestor(self, op, to)) {
        return CMP_ROUTE_DECLINE;
    }
    if (self->options->mode == MODE_REFERRAL) {
        return refer(self, to, copy(self, op, (cmp_str){ici.at, matched}), answer);
    }
    answer->peer = to->name;
    return CMP_ROUTE_FORWARD;
}

/* Who relays leaves this to route_addr; who refers says the host again, as a peer that is known. */
static cmp_route_verdict route_addressed(const prefix_instance *self, const table *t, cmp_op op,
                                         cmp_str target, cmp_route_answer *answer)
{
    if (self->options->mode == MODE_FORWARD) {
        return CMP_ROUTE_DECLINE;
    }
    const uint32_t found = kit_peers_at_host(&t->peers, target);
    if (found == KIT_PEER_NONE || is_requestor(self, op, &t->peers.at[found])) {
        return CMP_ROUTE_DECLINE;
    }
    return refer(self, &t->peers.at[found], CMP_NONE, answer);
}

static cmp_route_verdict prefix_route(void *instance, void *worker, cmp_route_reason reason,
                                      cmp_str target, cmp_op op, cmp_route_answer *answer)
{
    const prefix_instance *self = instance;
    /* Taken anew for each request: the share is moved to newer prefixes in between. */
    const table *t = ((const kit_live_share *)worker)->content;
    *answer = (cmp_route_answer){.peer = CMP_NONE};
    switch (reason) {
    case CMP_ROUTE_ABSENT:
        return route_absent(self, t, op, answer);
    case CMP_ROUTE_ADDRESSED:
        return route_addressed(self, t, op, target, answer);
    case CMP_ROUTE_TRANSFERRED:
        break; /* the ICI's prefix is not where its content is */
    }
    return CMP_ROUTE_DECLINE;
}
