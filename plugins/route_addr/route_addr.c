/* The plugin route_addr: requests that name a host, in `addr` (Table 19) or in a code's record that
 * was transferred, go to the peer that is that host. It stands at the step `route`. */
#include <cmp/plugin.h>

#include <stdlib.h>

/* ---- descriptor ---- */

static void *addr_create(const cmp_host *host, const void *options, void *previous,
                         cmp_report *report);
static void addr_destroy(void *instance);
static cmp_route_verdict addr_route(void *instance, void *worker, cmp_txn *txn,
                                    cmp_route_reason reason, cmp_str target, cmp_op *op,
                                    cmp_route_answer *answer);

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

/* ---- state ---- */

enum { HOST_SIZE_MAX = 253 };

/* A peer that has a host. One block of memory each, which begins at `host.at`. */
typedef struct destination {
    cmp_str host; /* in lower case */
    cmp_str name;
} destination;

typedef struct addr_instance {
    const cmp_host *host;
    destination *destinations; /* by host */
    size_t count;
} addr_instance;

static void *memory_must(void *at)
{
    if (at == NULL) {
        abort();
    }
    return at;
}

static void lower(char *to, cmp_str text)
{
    for (size_t i = 0; i < text.size; i++) {
        const char c = text.at[i];
        to[i] = c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
    }
}

static int order_of(const void *a, const void *b)
{
    const cmp_str x = ((const destination *)a)->host, y = ((const destination *)b)->host;
    if (x.size != y.size) {
        return x.size < y.size ? -1 : 1;
    }
    return memcmp(x.at, y.at, x.size);
}

static void count_one(const cmp_peer *peer, void *arg)
{
    size_t *count = arg;
    *count += peer->host.size > 0;
}

static void take_one(const cmp_peer *peer, void *arg)
{
    addr_instance *self = arg;
    if (peer->host.size == 0) {
        return; /* it only asks */
    }
    char *copy = memory_must(malloc(peer->host.size + peer->name.size));
    char *name = copy + peer->host.size;
    lower(copy, peer->host);
    memcpy(name, peer->name.at, peer->name.size);
    self->destinations[self->count++] = (destination){
        .host = {copy, peer->host.size},
        .name = {name, peer->name.size},
    };
}

static void *addr_create(const cmp_host *host, const void *options, void *previous,
                         cmp_report *report)
{
    (void)options;
    (void)previous;
    (void)report;
    size_t count = 0;
    host->peer_each(host, count_one, &count);
    addr_instance *self = memory_must(calloc(1, sizeof(*self)));
    self->host = host;
    self->destinations = memory_must(calloc(count + 1, sizeof(*self->destinations)));
    host->peer_each(host, take_one, self);
    qsort(self->destinations, self->count, sizeof(*self->destinations), order_of);
    return self;
}

static void addr_destroy(void *instance)
{
    addr_instance *self = instance;
    for (size_t i = 0; i < self->count; i++) {
        free((char *)(uintptr_t)self->destinations[i].host.at);
    }
    free(self->destinations);
    free(self);
}

/* ---- route ---- */

static const destination *destination_find(const addr_instance *self, cmp_str host)
{
    char folded[HOST_SIZE_MAX];
    if (host.size == 0 || host.size > sizeof(folded)) {
        return NULL;
    }
    lower(folded, host);
    const destination wanted = {.host = {folded, host.size}};
    return bsearch(&wanted, self->destinations, self->count, sizeof(wanted), order_of);
}

/* The request goes to the host itself, so `addr` is left out on the way (SPEC 5). A transferred
 * code whose host is no peer is left to the next route: a registry may know the way. */
static cmp_route_verdict addr_route(void *instance, void *worker, cmp_txn *txn,
                                    cmp_route_reason reason, cmp_str target, cmp_op *op,
                                    cmp_route_answer *answer)
{
    (void)worker;
    (void)op;
    const addr_instance *self = instance;
    *answer = (cmp_route_answer){.peer = CMP_NONE};
    if (reason == CMP_ROUTE_ABSENT) {
        return CMP_ROUTE_DECLINE;
    }
    const destination *to = destination_find(self, target);
    if (to == NULL && reason == CMP_ROUTE_ADDRESSED) {
        answer->refusal = CMP_REFUSE_ADDR_NOT_ALLOWED;
        return CMP_ROUTE_REFUSE;
    }
    if (to == NULL || cmp_str_equal(to->name, self->host->txn_peer(txn))) {
        return CMP_ROUTE_DECLINE; /* never back to where the request came from */
    }
    answer->peer = to->name;
    return CMP_ROUTE_FORWARD;
}
