/* SPDX-License-Identifier: Apache-2.0 */
/* Life and memory of a transaction. */
#include "pipeline/txn.h"

#include "pipeline/tally.h"

#include <cmp-kit/memory.h>

#include <stdlib.h>

#define IDLE_MAX 256 /* less than 1 MiB a worker; what a burst needed beyond goes back */

/* ---- as an asker ---- */

static txn *txn_of(asker *a)
{
    return H2O_STRUCT_FROM_MEMBER(txn, asker, a);
}

static void on_keep(asker *a)
{
    txn_keep(txn_of(a));
}

static void on_resume(asker *a)
{
    txn_resume(txn_of(a));
}

static void on_let_go(asker *a)
{
    txn_close_if_done(txn_of(a));
}

static const asker_ops as_asker = {.keep = on_keep, .resume = on_resume, .let_go = on_let_go};

/* ---- life ---- */

txn *txn_open(worker *w, tenure *of, void (*resume)(txn *t))
{
    txn *t = w->idle;
    if (t != NULL) {
        w->idle = t->next_idle;
        w->idle_count--;
    } else {
        t = kit_alloc(sizeof(*t));
    }
    /* Everything but the first block of memory, which is large and need not be zeroed. */
    memset(t, 0, offsetof(txn, first_memory));
    kit_arena_init(&t->memory, t->first_memory, sizeof(t->first_memory));
    t->worker = w;
    worker_enter(w, of);
    tally_under_way(1);
    t->tenure = of;
    t->generation = of->generation;
    t->request.memory = &t->memory;
    t->asker =
        (asker){.ops = &as_asker, .desk = &w->desk, .request = &t->request, .held = &t->held};
    t->resume = resume;
    return t;
}

void txn_discard(txn *t)
{
    worker *w = t->worker;
    ask_end(&t->asker);
    kit_arena_reset(&t->memory);
    worker_leave(w, t->tenure);
    tally_under_way(-1);
    if (w->idle_count < IDLE_MAX) {
        t->next_idle = w->idle;
        w->idle = t;
        w->idle_count++;
    } else {
        free(t);
    }
}

void txn_close_if_done(txn *t)
{
    /* Held: a plugin was told to cancel, but still has the request that lies in here. */
    if (!t->answered || t->held > 0) {
        return;
    }
    if (t->deadline != NULL) {
        loop_timer_stop(t->deadline);
        t->deadline = NULL;
    }
    txn_discard(t);
}

void txn_free_idle(worker *w)
{
    for (txn *t = w->idle, *next; t != NULL; t = next) {
        next = t->next_idle;
        free(t);
    }
    w->idle = NULL;
    w->idle_count = 0;
}

/* ---- what it is ---- */

void txn_set_listener(txn *t, const listener *l)
{
    t->listener = l;
    t->request.listener = l->name;
}

void txn_set_requestor(txn *t, peer *requestor)
{
    t->requestor = requestor;
    t->request.requestor = requestor->name;
}

void txn_keep(txn *t)
{
    if (t->kept) {
        return;
    }
    t->kept = true;
    request_own(&t->request);
    /* A message is decoded by now, and not worth a copy: no step waits before that. */
    t->text = t->purpose == PURPOSE_CODES ? kit_arena_copy(&t->memory, t->text) : CMP_NONE;
    t->expected_peer = kit_arena_copy(&t->memory, t->expected_peer);
    t->target = kit_arena_copy(&t->memory, t->target);
    /* Last: the front's part lay on the stack, or in h2o's request, until here. */
    t->front->keep(t);
}

void txn_resume(txn *t)
{
    t->resume(t);
}

int64_t txn_unix_us(const txn *t, int64_t then_us)
{
    const int64_t begun_us =
        t->account.begun_us != 0 ? t->account.begun_us : t->request.now_ms * 1000;
    return begun_us + (then_us - t->begun_us);
}

uint64_t txn_time_left_ms(const txn *t, int64_t now_us)
{
    const conf_resolve *resolve = &t->generation->conf->top.resolve;
    const int64_t hops = resolve->max_hops + 1;
    const int64_t count = t->request.message.count;
    const int64_t ahead = hops - (count < hops ? count : hops - 1);
    /* A peer may count as high as it likes: there is one share at least. */
    const int64_t left = resolve->deadline_ms * ahead / hops - (now_us - t->begun_us) / 1000;
    return left > 0 ? (uint64_t)left : 0;
}
