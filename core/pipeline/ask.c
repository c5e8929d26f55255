/* SPDX-License-Identifier: Apache-2.0 */
/* Calls into plugins, completions, and the pool; between the steps and the plugins' vtables. */
#include "pipeline/ask.h"

#include "observe/counters.h"
#include "pipeline/said.h"
#include "pipeline/unanswered.h"

#include <cmp-kit/memory.h>

#include <stdatomic.h>
#include <stdlib.h>

#define PENDING OPERATION_PENDING

/* One operation of a plugin that blocks. The pool thread works on `copy`, `request` and their
 * memory only. */
struct ask_job {
    desk *desk;
    ask *ask;               /* NULL: abandoned */
    _Atomic bool abandoned; /* nobody waits: need not be begun any more */
    mc_request request;
    ask copy;
    kit_arena memory;
};

/* ---- asking ---- */

/* The plugin has failed: whatever it has said, nothing of it is looked at. */
static int failed(ask *a, const char *wrong)
{
    if (wrong != NULL) {
        said_wrong(a->instance, running_words[a->what->function], wrong);
        a->wrong = true;
    }
    a->what->begin(&a->answer);
    return a->what->unavailable;
}

static int call(const ask *a, void *worker_state, operation_answer *answer)
{
    const uintptr_t before = instance_enter(a->instance, a->what->function);
    const int verdict = a->what->call(a->instance, worker_state, a->op, &a->subject, answer);
    running_leave(before);
    return verdict;
}

/* What an answer points to is read as the plugin's own doing: where it points nowhere, the last
 * words name who said so. */
static bool look(ask *a, int verdict, char *wrong)
{
    const abi_layout *older = a->instance->older;
    const uintptr_t before = instance_enter(a->instance, a->what->function);
    if (older != NULL && a->what->adopt != NULL) {
        a->what->adopt(verdict, older, a->request->memory, &a->answer);
    }
    const bool good = said_answer(a->what, verdict, &a->answer, wrong);
    running_leave(before);
    return good;
}

/* PENDING comes here only where nobody may wait. */
static int checked(ask *a, int verdict)
{
    char wrong[SAID_FAULT_MAX];
    if (verdict == PENDING) {
        return failed(a, instance_blocks(a->instance)
                             ? "answered PENDING, which a plugin that blocks may not"
                             : "answered PENDING, which a plugin without cancel may not");
    }
    if (!look(a, verdict, wrong)) {
        return failed(a, wrong);
    }
    counter_add(a->instance->figures.answers[a->what->function - RUNNING_VERIFY][verdict], 1);
    return verdict;
}

/* On the pool's thread. What it reads of `abandoned` only saves work: whether somebody still waits
 * is decided by job->ask, on the worker's thread. The worker's state is not passed either: it has
 * no lock. */
static void on_job_work(void *arg)
{
    ask_job *job = arg;
    ask *a = &job->copy;
    if (atomic_load_explicit(&job->abandoned, memory_order_relaxed)) {
        a->verdict = a->what->unavailable;
        return;
    }
    desk_lend_thread(a);
    a->state = ASK_CALLING;
    a->verdict = call(a, NULL, &a->answer);
    desk_lend_thread(NULL);
}

/* Back on the worker's thread. */
static void on_job_done(void *arg)
{
    ask_job *job = arg;
    job->desk->jobs--;
    unanswered_end(job->desk, &job->copy);
    if (job->ask != NULL) {
        job->ask->job = NULL;
        job->ask->consumed = job->copy.consumed;
        /* What the answer points to lies in the job's memory: it lives until this has returned. */
        ask_complete(job->ask, job->copy.verdict, &job->copy.answer);
    }
    kit_arena_reset(&job->memory);
    free(job);
}

static int ask_offload(ask *a)
{
    desk *d = a->asker->desk;
    ask_job *job = kit_calloc(1, sizeof(*job));
    kit_arena_init(&job->memory, NULL, 0);
    job->desk = d;
    job->ask = a;
    /* All is copied: the transaction, and with it what h2o lends, may end while the thread
     * works. */
    request_copy(&job->request, a->asker->request, &job->memory);
    job->copy = (ask){.what = a->what,
                      .instance = a->instance,
                      .request = &job->request,
                      .subject = a->subject};
    desk_name_job(d, &job->copy);
    a->what->own(&job->copy.subject, &job->memory);
    a->what->begin(&job->copy.answer);
    if (!pool_submit(d->pool, &a->instance->pool_share, d->loop, on_job_work, on_job_done, job)) {
        kit_arena_reset(&job->memory);
        free(job);
        return failed(a, NULL);
    }
    d->jobs++;
    counter_add(a->instance->figures.calls, 1);
    unanswered_begin(d, &job->copy);
    a->job = job;
    a->state = ASK_WAITING;
    return PENDING;
}

static int ask_direct(ask *a)
{
    asker *who = a->asker;
    if (unanswered_too_many(who->desk, a)) {
        return failed(a, NULL);
    }
    a->state = ASK_CALLING;
    counter_add(a->instance->figures.calls, 1);
    a->what->begin(&a->lent);
    int verdict = call(a, a->instance->worker_state[who->desk->worker], &a->lent);
    if (a->state == ASK_DONE) { /* completed from within the call */
        if (verdict != PENDING) {
            said_wrong(a->instance, running_words[a->what->function],
                       "completed, and returned another answer after it");
        }
        a->state = ASK_IDLE;
        return checked(a, a->verdict);
    }
    /* A request is kept for plugins that can cancel only, so that the others cost no copy. Theirs
     * must not wait. */
    if (verdict == PENDING && a->what->cancel(a->instance) != NULL) {
        unanswered_begin(who->desk, a);
        a->state = ASK_WAITING;
        return PENDING;
    }
    a->state = ASK_IDLE;
    memcpy(&a->answer, &a->lent, a->what->answer_size);
    return checked(a, verdict);
}

