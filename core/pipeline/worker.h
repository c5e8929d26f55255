/* SPDX-License-Identifier: Apache-2.0 */
/* What one worker thread has for its transactions. No lock: it all belongs to that thread. */
#pragma once

#include "peers/referrals.h"
#include "peers/replay.h"
#include "pipeline/ask.h"
#include "pipeline/generation.h"

typedef struct txn txn;
typedef struct watchdog watchdog; /* observe/watchdog.h */

/* What all workers share. */
typedef struct process {
    replay *replay;
    referrals *referrals;
    pool *pool;
    watchdog *watchdog; /* NULL: nobody is watched */
} process;

typedef struct worker {
    unsigned index;
    loop *loop;
    generation *generation;
    keyring *keyring; /* a share of the generation's; NULL: none */
    outbound *outbound;
    process *process;
    desk desk; /* of its operations */

    txn *idle; /* transactions for reuse */
    unsigned idle_count;
    unsigned transactions; /* under way, those included whose client has gone */
    bool *store_pending;   /* by place in generation->stores: answered PENDING in this turn */
    bool any_pending;
} worker;

/* On the worker's own thread. */
void worker_init(worker *w, unsigned index, loop *l, generation *g, process *p);

/* Takes the generation's newest keyring in place of the one it has. On the worker's own thread,
 * between two turns; as a message of a loop. */
void worker_take_keyring(void *w);

/* Closes the connections to peers; on the worker's own thread, when no transaction is left. */
void worker_disconnect(worker *w);

/* After worker_disconnect and txn_free_idle; any thread, when the worker's has ended. */
void worker_dispose(worker *w);

/* What still works for it: transactions, and plugins' calls on the pool that nobody waits for. */
static inline unsigned worker_under_way(const worker *w)
{
    return w->transactions + w->desk.jobs;
}

/* Tells stores that have look-ups pending that the turn has ended. */
void worker_turn_end(void *w);

/* The store at this place in generation->stores answered PENDING: it is told when the turn ends. */
void worker_expect_turn_end(worker *w, size_t store);
