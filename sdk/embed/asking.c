/* SPDX-License-Identifier: Apache-2.0 */
/* Questions, for who waits and for who does not. One that answers at once costs no call of the
 * kernel and no memory, once its worker has asked as many at a time before. */
#include "embed/embed.h"

#include "base/clock.h"
#include "host/own.h"

#include <poll.h>
#include <stdlib.h>

typedef void (*run_fn)(void *arg, cmp_embed_answer *answer);

/* ---- before and after ---- */

static void give_last(cmp_embed_worker *w)
{
    if (w->last != NULL) {
        host_op_give(w->last);
        w->last = NULL;
    }
}

/* The answer before this one has had its time, and so have the timers that are due. */
static host_op *take(cmp_embed_worker *w)
{
    cmp_loop *l = &w->worker.loop;
    host_loop_sweep(l); /* who asks only without waiting never polls */
    host_loop_run_posted(l);
    if (l->timer_count > 0) {
        const int64_t now_ms = (int64_t)clock_monotonic_ms();
        while (host_loop_fire(l, now_ms)) {
        }
    }
    give_last(w);
    return host_op_take(&w->worker);
}

static bool of_kind(const cmp_embed_worker *w, host_ask ask)
{
    static const cmp_plugin_kind kinds[] = {[HOST_VERIFY] = CMP_PLUGIN_AUTH,
                                            [HOST_SIGN] = CMP_PLUGIN_AUTH,
                                            [HOST_LOOKUP] = CMP_PLUGIN_STORE,
                                            [HOST_ROUTE] = CMP_PLUGIN_ROUTE};
    const cmp_plugin *plugin = w->worker.host->plugin;
    return plugin->kind == kinds[ask] && (ask != HOST_SIGN || plugin->ops.auth->sign != NULL);
}

/* What it borrows has to last as long as the plugin may look at it. */
static int ask(host_op *op, host_ask what)
{
    const host *h = op->worker->host;
    if (host_op_may_wait(h, what)) {
        request_own(&op->own);
        op->own.listener = kit_arena_copy(&op->memory, op->own.listener);
        op->own.requestor = kit_arena_copy(&op->memory, op->own.requestor);
        op->target = kit_arena_copy(&op->memory, op->target);
        op->outgoing = (cmp_outgoing){.peer = kit_arena_copy(&op->memory, op->outgoing.peer),
                                      .tid = kit_arena_copy(&op->memory, op->outgoing.tid),
                                      .ici = kit_arena_copy(&op->memory, op->outgoing.ici)};
    }
    return host_op_ask(op, what);
}

void embed_turn_end(cmp_embed_worker *w)
{
    const host *h = w->worker.host;
    if (w->lookups && h->plugin->ops.store->turn_end != NULL) {
        h->plugin->ops.store->turn_end(h->instance, w->worker.state);
    }
    w->lookups = false;
}

static void on_abandoned(void *arg, host_op *op)
{
    (void)arg;
    host_op_give(op);
}

static void abandon(host_op *op)
{
    op->done = on_abandoned;
    host_op_cancel(op);
}

/* ---- waiting ---- */

/* Who waits looks at it when the turn is over: the plugin may have freed it by then. */
static void on_settled(void *arg, host_op *op)
{
    host_answer_own(op);
    *(bool *)arg = true;
}

/* On the control thread its loop goes on, too: the plugin may wait for what comes in there. */
static void wait_turn(cmp_embed_worker *w, int wait_ms)
{
    cmp_loop *own = &w->worker.loop, *control = &w->embed->host.control;
    if (!pthread_equal(w->embed->control, pthread_self())) {
        host_loop_turn(own, wait_ms);
        return;
    }
    struct pollfd both[] = {{.fd = own->epoll_fd, .events = POLLIN},
                            {.fd = control->epoll_fd, .events = POLLIN}};
    poll(both, 2, host_loop_wait_ms(own, host_loop_wait_ms(control, wait_ms)));
    host_loop_turn(control, 0);
    host_loop_turn(own, 0);
}

