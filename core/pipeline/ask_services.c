/* The services that take a handle: what plugins see of a request, and their answers. */
#include "pipeline/ask.h"

static const mc_request *shown(const cmp_host *host, cmp_op op, const char *service)
{
    const ask *a = desk_find(host, op, service);
    return a != NULL ? a->request : NULL;
}

static cmp_str service_txn_param(const cmp_host *host, cmp_op op, cmp_param param)
{
    const mc_request *r = shown(host, op, "txn_param");
    return r != NULL && (unsigned)param < CMP_PARAM_MAX ? r->message.params[param] : CMP_NONE;
}

static const cmp_pair *service_txn_contextual(const cmp_host *host, cmp_op op, size_t index)
{
    const mc_request *r = shown(host, op, "txn_contextual");
    return r != NULL && index < r->message.contextual_count ? &r->message.contextual[index] : NULL;
}

static const uint8_t *service_txn_source(const cmp_host *host, cmp_op op)
{
    const mc_request *r = shown(host, op, "txn_source");
    return r != NULL ? r->source : NULL;
}

static cmp_str service_txn_listener(const cmp_host *host, cmp_op op)
{
    const mc_request *r = shown(host, op, "txn_listener");
    return r != NULL ? r->listener : CMP_NONE;
}

static cmp_interface service_txn_interface(const cmp_host *host, cmp_op op)
{
    const mc_request *r = shown(host, op, "txn_interface");
    return r != NULL ? r->interface : CMP_INTERFACE_MAX;
}

static cmp_str service_txn_peer(const cmp_host *host, cmp_op op)
{
    const mc_request *r = shown(host, op, "txn_peer");
    return r != NULL ? r->requestor : CMP_NONE;
}

static int64_t service_txn_now_ms(const cmp_host *host, cmp_op op)
{
    const mc_request *r = shown(host, op, "txn_now_ms");
    return r != NULL ? r->now_ms : 0;
}

static void *service_txn_alloc(const cmp_host *host, cmp_op op, size_t size)
{
    const mc_request *r = shown(host, op, "txn_alloc");
    return r != NULL ? kit_arena_alloc(r->memory, size) : NULL;
}

static void service_op_data(const cmp_host *host, cmp_op op, void *data)
{
    ask *a = desk_find(host, op, "op_data");
    if (a != NULL) {
        a->data = data;
    }
}

static void service_complete(const cmp_host *host, cmp_op op, int verdict, const void *answer)
{
    ask *a = desk_find(host, op, "complete");
    if (a != NULL && instance_blocks(a->instance)) {
        desk_misuse(a->instance, "complete", "in a plugin that blocks, which answers by returning");
    } else if (a != NULL) {
        ask_complete(a, verdict, answer);
    }
}

/* In the host's table and not functions that a plugin links to: it needs nothing of ours to be
 * loaded, and tests give it a table of their own. */
void ask_services(cmp_host *host)
{
    host->txn_param = service_txn_param;
    host->txn_contextual = service_txn_contextual;
    host->txn_source = service_txn_source;
    host->txn_listener = service_txn_listener;
    host->txn_interface = service_txn_interface;
    host->txn_peer = service_txn_peer;
    host->txn_now_ms = service_txn_now_ms;
    host->txn_alloc = service_txn_alloc;
    host->op_data = service_op_data;
    host->complete = service_complete;
}
