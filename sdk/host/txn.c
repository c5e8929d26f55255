/* SPDX-License-Identifier: Apache-2.0 */
/* See txn.h. */
#include "host/txn.h"

static cmp_str service_param(const cmp_host *table, cmp_op handle, cmp_param param)
{
    const host_op *op = host_op_find(table, handle, "txn_param");
    return op != NULL && (unsigned)param < CMP_PARAM_MAX ? op->request->message.params[param]
                                                         : CMP_NONE;
}

static const cmp_pair *service_contextual(const cmp_host *table, cmp_op handle, size_t index)
{
    const host_op *op = host_op_find(table, handle, "txn_contextual");
    return op != NULL && index < op->request->message.contextual_count
               ? &op->request->message.contextual[index]
               : NULL;
}

static const uint8_t *service_source(const cmp_host *table, cmp_op handle)
{
    const host_op *op = host_op_find(table, handle, "txn_source");
    return op != NULL ? op->request->source : NULL;
}

static cmp_str service_listener(const cmp_host *table, cmp_op handle)
{
    const host_op *op = host_op_find(table, handle, "txn_listener");
    return op != NULL ? op->request->listener : CMP_NONE;
}

static cmp_interface service_interface(const cmp_host *table, cmp_op handle)
{
    const host_op *op = host_op_find(table, handle, "txn_interface");
    return op != NULL ? op->request->interface : CMP_INTERFACE_NONE;
}

static cmp_str service_peer(const cmp_host *table, cmp_op handle)
{
    const host_op *op = host_op_find(table, handle, "txn_peer");
    return op != NULL ? op->request->requestor : CMP_NONE;
}

static int64_t service_txn_now(const cmp_host *table, cmp_op handle)
{
    const host_op *op = host_op_find(table, handle, "txn_now_ms");
    return op != NULL ? op->request->now_ms : 0;
}

static cmp_str service_traceparent(const cmp_host *table, cmp_op handle)
{
    const host_op *op = host_op_find(table, handle, "txn_traceparent");
    host_call_since(host_of(table), 1);
    return op != NULL ? op->request->traceparent : CMP_NONE;
}

static bool is_asked_for(const host *h, const char *name)
{
    const char *const *asked =
        h->plugin->kind == CMP_PLUGIN_AUTH ? h->plugin->ops.auth->headers : NULL;
    while (asked != NULL && *asked != NULL && strcmp(*asked, name) != 0) {
        asked++;
    }
    return asked != NULL && *asked != NULL;
}

static cmp_str service_header(const cmp_host *table, cmp_op handle, const char *name)
{
    host *h = host_of(table);
    const host_op *op = host_op_find(table, handle, "txn_header");
    if (op == NULL) {
        return CMP_NONE;
    }
    if (!is_asked_for(h, name)) {
        h->misuse(h, "txn_header", "for a field that it has not asked for");
        return CMP_NONE;
    }
    for (size_t i = 0; i < op->request->header_count; i++) {
        if (cmp_str_equal(op->request->headers[i].name, cmp_str_from(name))) {
            return op->request->headers[i].value;
        }
    }
    return CMP_NONE;
}

static const cmp_certificate *service_certificate(const cmp_host *table, cmp_op handle)
{
    host *h = host_of(table);
    const host_op *op = host_op_find(table, handle, "txn_certificate");
    if (op != NULL && (h->plugin->kind != CMP_PLUGIN_AUTH ||
                       (h->plugin->ops.auth->wants & CMP_AUTH_CERTIFICATE) == 0)) {
        h->misuse(h, "txn_certificate", "though it does not say that it wants it");
        return NULL;
    }
    return op != NULL ? op->request->certificate : NULL;
}

static cmp_str service_consume(const cmp_host *table, cmp_op handle, const char *name)
{
    host *h = host_of(table);
    host_op *op = host_op_find(table, handle, "txn_consume");
    if (op != NULL && op->ask != HOST_VERIFY) {
        h->misuse(h, "txn_consume", "in another operation than verify");
        return CMP_NONE;
    }
    for (size_t i = 0; op != NULL && i < op->request->message.contextual_count; i++) {
        const cmp_pair *pair = &op->request->message.contextual[i];
        if (cmp_str_equal(pair->name, cmp_str_from(name))) {
            op->consumed |= UINT32_C(1) << i;
            return pair->value;
        }
    }
    return CMP_NONE;
}

static void *service_alloc(const cmp_host *table, cmp_op handle, size_t size)
{
    host *h = host_of(table);
    host_op *op = host_op_find(table, handle, "txn_alloc");
    if (op != NULL && size > CMP_ALLOC_MAX) {
        h->misuse(h, "txn_alloc", "for more than 16 MiB");
        return NULL;
    }
    return op != NULL ? host_op_alloc(op, size) : NULL;
}

void host_txn_services(cmp_host *table)
{
    table->txn_param = service_param;
    table->txn_contextual = service_contextual;
    table->txn_source = service_source;
    table->txn_listener = service_listener;
    table->txn_interface = service_interface;
    table->txn_peer = service_peer;
    table->txn_now_ms = service_txn_now;
    table->txn_traceparent = service_traceparent;
    table->txn_header = service_header;
    table->txn_certificate = service_certificate;
    table->txn_consume = service_consume;
    table->txn_alloc = service_alloc;
}
