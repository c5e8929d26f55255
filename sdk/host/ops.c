/* SPDX-License-Identifier: Apache-2.0 */
/* See ops.h: how an operation goes its way. */
#include "host/ops.h"

#include "plugin/abi_record.h"
#include "plugin/answer_check.h"

#include <cmp-kit/memory.h>

#include <stdio.h>
#include <stdlib.h>

/* ---- the four of them, a row each ---- */

static int call_verify(const host *h, host_op *op, void *state, host_answer *lent)
{
    return (int)h->plugin->ops.auth->verify(h->instance, state, op->op, &lent->auth);
}

static int call_sign(const host *h, host_op *op, void *state, host_answer *lent)
{
    return (int)h->plugin->ops.auth->sign(h->instance, state, &op->outgoing, op->op,
                                          &lent->signature);
}

static int call_lookup(const host *h, host_op *op, void *state, host_answer *lent)
{
    return (int)h->plugin->ops.store->lookup(h->instance, state,
                                             op->request->message.params[CMP_PARAM_ICI], op->op,
                                             &lent->record);
}

static int call_route(const host *h, host_op *op, void *state, host_answer *lent)
{
    return (int)h->plugin->ops.route->route(h->instance, state, op->reason, op->target, op->op,
                                            &lent->route);
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
    int (*call)(const host *h, host_op *op, void *state, host_answer *lent);
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
void host_answer_clear(host_ask ask, host_answer *answer)
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
    host_pieces_free(&op->pieces);
    kit_arena_reset(&op->memory);
    op->next_idle = op->worker->idle;
    op->worker->idle = op;
}

/* ---- what the plugin has of it ---- */

static void *add(host_pieces *p, void *piece)
{
    p->at = kit_realloc(p->at, (p->count + 1) * sizeof(void *));
    return p->at[p->count++] = piece;
}

void *host_op_alloc(host_op *op, size_t size)
{
    return op->worker->op_room == 0 ? add(&op->pieces, kit_alloc(size))
                                    : kit_arena_alloc(op->request->memory, size);
}

void host_pieces_free(host_pieces *p)
{
    for (size_t i = 0; i < p->count; i++) {
        free(p->at[i]);
    }
    free(p->at);
    *p = (host_pieces){.at = NULL};
}

void host_pieces_move(host_pieces *from, host_pieces *to)
{
    for (size_t i = 0; i < from->count; i++) {
        add(to, from->at[i]);
    }
    free(from->at);
    *from = (host_pieces){.at = NULL};
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
    return op->op;
}

static int failed(host_op *op, const char *wrong)
{
    host *h = op->worker->host;
    op->wrong = wrong;
    host_answer_clear(op->ask, &op->answer);
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

int host_op_returned(host_op *op, int verdict, const void *answer)
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
    if (answer != NULL) {
        memcpy(&op->answer, answer, asks[op->ask].answer_size);
    } else {
        host_answer_clear(op->ask, &op->answer);
    }
    return checked(op);
}

int host_op_ask(host_op *op, host_ask ask)
{
    /* Where memory can be watched it is malloc's own: who writes there when the call has returned,
     * as who answers later might, is found. */
    const host *h = op->worker->host;
    host_answer here, *lent = op->worker->op_room == 0 ? kit_alloc(sizeof(*lent)) : &here;
    host_answer_clear(ask, lent);
    host_op_begin(op, ask);
    int verdict = asks[ask].call(h, op, host_blocks(h) ? NULL : op->worker->state, lent);
    verdict = host_op_returned(op, verdict, lent);
    if (lent != &here) {
        free(lent);
    }
    return verdict;
}

void host_op_cancel(host_op *op)
{
    host_worker *w = op->worker;
    op->state = HOST_OP_CANCELLED;
    cancel_of(w->host, op->ask)(w->host->instance, w->state, op->op, op->data);
}

/* ---- the plugin's side ---- */

host_op *host_op_find(const cmp_host *table, cmp_op op, const char *service)
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
    host_answer_clear(op->ask, &op->answer);
    if (answer != NULL) {
        memcpy(&op->answer, answer,
               older == NULL ? asks[op->ask].answer_size : older->size[asks[op->ask].answer]);
    }
}

/* `done` may give the operation back, or ask with another one. */
static void service_complete(const cmp_host *table, cmp_op handle, int verdict, const void *answer)
{
    host *h = host_of(table);
    host_op *op = host_op_find(table, handle, "complete");
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

static void service_data(const cmp_host *table, cmp_op handle, void *data)
{
    host_op *op = host_op_find(table, handle, "op_data");
    if (op != NULL) {
        op->data = data;
    }
}

void host_op_services(cmp_host *table)
{
    table->op_data = service_data;
    table->complete = service_complete;
}
