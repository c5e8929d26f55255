/* SPDX-License-Identifier: Apache-2.0 */
/* See ops.h: how an operation goes its way. */
#include "host/ops.h"

#include "plugin/abi_record.h"
#include "plugin/answer_check.h"

#include <cmp-kit/memory.h>

#include <stdio.h>
#include <stdlib.h>

/* ---- the four of them, a row each ---- */

static int call_verify(const host *h, host_op *op, void *state)
{
    return (int)h->plugin->ops.auth->verify(h->instance, state, op->op, &op->lent.auth);
}

static int call_sign(const host *h, host_op *op, void *state)
{
    return (int)h->plugin->ops.auth->sign(h->instance, state, &op->outgoing, op->op,
                                          &op->lent.signature);
}

static int call_lookup(const host *h, host_op *op, void *state)
{
    return (int)h->plugin->ops.store->lookup(h->instance, state,
                                             op->request->message.params[CMP_PARAM_ICI], op->op,
                                             &op->lent.record);
}

static int call_route(const host *h, host_op *op, void *state)
{
    return (int)h->plugin->ops.route->route(h->instance, state, op->reason, op->target, op->op,
                                            &op->lent.route);
}

static bool good_verify(int verdict, const host_answer *answer, char *why)
{
    return answer_check_verify(verdict, &answer->auth, why);
}

static bool good_sign(int verdict, const host_answer *answer, char *why)
{
    return answer_check_sign(verdict, &answer->signature, why);
}

static bool good_lookup(int verdict, const host_answer *answer, char *why)
{
    return answer_check_lookup(verdict, &answer->record, why);
}

static bool good_route(int verdict, const host_answer *answer, char *why)
{
    return answer_check_route(verdict, &answer->route, why);
}

static const struct {
    const char *name;
    int unavailable; /* the verdict of a plugin that fails */
    int last;
    abi_struct answer;
    size_t answer_size;
    int (*call)(const host *h, host_op *op, void *state);
    bool (*good)(int verdict, const host_answer *answer, char *why);
} asks[] = {
    [HOST_VERIFY] = {"verify", CMP_AUTH_UNAVAILABLE, CMP_AUTH_UNAVAILABLE, ABI_cmp_auth_answer,
                     sizeof(cmp_auth_answer), call_verify, good_verify},
    [HOST_SIGN] = {"sign", CMP_SIGN_UNAVAILABLE, CMP_SIGN_UNAVAILABLE, ABI_cmp_signature,
                   sizeof(cmp_signature), call_sign, good_sign},
    [HOST_LOOKUP] = {"lookup", CMP_STORE_UNAVAILABLE, CMP_STORE_UNAVAILABLE, ABI_cmp_record,
                     sizeof(cmp_record), call_lookup, good_lookup},
    [HOST_ROUTE] = {"route", CMP_ROUTE_UNAVAILABLE, CMP_ROUTE_ANSWER, ABI_cmp_route_answer,
                    sizeof(cmp_route_answer), call_route, good_route},
};

const char *host_ask_name(host_ask ask)
{
    return asks[ask].name;
}

/* What the plugin leaves is to mean the least. */
static void clear(host_ask ask, host_answer *answer)
{
    switch (ask) {
    case HOST_VERIFY:
        answer->auth = (cmp_auth_answer){.once = CMP_ONCE_NO};
        break;
    case HOST_SIGN: /* not its text: that is octets enough to show in the time */
        answer->signature.apikeyid = CMP_NONE;
        answer->signature.size = 0;
        answer->signature.headers = NULL;
        answer->signature.header_count = 0;
        break;
    case HOST_LOOKUP:
        answer->record = CMP_RECORD_INIT;
        break;
    case HOST_ROUTE:
        answer->route = (cmp_route_answer){.record = NULL};
        break;
    }
}

typedef void (*cancel_fn)(void *instance, void *worker, cmp_op op, void *data);

static cancel_fn cancel_of(const host *h, host_ask ask)
{
    switch (ask) {
    case HOST_VERIFY:
    case HOST_SIGN:
        return h->plugin->ops.auth->cancel;
    case HOST_LOOKUP:
        return h->plugin->ops.store->cancel;
    case HOST_ROUTE:
        break;
    }
    return h->plugin->ops.route->cancel;
}

bool host_op_may_wait(const host *h, host_ask ask)
{
    return !host_blocks(h) && cancel_of(h, ask) != NULL;
}

