/* SPDX-License-Identifier: Apache-2.0 */
/* Operations that tests ask for. Octets of an answer are poisoned when it ends, and what the host
 * lent for it is freed, parameters included: a plugin that goes on using them is found. */
#include "test/test.h"

#include "host/own.h"

#include <stdlib.h>

static const char *const kind_of[] = {
    [HOST_VERIFY] = "auth", [HOST_SIGN] = "auth", [HOST_LOOKUP] = "store", [HOST_ROUTE] = "route"};

/* What the plugin was shown is its operation's alone, though the request lives on in the test. */
static void show(cmp_test_op *o)
{
    mc_request *shown = kit_arena_alloc(&o->shown, sizeof(*shown));
    request_copy(shown, &o->txn->request, &o->shown);
    shown->listener = kit_arena_copy(&o->shown, shown->listener);
    shown->requestor = kit_arena_copy(&o->shown, shown->requestor);
    o->op->request = shown;
}

static void hide(cmp_test_op *o)
{
    if (o->op != NULL) {
        o->op->request = &o->op->own;
    }
    kit_arena_reset(&o->shown);
}

/* The test looks at it when the plugin's turn is over; but the request may end before the plugin's
 * function returns, and so does what it was shown of it, and what it had of txn_alloc. */
static void on_done(void *arg, host_op *op)
{
    host_answer_own(op);
    cmp_test_op *o = arg;
    o->verdict = op->verdict;
    o->txn->consumed = op->consumed;
    host_pieces_free(&op->pieces);
    hide(o);
}

static cmp_test_op *make(cmp_test *t, cmp_test_txn *x)
{
    if (t->worker == NULL) {
        test_die("no instance is open");
    }
    cmp_test_op *o = kit_calloc(1, sizeof(*o));
    *o = (cmp_test_op){.test = t,
                       .op = host_op_take(t->worker),
                       .txn = x != NULL ? x : cmp_test_txn_create(t),
                       .own_txn = x == NULL};
    kit_arena_init(&o->shown, NULL, 0);
    o->op->done = on_done;
    o->op->arg = o;
    TAILQ_INSERT_TAIL(&t->ops, o, entry);
    t->op_count++;
    return o;
}

static cmp_test_op *ask(cmp_test_op *o, host_ask what)
{
    cmp_test *t = o->test;
    if (strcmp(plugin_kind_name(t->host->plugin->kind), kind_of[what]) != 0) {
        test_die("the plugin is no %s plugin", kind_of[what]);
    }
    if (what == HOST_SIGN && t->host->plugin->ops.auth->sign == NULL) {
        test_die("the plugin has no sign");
    }
    show(o);
    o->verdict = host_op_ask(o->op, what);
    o->txn->consumed = o->op->consumed;
    t->turn_asked |= what == HOST_LOOKUP && o->verdict == HOST_PENDING;
    test_settle(t);
    return o;
}

cmp_test_op *cmp_test_verify(cmp_test *t, cmp_test_txn *x)
{
    return ask(make(t, x), HOST_VERIFY);
}

static cmp_str own(cmp_test_op *o, const char *text)
{
    return kit_arena_copy(&o->shown, cmp_str_from(text));
}

cmp_test_op *cmp_test_sign(cmp_test *t, const char *peer, const char *tid, const char *ici)
{
    cmp_test_op *o = make(t, NULL);
    o->op->outgoing = (cmp_outgoing){.peer = own(o, peer), .tid = own(o, tid), .ici = own(o, ici)};
    return ask(o, HOST_SIGN);
}

cmp_test_op *cmp_test_lookup(cmp_test *t, const char *ici, cmp_test_txn *x)
{
    cmp_test_op *o = make(t, x);
    cmp_test_param(o->txn, CMP_PARAM_ICI, ici);
    return ask(o, HOST_LOOKUP);
}

cmp_test_op *cmp_test_route(cmp_test *t, cmp_route_reason reason, const char *target,
                            cmp_test_txn *x)
{
    cmp_test_op *o = make(t, x);
    o->op->reason = reason;
    o->op->target = own(o, target);
    return ask(o, HOST_ROUTE);
}

int cmp_test_verdict(const cmp_test_op *op)
{
    return op->verdict;
}

static const host_answer *answer_of(const cmp_test_op *o, host_ask what)
{
    if (o->op == NULL) {
        test_die("%s: the answer went with its worker", host_ask_name(what));
    }
    if (o->op->ask != what) {
        test_die("a %s has no answer of a %s", host_ask_name(o->op->ask), host_ask_name(what));
    }
    if (o->verdict == HOST_PENDING) {
        test_die("%s: the answer is pending", host_ask_name(what));
    }
    return &o->op->answer;
}

const cmp_auth_answer *cmp_test_auth(const cmp_test_op *op)
{
    return &answer_of(op, HOST_VERIFY)->auth;
}

const cmp_signature *cmp_test_signature(const cmp_test_op *op)
{
    return &answer_of(op, HOST_SIGN)->signature;
}

const cmp_record *cmp_test_record(const cmp_test_op *op)
{
    return &answer_of(op, HOST_LOOKUP)->record;
}

const cmp_route_answer *cmp_test_routed(const cmp_test_op *op)
{
    return &answer_of(op, HOST_ROUTE)->route;
}

void cmp_test_cancel(cmp_test_op *op)
{
    if (op->op == NULL || op->op->state != HOST_OP_WAITING) {
        test_die("cancel: the operation is not pending");
    }
    host_op_cancel(op->op);
    test_settle(op->test);
}

void cmp_test_end(cmp_test_op **ref)
{
    cmp_test_op *o = *ref;
    *ref = NULL;
    if (o == NULL) {
        return;
    }
    if (o->op != NULL && o->op->state != HOST_OP_DONE) {
        test_die("%s: the operation is pending at its end", host_ask_name(o->op->ask));
    }
    if (o->op != NULL) {
        memset(&o->op->answer, 0xAA, sizeof(o->op->answer));
        host_pieces_move(&o->op->pieces, &o->txn->pieces); /* whose request goes on, perhaps */
        host_op_give(o->op);
    }
    kit_arena_reset(&o->shown);
    if (o->own_txn) {
        cmp_test_txn_destroy(&o->txn);
    }
    TAILQ_REMOVE(&o->test->ops, o, entry);
    o->test->op_count--;
    free(o);
}

cmp_op cmp_test_handle(const cmp_test_op *op)
{
    return op->op != NULL ? op->op->op : CMP_OP_NONE;
}

cmp_test_op *cmp_test_begin(cmp_test *t, cmp_plugin_kind kind, cmp_test_txn *x)
{
    static const host_ask asks[] = {[CMP_PLUGIN_AUTH] = HOST_VERIFY,
                                    [CMP_PLUGIN_STORE] = HOST_LOOKUP,
                                    [CMP_PLUGIN_ROUTE] = HOST_ROUTE};
    cmp_test_op *o = make(t, x);
    show(o);
    host_op_begin(o->op, asks[kind]);
    return o;
}

void cmp_test_returned(cmp_test_op *op, int verdict, const void *answer)
{
    op->verdict = host_op_returned(op->op, verdict, answer);
    op->txn->consumed = op->op->consumed;
    test_settle(op->test);
}
