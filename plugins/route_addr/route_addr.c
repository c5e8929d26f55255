/* SPDX-License-Identifier: Apache-2.0 */
/* The plugin route_addr: requests that name a host, in `addr` (Table 19) or in a code's record that
 * was transferred, go to the peer that is that host. It stands at the step `route`. */
#include <cmp-kit/memory.h>
#include <cmp-kit/peers.h>
#include <cmp/plugin.h>

#include <stdlib.h>

/* ---- descriptor ---- */

static void *addr_create(const cmp_host *host, const void *options, void *previous,
                         cmp_report *report);
static void addr_destroy(void *instance);
static cmp_route_verdict addr_route(void *instance, void *worker, cmp_route_reason reason,
                                    cmp_str target, cmp_op op, cmp_route_answer *answer);

static const cmp_route_ops ops = {
    .size = sizeof(ops),
    .route = addr_route,
};

CMP_EXPORT const cmp_plugin cmp_plugin_descriptor = {
    CMP_PLUGIN_ABI,
    .name = "route_addr",
    .kind = CMP_PLUGIN_ROUTE,
    .services = CMP_SERVICE_PEERS,
    .version = "1.0",
    .summary = "to the peer whose host the request or the code's record names",
    .create = addr_create,
    .destroy = addr_destroy,
    .ops.route = &ops,
};

/* ---- life ---- */

typedef struct addr_instance {
    const cmp_host *host;
    kit_peers peers;
} addr_instance;

static void *addr_create(const cmp_host *host, const void *options, void *previous,
                         cmp_report *report)
{
    (void)options;
    (void)previous;
    (void)report;
    addr_instance *self = kit_alloc(sizeof(*self));
    self->host = host;
    /* Once for all: an instance never outlives the configuration whose peers it knows. */
    kit_peers_copy(&self->peers, host);
    return self;
}

static void addr_destroy(void *instance)
{
    addr_instance *self = instance;
    kit_peers_free(&self->peers);
    free(self);
}

/* ---- route ---- */

/* The request goes to the host itself, so `addr` is left out on the way (SPEC 5). A transferred
 * code whose host is no peer is left to the next route: a registry may know the way. */
static cmp_route_verdict addr_route(void *instance, void *worker, cmp_route_reason reason,
                                    cmp_str target, cmp_op op, cmp_route_answer *answer)
{
    (void)worker;
    const addr_instance *self = instance;
    *answer = (cmp_route_answer){.peer = CMP_NONE};
    if (reason == CMP_ROUTE_ABSENT) {
        return CMP_ROUTE_DECLINE;
    }
    const uint32_t found = kit_peers_at_host(&self->peers, target);
    if (found == KIT_PEER_NONE) {
        answer->refusal = CMP_REFUSE_ADDR_NOT_ALLOWED;
        return reason == CMP_ROUTE_ADDRESSED ? CMP_ROUTE_REFUSE : CMP_ROUTE_DECLINE;
    }
    const kit_peer *to = &self->peers.at[found];
    if (cmp_str_equal(to->name, self->host->txn_peer(self->host, op))) {
        return CMP_ROUTE_DECLINE; /* never back to where the request came from */
    }
    answer->peer = to->name;
    return CMP_ROUTE_FORWARD;
}
