/* What one worker thread has for its transactions. No lock: it all belongs to that thread. */
#pragma once

#include "peers/referrals.h"
#include "peers/replay.h"
#include "pipeline/generation.h"

/* What all workers share. */
typedef struct process {
    replay *replay;
    referrals *referrals;
    pool *pool;
} process;

typedef struct worker {
    unsigned index;
    loop *loop;
    generation *generation;
    outbound *outbound;
    process *process;

    cmp_txn *idle; /* transactions for reuse */
    unsigned idle_count;
    unsigned transactions; /* under way, those included whose client has gone */
    bool *store_pending;   /* by place in generation->stores: answered PENDING in this turn */
    bool any_pending;
} worker;

void worker_init(worker *w, unsigned index, loop *l, generation *g, process *p);

/* Closes the connections to peers; on the worker's own thread, when no transaction is left. */
void worker_disconnect(worker *w);

/* After worker_disconnect; any thread, when the worker's has ended. */
void worker_dispose(worker *w);

/* Tells stores that want to know it that the turn has ended. */
void worker_turn_end(void *w);