/* ---- slots ---- */

static host_op *make(host_worker *w)
{
    host_op *op = kit_calloc(1, sizeof(*op) + w->op_room);
    w->ops = kit_realloc(w->ops, (w->op_count + 1) * sizeof(host_op *));
    op->worker = w;
    op->op = (cmp_op){.worker = w->number, .slot = w->op_count};
    w->ops[w->op_count++] = op;
    kit_arena_init(&op->memory, w->op_room > 0 ? op->room : NULL, w->op_room);
    return op;
}

host_op *host_op_take(host_worker *w)
{
    host_op *op = w->idle;
    if (op != NULL) {
        w->idle = op->next_idle;
    } else {
        op = make(w);
    }
    op->own = (mc_request){.memory = &op->memory};
    op->request = &op->own;
    op->done = NULL;
    op->target = CMP_NONE;
    return op;
}

void host_op_give(host_op *op)
{
    op->state = HOST_OP_IDLE;
    kit_arena_reset(&op->memory);
    op->next_idle = op->worker->idle;
    op->worker->idle = op;
}

/* ---- asking ---- */

cmp_op host_op_begin(host_op *op, host_ask ask)
{
    op->ask = ask;
    op->state = HOST_OP_CALLING;
    op->op.generation = ++op->worker->generation;
    op->data = NULL;
    op->consumed = 0;
    op->wrong = NULL;
    clear(ask, &op->lent);
    return op->op;
}

static int failed(host_op *op, const char *wrong)
{
    host *h = op->worker->host;
    op->wrong = wrong;
    clear(op->ask, &op->answer);
    op->verdict = asks[op->ask].unavailable;
    h->misuse(h, asks[op->ask].name, wrong);
    return op->verdict;
}

/* Brings what an answer points to into our layout. */
static void adopt(host_op *op, const abi_layout *older)
{
    if (op->ask == HOST_LOOKUP && op->verdict == CMP_STORE_FOUND) {
        abi_record_adopt(older, &op->memory, &op->answer.record);
    } else if (op->ask == HOST_ROUTE && op->verdict == CMP_ROUTE_ANSWER &&
               op->answer.route.record != NULL) {
        cmp_record *ours = kit_arena_alloc(&op->memory, sizeof(*ours));
        abi_record_read(older, op->answer.route.record, &op->memory, ours);
        op->answer.route.record = ours;
    }
}

static int checked(host_op *op)
{
    const abi_layout *older = op->worker->host->older;
    op->state = HOST_OP_DONE;
    if (op->verdict <= HOST_PENDING || op->verdict > asks[op->ask].last) {
        snprintf(op->fault, sizeof(op->fault), "answered the verdict %d, which is none",
                 op->verdict);
        return failed(op, op->fault);
    }
    if (older != NULL) {
        adopt(op, older);
    }
    char why[ANSWER_FAULT_MAX];
    if (!asks[op->ask].good(op->verdict, &op->answer, why)) {
        snprintf(op->fault, sizeof(op->fault), "answered %.200s", why);
        return failed(op, op->fault);
    }
    return op->verdict;
}

int host_op_returned(host_op *op, int verdict)
{
    host *h = op->worker->host;
    if (op->state == HOST_OP_DONE) { /* completed from within */
        return verdict == HOST_PENDING
                   ? checked(op)
                   : failed(op, "completed, and returned another answer after it");
    }
    if (verdict == HOST_PENDING) {
        if (!host_op_may_wait(h, op->ask)) {
            op->state = HOST_OP_DONE;
            return failed(op, host_blocks(h)
                                  ? "answered PENDING, which a plugin that blocks may not"
                                  : "answered PENDING, which a plugin without cancel may not");
        }
        op->state = HOST_OP_WAITING;
        op->worker->pending++;
        return HOST_PENDING;
    }
    op->verdict = verdict;
    memcpy(&op->answer, &op->lent, asks[op->ask].answer_size);
    return checked(op);
}

int host_op_ask(host_op *op, host_ask ask)
{
    const host *h = op->worker->host;
    host_op_begin(op, ask);
    return host_op_returned(op, asks[ask].call(h, op, host_blocks(h) ? NULL : op->worker->state));
}

/* ---- answers that outlast their plugin's turn ---- */

