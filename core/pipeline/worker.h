/* What one worker thread has for its transactions. No lock: it all belongs to that thread. */
#pragma once

#include "peers/rate.h"
#include "peers/replay.h"
#include "pipeline/generation.h"

typedef struct worker {
    unsigned index;
    loop *loop;
    generation *generation;
    replay *replay; /* the process's */
    pool *pool;     /* the process's */

    cmp_txn *idle; /* transactions for reuse */
    unsigned idle_count;
    unsigned transactions; /* under way, those included whose client has gone */
    bool *store_pending;   /* by place in generation->stores: answered PENDING in this turn */
    bool any_pending;

    rate rejection_lines; /* nobody outside may fill the log */
    uint64_t rejections_unlogged;
} worker;

void worker_init(worker *w, unsigned index, loop *l, generation *g, replay *r, pool *p);
void worker_dispose(worker *w);

/* Tells stores that want to know it that the turn has ended. */
void worker_turn_end(void *w);
