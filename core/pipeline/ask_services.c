/* SPDX-License-Identifier: Apache-2.0 */
/* The services that take a handle: what plugins see of a request, and their answers. */
#include "pipeline/ask.h"
#include "pipeline/said.h"

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
    return r != NULL ? r->interface : CMP_INTERFACE_NONE;
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

static cmp_str service_txn_traceparent(const cmp_host *host, cmp_op op)
{
    const mc_request *r = shown(host, op, "txn_traceparent");
    return r != NULL ? r->traceparent : CMP_NONE;
}

/* A plugin sees what it has asked for, and not what another one of the chain has. */
static bool asks_for(const instance *i, const char *name)
{
    const char *const *asked =
        i->plugin->kind == CMP_PLUGIN_AUTH ? i->plugin->ops.auth->headers : NULL;
    while (asked != NULL && *asked != NULL && (name == NULL || strcmp(*asked, name) != 0)) {
        asked++;
    }
    return asked != NULL && *asked != NULL;
}

static cmp_str service_txn_header(const cmp_host *host, cmp_op op, const char *name)
{
    const ask *a = desk_find(host, op, "txn_header");
    if (a == NULL) {
        return CMP_NONE;
    }
    if (!asks_for(a->instance, name)) {
        desk_misuse(a->instance, "txn_header", "for a field that it has not asked for");
        return CMP_NONE;
    }
    for (size_t i = 0; i < a->request->header_count; i++) {
        if (cmp_str_equal(a->request->headers[i].name, cmp_str_from(name))) {
            return a->request->headers[i].value;
        }
    }
    return CMP_NONE;
}

static const cmp_certificate *service_txn_certificate(const cmp_host *host, cmp_op op)
{
    const ask *a = desk_find(host, op, "txn_certificate");
    if (a == NULL) {
        return NULL;
    }
    if (a->instance->plugin->kind != CMP_PLUGIN_AUTH ||
        (a->instance->plugin->ops.auth->wants & CMP_AUTH_CERTIFICATE) == 0) {
        desk_misuse(a->instance, "txn_certificate", "though it does not say that it wants it");
        return NULL;
    }
    return a->request->certificate;
}

static cmp_str service_txn_consume(const cmp_host *host, cmp_op op, const char *name)
{
    ask *a = desk_find(host, op, "txn_consume");
    if (a == NULL) {
        return CMP_NONE;
    }
    if (a->what != &operation_verify) {
        desk_misuse(a->instance, "txn_consume", "in another operation than verify");
        return CMP_NONE;
    }
    for (size_t i = 0; i < a->request->message.contextual_count; i++) {
        const cmp_pair *pair = &a->request->message.contextual[i];
        if (cmp_str_equal(pair->name, cmp_str_from(name))) {
            a->consumed |= UINT32_C(1) << i;
            return pair->value;
        }
    }
    return CMP_NONE;
}

static void *service_txn_alloc(const cmp_host *host, cmp_op op, size_t size)
{
    const mc_request *r = shown(host, op, "txn_alloc");
    if (r != NULL && size > CMP_ALLOC_MAX) {
        said_wrong(host->core, "txn_alloc", "size: more than 16 MiB");
        return NULL;
    }
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
    host->txn_traceparent = service_txn_traceparent;
    host->txn_header = service_txn_header;
    host->txn_certificate = service_txn_certificate;
    host->txn_consume = service_txn_consume;
    host->txn_alloc = service_txn_alloc;
    host->op_data = service_op_data;
    host->complete = service_complete;
}
