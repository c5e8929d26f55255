/* SPDX-License-Identifier: Apache-2.0 */
/* The plugin route_mcr: what nobody here knows goes to the registry (MCR), which knows the CMP of
 * every routing prefix. It stands at the step `route`, behind the routes to direct peers. */
#include <cmp-kit/memory.h>
#include <cmp/plugin.h>

#include <stdlib.h>

/* ---- descriptor ---- */

enum { MODE_RELAY, MODE_LOOKUP };

static const char *const modes[] = {[MODE_RELAY] = "relay", [MODE_LOOKUP] = "lookup", NULL};

typedef struct mcr_options {
    const char *peer;
    int mode;
} mcr_options;

static void mcr_check(const cmp_host *host, const void *options, cmp_report *report);
static void *mcr_create(const cmp_host *host, const void *options, void *previous,
                        cmp_report *report);
static cmp_route_verdict mcr_route(void *instance, void *worker, cmp_route_reason reason,
                                   cmp_str target, cmp_op op, cmp_route_answer *answer);

CMP_OPTIONS(rows, mcr_options) = {
    CMP_ROW("peer", STRING, mcr_options, peer, "name of the peer that is the registry",
            CMP_REQUIRED),
    CMP_ROW_ENUM("mode", mcr_options, mode, modes,
                 "the registry passes the request on (relay), or says whom to ask (lookup)",
                 CMP_DEFAULT("relay")),
    CMP_OPTION_END,
};

static const cmp_route_ops ops = {
    .size = sizeof(ops),
    .route = mcr_route,
};

CMP_EXPORT const cmp_plugin cmp_plugin_descriptor = {
    CMP_PLUGIN_ABI,           .name = "route_mcr",
    .kind = CMP_PLUGIN_ROUTE, .services = CMP_SERVICE_PEERS,
    .version = "1.0",         .summary = "to a community's registry, what nobody here knows",
    CMP_PLUGIN_OPTIONS(rows), .check = mcr_check,
    .create = mcr_create,     .destroy = free,
    .ops.route = &ops,
};

/* ---- instance ---- */

typedef struct mcr_instance {
    const cmp_host *host;
    cmp_str registry; /* in the options, which live as long */
    bool lookup;
} mcr_instance;

static void mcr_check(const cmp_host *host, const void *options, cmp_report *report)
{
    const mcr_options *o = options;
    cmp_peer peer;
    if (!host->peer_find(host, cmp_str_from(o->peer), &peer)) {
        host->report(report, "peer", "there is no peer of the name \"%s\"", o->peer);
    }
}

static void *mcr_create(const cmp_host *host, const void *options, void *previous,
                        cmp_report *report)
{
    (void)previous;
    (void)report;
    const mcr_options *o = options;
    mcr_instance *self = kit_calloc(1, sizeof(*self));
    self->host = host;
    self->registry = cmp_str_from(o->peer);
    self->lookup = o->mode == MODE_LOOKUP;
    return self;
}

/* ---- route ---- */

/* What a requestor addressed is left alone: it is for a peer of ours, or for nobody. Neither does a
 * request of the registry's own go back there: it would only come round. */
static cmp_route_verdict mcr_route(void *instance, void *worker, cmp_route_reason reason,
                                   cmp_str target, cmp_op op, cmp_route_answer *answer)
{
    (void)worker;
    const mcr_instance *self = instance;
    *answer = (cmp_route_answer){.peer = CMP_NONE};
    if (reason == CMP_ROUTE_ADDRESSED ||
        cmp_str_equal(self->registry, self->host->txn_peer(self->host, op))) {
        return CMP_ROUTE_DECLINE;
    }
    answer->peer = self->registry;
    answer->lookup = self->lookup;
    if (reason == CMP_ROUTE_TRANSFERRED) {
        answer->addr = target; /* Table 19: "not sent directly" to the CMP that holds the content */
    }
    return CMP_ROUTE_FORWARD;
}