/* False when the time is over: then the operation is not ours any more. */
static bool wait_for(cmp_embed_worker *w, host_op *op)
{
    const uint64_t end_ms = clock_monotonic_ms() + w->embed->settings.timeout_ms;
    bool settled = false;
    op->done = on_settled;
    op->arg = &settled;
    embed_turn_end(w);
    for (uint64_t now_ms; !settled && (now_ms = clock_monotonic_ms()) < end_ms;) {
        wait_turn(w, (int)(end_ms - now_ms < 60000 ? end_ms - now_ms : 60000));
        embed_turn_end(w);
    }
    if (!settled) {
        abandon(op);
    }
    return settled;
}

/* Asks and waits; the operation is kept for who looks at the answer. */
static int ask_now(cmp_embed_worker *w, host_op *op, host_ask what, cmp_embed_answer *full,
                   cmp_embed_answer *answer)
{
    const bool pending = ask(op, what) == HOST_PENDING;
    w->lookups |= pending && what == HOST_LOOKUP;
    const bool answered = !pending || wait_for(w, op);
    give_last(w); /* of a call from within a callback, while this one waited */
    w->last = answered ? op : NULL;
    embed_answer(w->embed, w->last, what, full);
    embed_hand_over(full, answer);
    return full->status;
}

static int refused(cmp_embed_worker *w, host_op *op, const cmp_embed_answer *full,
                   cmp_embed_answer *answer)
{
    w->last = op;
    op->state = HOST_OP_DONE;
    embed_hand_over(full, answer);
    return full->status;
}

/* The plugin cannot be asked that. */
static void wrong_kind(host_ask what, cmp_embed_answer *full)
{
    *full = (cmp_embed_answer){.size = sizeof(*full),
                               .status = 500,
                               .code = "internal_error",
                               .reason = what == HOST_SIGN ? "the plugin does not sign"
                                                           : "the plugin is of another kind"};
}

/* ---- not waiting ---- */

/* The answer is looked at in `run` alone. */
static void answer_later(cmp_embed_worker *w, host_op *op, host_ask what, run_fn run, void *arg)
{
    cmp_embed_answer full = CMP_EMBED_ANSWER;
    embed_answer(w->embed, op, what, &full);
    run(arg, &full);
    if (op != NULL) {
        host_op_give(op);
    }
}

static void call_end(cmp_embed_call *c)
{
    if (c->deadline != NULL) {
        c->worker->worker.host->table.timer_stop(c->deadline);
    }
    TAILQ_REMOVE(&c->worker->calls, c, entry);
    free(c);
}

static void on_done(void *arg, host_op *op)
{
    cmp_embed_call *c = arg;
    const cmp_embed_call ended = *c;
    call_end(c);
    answer_later(ended.worker, op, op->ask, ended.run, ended.arg);
}

/* In this order: a plugin may complete from within cancel. */
void embed_give_up(cmp_embed_call *c)
{
    const cmp_embed_call ended = *c;
    const host_ask what = c->op->ask;
    call_end(c);
    abandon(ended.op);
    answer_later(ended.worker, NULL, what, ended.run, ended.arg);
}

static void on_deadline(void *arg)
{
    cmp_embed_call *c = arg;
    c->deadline = NULL;
    embed_give_up(c);
}

void cmp_embed_cancel(cmp_embed_call *call)
{
    host_op *op = call->op;
    call_end(call);
    abandon(op);
}

static cmp_embed_call *ask_later(cmp_embed_worker *w, host_op *op, host_ask what, run_fn run,
                                 void *arg)
{
    if (ask(op, what) != HOST_PENDING) {
        answer_later(w, op, what, run, arg);
        return NULL;
    }
    cmp_embed_call *c = kit_alloc(sizeof(*c));
    *c = (cmp_embed_call){.worker = w, .op = op, .run = run, .arg = arg};
    c->deadline = w->worker.host->table.timer_start(&w->worker.loop, w->embed->settings.timeout_ms,
                                                    on_deadline, c);
    TAILQ_INSERT_TAIL(&w->calls, c, entry);
    op->done = on_done;
    op->arg = c;
    w->lookups |= what == HOST_LOOKUP;
    return c;
}