static cmp_condition *own_conditions(kit_arena *a, const cmp_variant *v)
{
    cmp_condition *own = kit_arena_calloc(a, v->condition_count, sizeof(*own));
    for (size_t i = 0; i < v->condition_count; i++) {
        own[i] = (cmp_condition){kit_arena_copy(a, v->conditions[i].name),
                                 kit_arena_copy(a, v->conditions[i].value)};
    }
    return own;
}

static cmp_variant *own_variants(kit_arena *a, const cmp_record *r)
{
    cmp_variant *own = kit_arena_calloc(a, r->variant_count, sizeof(*own));
    for (size_t i = 0; i < r->variant_count; i++) {
        own[i] = r->variants[i];
        own[i].content = kit_arena_copy(a, own[i].content);
        own[i].content_type = kit_arena_copy(a, own[i].content_type);
        own[i].conditions = own_conditions(a, &r->variants[i]);
    }
    return own;
}

/* The type of a transferred record was not looked at: it has no content. */
static void own_record(kit_arena *a, cmp_record *r)
{
    const bool transferred = r->transferred_to.at != NULL;
    r->content = kit_arena_copy(a, r->content);
    r->content_type = transferred ? CMP_NONE : kit_arena_copy(a, r->content_type);
    r->transferred_to = kit_arena_copy(a, r->transferred_to);
    r->variants = r->variant_count > 0 ? own_variants(a, r) : NULL;
}

static void own_verify(host_op *op)
{
    cmp_auth_answer *said = &op->answer.auth;
    const bool accepts = op->verdict == CMP_AUTH_ACCEPT;
    const bool names = accepts || op->verdict == CMP_AUTH_ABSTAIN;
    said->peer = names ? kit_arena_copy(&op->memory, said->peer) : CMP_NONE;
    said->credential = accepts ? kit_arena_copy(&op->memory, said->credential) : CMP_NONE;
}

static const cmp_pair *own_headers(kit_arena *a, const cmp_signature *s)
{
    if (s->header_count == 0) {
        return NULL;
    }
    cmp_pair *own = kit_arena_calloc(a, s->header_count, sizeof(*own));
    for (size_t i = 0; i < s->header_count; i++) {
        own[i] = (cmp_pair){kit_arena_copy(a, s->headers[i].name),
                            kit_arena_copy(a, s->headers[i].value)};
    }
    return own;
}

static void own_sign(host_op *op)
{
    cmp_signature *s = &op->answer.signature;
    if (op->verdict != CMP_SIGN_DONE) {
        clear(HOST_SIGN, &op->answer);
        return;
    }
    s->apikeyid = kit_arena_copy(&op->memory, s->apikeyid);
    s->headers = own_headers(&op->memory, s);
}

static void own_lookup(host_op *op)
{
    if (op->verdict == CMP_STORE_FOUND) {
        own_record(&op->memory, &op->answer.record);
    } else {
        clear(HOST_LOOKUP, &op->answer);
    }
}

static void own_route(host_op *op)
{
    kit_arena *a = &op->memory;
    cmp_route_answer *said = &op->answer.route;
    const bool forwards = op->verdict == CMP_ROUTE_FORWARD;
    const bool refers = op->verdict == CMP_ROUTE_REFERRAL;
    said->peer = forwards ? kit_arena_copy(a, said->peer) : CMP_NONE;
    said->addr = forwards || refers ? kit_arena_copy(a, said->addr) : CMP_NONE;
    said->prefix = refers ? kit_arena_copy(a, said->prefix) : CMP_NONE;
    if (op->verdict == CMP_ROUTE_ANSWER) {
        cmp_record *own = kit_arena_alloc(a, sizeof(*own));
        *own = *said->record;
        own_record(a, own);
        said->record = own;
    } else {
        said->record = NULL;
    }
}

void host_answer_own(host_op *op)
{
    switch (op->ask) {
    case HOST_VERIFY:
        own_verify(op);
        break;
    case HOST_SIGN:
        own_sign(op);
        break;
    case HOST_LOOKUP:
        own_lookup(op);
        break;
    case HOST_ROUTE:
        own_route(op);
        break;
    }
}

void host_op_cancel(host_op *op)
{
    host_worker *w = op->worker;
    op->state = HOST_OP_CANCELLED;
    cancel_of(w->host, op->ask)(w->host->instance, w->state, op->op, op->data);
}

/* ---- the plugin's side ---- */