/* The asker's operation, idle, or done already. What may wait owns what it is asked for: so the
 * subject is read from the request after this, not before. */
static ask *ask_prepare(asker *who, instance *i, const operation *what)
{
    if (who->ask == NULL) {
        who->ask = desk_take(who->desk);
        who->ask->asker = who;
        who->ask->request = who->request;
        who->ask->together = who->together;
    }
    ask *a = who->ask;
    if (a->state != ASK_DONE) {
        desk_renew(who->desk, a);
        a->wrong = false;
        a->what = what;
        a->instance = i;
        if (instance_blocks(i) || what->cancel(i) != NULL) {
            who->ops->keep(who);
        }
    }
    return a;
}

static int ask_go(ask *a)
{
    if (a->state == ASK_DONE) {
        a->state = ASK_IDLE;
        return checked(a, a->verdict);
    }
    return instance_blocks(a->instance) ? ask_offload(a) : ask_direct(a);
}

cmp_auth_verdict ask_verify(asker *who, instance *i, const cmp_auth_answer **answer)
{
    ask *a = ask_prepare(who, i, &operation_verify);
    *answer = &a->answer.auth;
    const cmp_auth_verdict verdict = (cmp_auth_verdict)ask_go(a);
    if (verdict == CMP_AUTH_ACCEPT && a->consumed != 0) {
        request_drop(who->request, a->consumed);
    }
    return verdict;
}

cmp_sign_verdict ask_sign(asker *who, instance *i, const cmp_outgoing *outgoing,
                          const cmp_signature **signature)
{
    ask *a = ask_prepare(who, i, &operation_sign);
    a->subject.outgoing = *outgoing;
    *signature = &a->answer.signature;
    return (cmp_sign_verdict)ask_go(a);
}

cmp_store_verdict ask_lookup(asker *who, instance *i, const cmp_record **record)
{
    ask *a = ask_prepare(who, i, &operation_lookup);
    a->subject.ici = who->request->message.params[CMP_PARAM_ICI];
    *record = &a->answer.record;
    return (cmp_store_verdict)ask_go(a);
}

cmp_route_verdict ask_route(asker *who, instance *i, cmp_route_reason reason, const cmp_str *target,
                            const cmp_route_answer **answer)
{
    ask *a = ask_prepare(who, i, &operation_route);
    a->subject.route.reason = reason;
    a->subject.route.target = *target;
    *answer = &a->answer.route;
    return (cmp_route_verdict)ask_go(a);
}

bool ask_went_wrong(const asker *who)
{
    return who->ask != NULL && who->ask->wrong;
}

void ask_reject(const asker *who, const char *wrong)
{
    said_wrong(who->ask->instance, running_words[who->ask->what->function], wrong);
}

/* ---- the end of an operation ---- */

void ask_abandon(asker *who)
{
    ask *a = who->ask;
    if (a == NULL) {
        return;
    }
    if (a->state == ASK_DONE) {
        a->state = ASK_IDLE;
    } else if (a->state == ASK_WAITING && a->job != NULL) {
        unanswered_unwanted(&a->job->copy);
        a->job->ask = NULL;
        atomic_store_explicit(&a->job->abandoned, true, memory_order_relaxed);
        a->job = NULL;
        a->state = ASK_IDLE;
    } else if (a->state == ASK_WAITING) {
        /* All of this before the cancel: a plugin may complete from within it. */
        unanswered_unwanted(a);
        a->state = ASK_ABANDONED;
        who->ask = NULL; /* it comes back by itself */
        ++*who->held;
        desk *d = who->desk;
        const ask *outer = d->cancelling;
        d->cancelling = a;
        const uintptr_t before = instance_enter(a->instance, RUNNING_CANCEL);
        a->what->cancel(a->instance)(a->instance->self, a->instance->worker_state[d->worker], a->op,
                                     a->data);
        running_leave(before);
        d->cancelling = outer;
    }
}

void ask_end(asker *who)
{
    if (who->ask != NULL) {
        desk_give(who->desk, who->ask);
        who->ask = NULL;
    }
}

/* A verdict alone comes with an answer that says nothing, and so does what a plugin of an older
 * minor cannot say. */
static void answer_take(ask *a, int verdict, const void *answer)
{
    const abi_layout *older = a->instance->older;
    a->verdict = verdict;
    if (answer == NULL || older != NULL) {
        a->what->begin(&a->answer);
    }
    if (answer != NULL) {
        memcpy(&a->answer, answer,
               older == NULL ? a->what->answer_size : older->size[a->what->answer]);
    }
}

void ask_complete(ask *a, int verdict, const void *answer)
{
    asker *who = a->asker;
    uintptr_t before;
    switch (a->state) {
    case ASK_CALLING:
        /* No resume: ask_direct is still on the stack, and takes it from there. */
        answer_take(a, verdict, answer);
        a->state = ASK_DONE;
        break;
    case ASK_WAITING:
        unanswered_end(who->desk, a);
        answer_take(a, verdict, answer);
        a->state = ASK_DONE;
        before = running_enter(NULL); /* what follows is ours, or another plugin's */
        who->ops->resume(who);
        running_leave(before);
        break;
    case ASK_ABANDONED:
        unanswered_end(who->desk, a);
        /* let_go comes last: it may free the transaction, and the asker with it. */
        desk_give(who->desk, a);
        --*who->held;
        before = running_enter(NULL);
        who->ops->let_go(who);
        running_leave(before);
        break;
    case ASK_IDLE:
    case ASK_DONE:
        break; /* desk_find gives out none of these */
    }
}
