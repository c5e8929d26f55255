/* Calls into plugins, completions, and the pool; between the steps and the plugins' vtables. */
#include "pipeline/ask.h"

#include "base/log_limit.h"
#include "pipeline/pipeline.h"

#include <stdatomic.h>
#include <stdlib.h>

/* PENDING is the first of all three kinds of verdict. */
#define PENDING 0
_Static_assert(CMP_AUTH_PENDING == PENDING, "auth verdicts begin with PENDING");
_Static_assert(CMP_STORE_PENDING == PENDING, "store verdicts begin with PENDING");
_Static_assert(CMP_ROUTE_PENDING == PENDING, "route verdicts begin with PENDING");

/* One operation of a plugin that blocks. The pool thread works on the copy only. */
struct ask_job {
    cmp_txn *asker; /* NULL: abandoned */
    cmp_txn *copy;
    instance *instance;
    _Atomic bool abandoned; /* nobody waits: need not be begun any more */
    int verdict;
};

static log_limit bad_answers = {
    .level = CMP_LOG_ERROR,
    .what = "bad answers",
    .each = LOG_EACH_FEW,
    .all = LOG_ALL_TOGETHER,
};

static cmp_txn *txn_of(cmp_op *op)
{
    return H2O_STRUCT_FROM_MEMBER(cmp_txn, ask, (ask *)op);
}

static bool record_complete(const cmp_record *record)
{
    return record->content.size > 0 || record->transferred_to.size > 0;
}

static int unavailable(const instance *i)
{
    switch (i->plugin->kind) {
    case CMP_PLUGIN_AUTH:
        return CMP_AUTH_UNAVAILABLE;
    case CMP_PLUGIN_STORE:
        return CMP_STORE_UNAVAILABLE;
    case CMP_PLUGIN_ROUTE:
        break;
    }
    return CMP_ROUTE_UNAVAILABLE;
}

/* Calls the plugin's function; the only place that knows the three vtables. */
static int call(instance *i, void *worker_state, cmp_txn *t, ask *a)
{
    switch (i->plugin->kind) {
    case CMP_PLUGIN_AUTH:
        return (int)i->plugin->ops.auth->verify(i->self, worker_state, t, &a->op, &a->answer.auth);
    case CMP_PLUGIN_STORE:
        a->answer.record = CMP_RECORD_INIT;
        return (int)i->plugin->ops.store->lookup(i->self, worker_state, t,
                                                 t->message.params[CMP_PARAM_ICI], &a->op,
                                                 &a->answer.record);
    case CMP_PLUGIN_ROUTE:
        break;
    }
    a->answer.route.record = CMP_RECORD_INIT;
    return (int)i->plugin->ops.route->route(i->self, worker_state, t, t->reason, t->target, &a->op,
                                            &a->answer.route);
}

typedef void (*cancel_fn)(void *instance, void *worker, cmp_op *op);

static cancel_fn cancel_of(const instance *i)
{
    switch (i->plugin->kind) {
    case CMP_PLUGIN_AUTH:
        return i->plugin->ops.auth->cancel;
    case CMP_PLUGIN_STORE:
        return i->plugin->ops.store->cancel;
    case CMP_PLUGIN_ROUTE:
        break;
    }
    return i->plugin->ops.route->cancel;
}

/* What a plugin answers is checked once, here: nothing behind this looks at an answer that lacks
 * what its verdict promises. */
static bool answer_good(const instance *i, int verdict, const ask *a)
{
    const cmp_route_answer *route = &a->answer.route;
    switch (i->plugin->kind) {
    case CMP_PLUGIN_AUTH:
        return verdict > PENDING && verdict <= CMP_AUTH_UNAVAILABLE &&
               (verdict != CMP_AUTH_ACCEPT || a->answer.auth.peer.at != NULL);
    case CMP_PLUGIN_STORE:
        return verdict > PENDING && verdict <= CMP_STORE_UNAVAILABLE &&
               (verdict != CMP_STORE_FOUND || record_complete(&a->answer.record));
    case CMP_PLUGIN_ROUTE:
        break;
    }
    return verdict > PENDING && verdict <= CMP_ROUTE_ANSWER &&
           (verdict != CMP_ROUTE_REFERRAL || route->addr.size > 0) &&
           (verdict != CMP_ROUTE_ANSWER || record_complete(&route->record));
}

static int checked(const instance *i, int verdict, const ask *a)
{
    if (answer_good(i, verdict, a)) {
        return verdict;
    }
    log_limited(&bad_answers, cmp_str_from(i->name), "lacks", NULL, 0,
                "plugin %s gave an answer that lacks something (verdict %d)", i->plugin->name,
                verdict);
    return unavailable(i);
}

static void job_work(void *arg)
{
    ask_job *job = arg;
    if (atomic_load_explicit(&job->abandoned, memory_order_relaxed)) {
        job->verdict = unavailable(job->instance);
        return;
    }
    memset(&job->copy->ask, 0, sizeof(job->copy->ask));
    job->verdict = call(job->instance, NULL, job->copy, &job->copy->ask);
}

