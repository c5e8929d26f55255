/* SPDX-License-Identifier: Apache-2.0 */
/* A worker's HTTPS client: its lanes, and the step at the end of a turn in which answers are
 * delivered, waiting calls are given to wires, and all that is to be written goes out at once. */
#include "outbound/wire.h"

#include <cmp-kit/memory.h>

#include <stdlib.h>

/* Answers first: what they begin goes out in the same step. A call that ends during the step comes
 * in the next one, so users that begin a call from `done` for ever cannot stop the loop. */
static void deliver(outbound *o)
{
    for (unsigned n = o->finished_count; n > 0 && !TAILQ_EMPTY(&o->finished); n--) {
        call_deliver(TAILQ_FIRST(&o->finished));
    }
}

static void dispatch(outbound *o)
{
    struct lane_list now = TAILQ_HEAD_INITIALIZER(now);
    /* Those that are awake by now only: a lane that is woken meanwhile has the next step. */
    TAILQ_CONCAT(&now, &o->awake, awake_entry);
    while (!TAILQ_EMPTY(&now)) {
        lane *l = TAILQ_FIRST(&now);
        TAILQ_REMOVE(&now, l, awake_entry);
        l->awake = false;
        lane_dispatch(l);
        lane_reap(l);
    }
}

static void flush(outbound *o)
{
    while (!TAILQ_EMPTY(&o->flushes)) {
        wire *w = TAILQ_FIRST(&o->flushes);
        TAILQ_REMOVE(&o->flushes, w, flush_entry);
        w->flushing = false;
        wire_flush(w);
    }
}

static void on_step(h2o_timeout_entry_t *entry)
{
    outbound *o = H2O_STRUCT_FROM_MEMBER(outbound, step, entry);
    /* Linking into the list that is being run would spin: the two take turns. */
    o->next_turn = !o->next_turn;
    deliver(o);
    dispatch(o);
    flush(o);
}

void outbound_wake(outbound *o)
{
    if (!h2o_timeout_is_linked(&o->step)) {
        h2o_timeout_link(loop_h2o(o->loop), &o->turns[o->next_turn], &o->step);
    }
}

void scratch_add(outbound *o, const void *at, size_t size)
{
    if (size == 0) {
        return;
    }
    if (size > o->scratch_room - o->scratch_size) {
        o->scratch_room = (o->scratch_size + size) * 2;
        o->scratch = kit_realloc(o->scratch, o->scratch_room);
    }
    memcpy(o->scratch + o->scratch_size, at, size);
    o->scratch_size += size;
}

outbound *outbound_create(loop *l, pool *p)
{
    outbound *o = kit_calloc(1, sizeof(*o));
    o->loop = l;
    o->pool = p;
    o->buckets = kit_calloc(LANE_BUCKETS_MIN, sizeof(*o->buckets));
    o->bucket_mask = LANE_BUCKETS_MIN - 1;
    TAILQ_INIT(&o->finished);
    TAILQ_INIT(&o->awake);
    TAILQ_INIT(&o->flushes);
    h2o_timeout_init(loop_h2o(l), &o->turns[0], 0);
    h2o_timeout_init(loop_h2o(l), &o->turns[1], 0);
    o->step.cb = on_step;
    o->h2_callbacks = h2_callbacks_create();
    return o;
}

void outbound_destroy(outbound **o_ref)
{
    outbound *o = *o_ref;
    if (o == NULL) {
        return;
    }
    for (size_t i = 0; i <= o->bucket_mask; i++) {
        while (o->buckets[i] != NULL) {
            lane_destroy(o->buckets[i]);
        }
    }
    while (!TAILQ_EMPTY(&o->finished)) { /* cancelled ones: no transaction is left */
        call_deliver(TAILQ_FIRST(&o->finished));
    }
    h2o_timeout_unlink(&o->step);
    h2o_timeout_dispose(loop_h2o(o->loop), &o->turns[0]);
    h2o_timeout_dispose(loop_h2o(o->loop), &o->turns[1]);
    h2_callbacks_destroy(o->h2_callbacks);
    free(o->buckets);
    free(o->scratch);
    free(o);
    *o_ref = NULL;
}
