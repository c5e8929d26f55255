/* Life and memory of a transaction. */
#include "pipeline/txn.h"

#include "base/clock.h"
#include "pipeline/ask.h"
#include "pipeline/codes.h"
#include "pipeline/forward.h"
#include "pipeline/lookup.h"
#include "pipeline/pipeline.h"

#include <stdlib.h>

#define IDLE_MAX 256

cmp_txn *txn_open(worker *w)
{
    cmp_txn *t = w->idle;
    if (t != NULL) {
        w->idle = t->next_idle;
        w->idle_count--;
    } else {
        t = kit_alloc(sizeof(*t));
    }
    /* Everything but the first block of memory, which is large and need not be zeroed. */
    memset(t, 0, offsetof(cmp_txn, first_memory));
    kit_arena_init(&t->memory, t->first_memory, sizeof(t->first_memory));
    t->worker = w;
    t->generation = w->generation;
    w->transactions++;
    return t;
}

void txn_discard(cmp_txn *t)
{
    worker *w = t->worker;
    kit_arena_reset(&t->memory);
    w->transactions--;
    if (w->idle_count < IDLE_MAX) {
        t->next_idle = w->idle;
        w->idle = t;
        w->idle_count++;
    } else {
        free(t);
    }
}

void txn_close_if_done(cmp_txn *t)
{
    if (!t->answered || t->ask.state == ASK_ABANDONED || t->ask.state == ASK_CALLING) {
        return;
    }
    if (t->deadline != NULL) {
        loop_timer_stop(t->deadline);
        t->deadline = NULL;
    }
    txn_discard(t);
}

static void message_own(message *m, kit_arena *a)
{
    for (size_t i = 0; i < CMP_PARAM_MAX; i++) {
        m->params[i] = kit_arena_copy(a, m->params[i]);
    }
    const cmp_pair *borrowed = m->contextual;
    if (m->contextual_count > 0) {
        m->contextual = kit_arena_alloc(a, m->contextual_count * sizeof(*m->contextual));
    }
    for (size_t i = 0; i < m->contextual_count; i++) {
        m->contextual[i] = (cmp_pair){.name = kit_arena_copy(a, borrowed[i].name),
                                      .value = kit_arena_copy(a, borrowed[i].value)};
    }
}

void txn_keep(cmp_txn *t)
{
    if (t->kept) {
        return;
    }
    t->kept = true;
    message_own(&t->message, &t->memory);
    t->text = CMP_NONE;
    t->traceparent = kit_arena_copy(&t->memory, t->traceparent);
    t->expected_peer = kit_arena_copy(&t->memory, t->expected_peer);
    t->target = kit_arena_copy(&t->memory, t->target);
    t->front->keep(t);
}

uint64_t txn_time_left_ms(const cmp_txn *t)
{
    const conf_resolve *resolve = &t->generation->conf->top.resolve;
    const int64_t hops = resolve->max_hops + 1;
    const int64_t ahead = hops - (t->message.count < hops ? t->message.count : hops - 1);
    const int64_t left = resolve->deadline_ms * ahead / hops - (clock_now_ms() - t->now_ms);
    return left > 0 ? (uint64_t)left : 0;
}

cmp_txn *txn_snapshot(const cmp_txn *t)
{
    cmp_txn *copy = txn_open(t->worker);
    copy->listener = t->listener;
    copy->interface = t->interface;
    memcpy(copy->source, t->source, sizeof(copy->source));
    copy->now_ms = t->now_ms;
    copy->message = t->message;
    message_own(&copy->message, &copy->memory);
    copy->requestor = t->requestor;
    copy->reason = t->reason;
    copy->target = kit_arena_copy(&copy->memory, t->target);
    return copy;
}

void txn_client_gone(cmp_txn *t)
{
    if (!t->answered) {
        t->client_gone = true;
        ask_abandon(t);
        lookup_abandon(t);
        forward_abandon(t);
        codes_abandon(t);
        pipeline_end(t, NULL);
    }
}

void txn_free_idle(worker *w)
{
    for (cmp_txn *t = w->idle, *next; t != NULL; t = next) {
        next = t->next_idle;
        free(t);
    }
    w->idle = NULL;
    w->idle_count = 0;
}