static void job_done(void *arg)
{
    ask_job *job = arg;
    if (job->verdict == PENDING) {
        log_limited(&bad_answers, cmp_str_from(job->instance->name), "pending", NULL, 0,
                    "answered PENDING, which a plugin that blocks may not");
        job->verdict = unavailable(job->instance);
    }
    if (job->asker != NULL) {
        job->asker->ask.job = NULL;
        /* What the answer points to lies in the copy's memory: it lives until this has returned. */
        ask_complete(&job->asker->ask.op, job->verdict, &job->copy->ask.answer);
    }
    txn_discard(job->copy);
    free(job);
}

static int ask_offload(cmp_txn *t, instance *i)
{
    txn_keep(t);
    ask_job *job = kit_alloc(sizeof(*job));
    *job = (ask_job){.asker = t, .copy = txn_snapshot(t), .instance = i};
    if (!pool_submit(t->worker->process->pool, &i->pool_share, t->worker->loop, job_work, job_done,
                     job)) {
        txn_discard(job->copy);
        free(job);
        return unavailable(i);
    }
    t->ask.job = job;
    t->ask.state = ASK_WAITING;
    return PENDING;
}

static int ask_direct(cmp_txn *t, instance *i)
{
    ask *a = &t->ask;
    const bool may_wait = cancel_of(i) != NULL;
    if (may_wait) {
        txn_keep(t);
    }
    a->state = ASK_CALLING;
    const int verdict = call(i, i->worker_state[t->worker->index], t, a);
    if (verdict != PENDING) {
        a->state = ASK_IDLE;
        return checked(i, verdict, a);
    }
    if (a->state == ASK_DONE) { /* completed from within the call */
        a->state = ASK_IDLE;
        return checked(i, a->verdict, a);
    }
    if (!may_wait) {
        log_limited(&bad_answers, cmp_str_from(i->name), "pending", NULL, 0,
                    "answered PENDING, which a plugin without cancel may not");
        a->state = ASK_IDLE;
        return unavailable(i);
    }
    a->state = ASK_WAITING;
    return PENDING;
}

static int ask_any(cmp_txn *t, instance *i)
{
    ask *a = &t->ask;
    if (a->state == ASK_DONE) {
        a->state = ASK_IDLE;
        return checked(i, a->verdict, a);
    }
    a->instance = i;
    return instance_blocks(i) ? ask_offload(t, i) : ask_direct(t, i);
}

cmp_auth_verdict ask_auth(cmp_txn *t, instance *i)
{
    if (t->ask.state == ASK_IDLE) {
        memset(&t->ask.answer.auth, 0, sizeof(t->ask.answer.auth));
    }
    return (cmp_auth_verdict)ask_any(t, i);
}

cmp_store_verdict ask_store(cmp_txn *t, instance *i)
{
    const cmp_store_verdict verdict = (cmp_store_verdict)ask_any(t, i);
    if (verdict == CMP_STORE_PENDING) {
        t->worker->store_pending[t->chain_at] = true;
        t->worker->any_pending = true;
    }
    return verdict;
}

cmp_route_verdict ask_route(cmp_txn *t, instance *i)
{
    if (t->ask.state == ASK_IDLE) {
        memset(&t->ask.answer.route, 0, sizeof(t->ask.answer.route));
    }
    return (cmp_route_verdict)ask_any(t, i);
}

void ask_abandon(cmp_txn *t)
{
    ask *a = &t->ask;
    if (a->state == ASK_DONE) {
        a->state = ASK_IDLE;
    } else if (a->state == ASK_WAITING && a->job != NULL) {
        a->job->asker = NULL;
        atomic_store_explicit(&a->job->abandoned, true, memory_order_relaxed);
        a->job = NULL;
        a->state = ASK_IDLE;
    } else if (a->state == ASK_WAITING) {
        a->state = ASK_ABANDONED;
        cancel_of(a->instance)(a->instance->self, a->instance->worker_state[t->worker->index],
                               &a->op);
    }
}

static void answer_take(ask *a, int verdict, const void *answer)
{
    a->verdict = verdict;
    if (answer == NULL) {
        return;
    }
    switch (a->instance->plugin->kind) {
    case CMP_PLUGIN_AUTH:
        a->answer.auth = *(const cmp_auth_answer *)answer;
        break;
    case CMP_PLUGIN_STORE:
        a->answer.record = *(const cmp_record *)answer;
        break;
    case CMP_PLUGIN_ROUTE:
        a->answer.route = *(const cmp_route_answer *)answer;
        break;
    }
}

void ask_complete(cmp_op *op, int verdict, const void *answer)
{
    cmp_txn *t = txn_of(op);
    ask *a = &t->ask;
    switch (a->state) {
    case ASK_CALLING:
        answer_take(a, verdict, answer);
        a->state = ASK_DONE;
        break;
    case ASK_WAITING:
        answer_take(a, verdict, answer);
        a->state = ASK_DONE;
        pipeline_run(t);
        break;
    case ASK_ABANDONED:
        a->state = ASK_IDLE;
        txn_close_if_done(t);
        break;
    case ASK_IDLE:
    case ASK_DONE:
        log_limited(&bad_answers, cmp_str_from(a->instance != NULL ? a->instance->name : "plugin"),
                    "twice", NULL, 0, "completed an operation twice; ignored");
        break;
    }
}