/* ---- the questions ---- */

typedef struct question {
    host_ask what;
    const cmp_embed_request *request;
    const cmp_outgoing *outgoing;
    cmp_str ici, target;
    cmp_route_reason reason;
} question;

/* Whether the plugin can be asked that; otherwise the answer says why not. */
static bool ready(cmp_embed_worker *w, host_op *op, const question *q, cmp_embed_answer *full)
{
    *full = CMP_EMBED_ANSWER;
    if (!of_kind(w, q->what)) {
        wrong_kind(q->what, full);
        return false;
    }
    if (q->what == HOST_SIGN) {
        op->outgoing = *q->outgoing;
    } else if (!embed_read(op, q->request, full)) {
        return false;
    }
    if (q->what == HOST_LOOKUP) {
        op->own.message.params[CMP_PARAM_ICI] = q->ici;
    }
    op->target = q->target;
    op->reason = q->reason;
    return embed_bounded(op, q->what, full);
}

static host_op *prepare(cmp_embed_worker *w, const question *q, cmp_embed_answer *full, bool *good)
{
    host_op *op = take(w);
    *good = ready(w, op, q, full);
    return op;
}

static int now(cmp_embed_worker *w, const question *q, cmp_embed_answer *answer)
{
    cmp_embed_answer full;
    bool good;
    host_op *op = prepare(w, q, &full, &good);
    return good ? ask_now(w, op, q->what, &full, answer) : refused(w, op, &full, answer);
}

static cmp_embed_call *later(cmp_embed_worker *w, const question *q, run_fn run, void *arg)
{
    cmp_embed_answer full;
    bool good;
    host_op *op = prepare(w, q, &full, &good);
    if (good) {
        return ask_later(w, op, q->what, run, arg);
    }
    run(arg, &full);
    host_op_give(op);
    return NULL;
}

int cmp_embed_verify(cmp_embed_worker *w, const cmp_embed_request *request,
                     cmp_embed_answer *answer)
{
    return now(w, &(question){.what = HOST_VERIFY, .request = request}, answer);
}

int cmp_embed_sign(cmp_embed_worker *w, const cmp_outgoing *outgoing, cmp_embed_answer *answer)
{
    return now(w, &(question){.what = HOST_SIGN, .outgoing = outgoing}, answer);
}

int cmp_embed_lookup(cmp_embed_worker *w, cmp_str ici, const cmp_embed_request *request,
                     cmp_embed_answer *answer)
{
    return now(w, &(question){.what = HOST_LOOKUP, .request = request, .ici = ici}, answer);
}

int cmp_embed_route(cmp_embed_worker *w, cmp_route_reason reason, cmp_str target,
                    const cmp_embed_request *request, cmp_embed_answer *answer)
{
    return now(
        w, &(question){.what = HOST_ROUTE, .request = request, .target = target, .reason = reason},
        answer);
}

cmp_embed_call *cmp_embed_verify_later(cmp_embed_worker *w, const cmp_embed_request *request,
                                       run_fn run, void *arg)
{
    return later(w, &(question){.what = HOST_VERIFY, .request = request}, run, arg);
}

cmp_embed_call *cmp_embed_sign_later(cmp_embed_worker *w, const cmp_outgoing *outgoing, run_fn run,
                                     void *arg)
{
    return later(w, &(question){.what = HOST_SIGN, .outgoing = outgoing}, run, arg);
}

cmp_embed_call *cmp_embed_lookup_later(cmp_embed_worker *w, cmp_str ici,
                                       const cmp_embed_request *request, run_fn run, void *arg)
{
    return later(w, &(question){.what = HOST_LOOKUP, .request = request, .ici = ici}, run, arg);
}

cmp_embed_call *cmp_embed_route_later(cmp_embed_worker *w, cmp_route_reason reason, cmp_str target,
                                      const cmp_embed_request *request, run_fn run, void *arg)
{
    return later(
        w, &(question){.what = HOST_ROUTE, .request = request, .target = target, .reason = reason},
        run, arg);
}