/* NULL when the handle is stale, which is said. */
static host_op *find(const cmp_host *table, cmp_op op, const char *service)
{
    host *h = host_of(table);
    const host_worker *w = op.worker - 1 < HOST_WORKERS_MAX ? h->workers[op.worker - 1] : NULL;
    if (w == NULL || !pthread_equal(w->thread, pthread_self())) {
        h->misuse(h, service, "with a handle of no operation of this thread's");
        return NULL;
    }
    host_op *found = op.slot < w->op_count ? w->ops[op.slot] : NULL;
    if (found == NULL || found->op.generation != op.generation || op.generation == 0 ||
        found->state == HOST_OP_IDLE || found->state == HOST_OP_DONE) {
        h->misuse(h, service, "with the handle of an operation that is over");
        return NULL;
    }
    return found;
}

/* A verdict alone comes with an answer that says nothing, and so does what a plugin of an older
 * minor cannot say. */
static void take_answer(host_op *op, int verdict, const void *answer)
{
    const abi_layout *older = op->worker->host->older;
    op->verdict = verdict;
    clear(op->ask, &op->answer);
    if (answer != NULL) {
        memcpy(&op->answer, answer,
               older == NULL ? asks[op->ask].answer_size : older->size[asks[op->ask].answer]);
    }
}

/* `done` may give the operation back, or ask with another one. */
static void service_complete(const cmp_host *table, cmp_op handle, int verdict, const void *answer)
{
    host *h = host_of(table);
    host_op *op = find(table, handle, "complete");
    if (op == NULL) {
        return;
    }
    if (host_blocks(h)) {
        h->misuse(h, "complete", "in a plugin that blocks, which answers by returning");
        return;
    }
    take_answer(op, verdict, answer);
    if (op->state == HOST_OP_CALLING) {
        op->state = HOST_OP_DONE; /* it is looked at when the call returns */
        return;
    }
    op->worker->pending--;
    checked(op);
    op->done(op->arg, op);
}

static cmp_str service_param(const cmp_host *table, cmp_op handle, cmp_param param)
{
    const host_op *op = find(table, handle, "txn_param");
    return op != NULL && (unsigned)param < CMP_PARAM_MAX ? op->request->message.params[param]
                                                         : CMP_NONE;
}

static const cmp_pair *service_contextual(const cmp_host *table, cmp_op handle, size_t index)
{
    const host_op *op = find(table, handle, "txn_contextual");
    return op != NULL && index < op->request->message.contextual_count
               ? &op->request->message.contextual[index]
               : NULL;
}

static const uint8_t *service_source(const cmp_host *table, cmp_op handle)
{
    const host_op *op = find(table, handle, "txn_source");
    return op != NULL ? op->request->source : NULL;
}

static cmp_str service_listener(const cmp_host *table, cmp_op handle)
{
    const host_op *op = find(table, handle, "txn_listener");
    return op != NULL ? op->request->listener : CMP_NONE;
}

static cmp_interface service_interface(const cmp_host *table, cmp_op handle)
{
    const host_op *op = find(table, handle, "txn_interface");
    return op != NULL ? op->request->interface : CMP_INTERFACE_NONE;
}

static cmp_str service_peer(const cmp_host *table, cmp_op handle)
{
    const host_op *op = find(table, handle, "txn_peer");
    return op != NULL ? op->request->requestor : CMP_NONE;
}

static int64_t service_txn_now(const cmp_host *table, cmp_op handle)
{
    const host_op *op = find(table, handle, "txn_now_ms");
    return op != NULL ? op->request->now_ms : 0;
}

static cmp_str service_traceparent(const cmp_host *table, cmp_op handle)
{
    const host_op *op = find(table, handle, "txn_traceparent");
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
    const host_op *op = find(table, handle, "txn_header");
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
    const host_op *op = find(table, handle, "txn_certificate");
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
    host_op *op = find(table, handle, "txn_consume");
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
    const host_op *op = find(table, handle, "txn_alloc");
    if (op != NULL && size > CMP_ALLOC_MAX) {
        h->misuse(h, "txn_alloc", "for more than 16 MiB");
        return NULL;
    }
    return op != NULL ? kit_arena_alloc(op->request->memory, size) : NULL;
}

static void service_data(const cmp_host *table, cmp_op handle, void *data)
{
    host_op *op = find(table, handle, "op_data");
    if (op != NULL) {
        op->data = data;
    }
}

void host_op_services(cmp_host *table)
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
    table->op_data = service_data;
    table->complete = service_complete;
}
