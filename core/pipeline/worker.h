/* SPDX-License-Identifier: Apache-2.0 */
/* What one worker thread has for its transactions. No lock: it all belongs to that thread. */
#pragma once

#include "peers/referrals.h"
#include "peers/replay.h"
#include "pipeline/ask.h"
#include "pipeline/generation.h"

typedef struct txn txn;
typedef struct watchdog watchdog; /* observe/watchdog.h */
typedef struct journal journal;   /* journal/journal.h */

/* What all workers share. */
typedef struct process {
    loop *control;
    void (*let_go)(void *generation); /* run on it when a worker has let a generation go */
    replay *replay;
    referrals *referrals;
    pool *pool;
    watchdog *watchdog; /* NULL: nobody is watched */
    journal *journal;   /* NULL: there is none */
} process;

/* What a worker has of one generation. Transactions hold it, connections do not: one that is kept
 * alive must not keep a generation alive. */
typedef struct tenure tenure;
struct tenure {
    generation *generation;
    unsigned transactions; /* of it, under way */
    tenure *older;
};

typedef struct worker {
    unsigned index;
    loop *loop;
    tenure *tenure;   /* the newest, for all that begins; those before it are behind it */
    keyring *keyring; /* the newest, a share; NULL: none */
    outbound *outbound;
    process *process;
    desk desk; /* of its operations */

    txn *idle; /* transactions for reuse */
    unsigned idle_count;
    unsigned transactions;   /* under way, those included whose client has gone */
    instance *pending;       /* stores that answered PENDING in this turn */
    unsigned sampled;        /* see accounting.h */
    uint64_t requests_ended; /* see request_log.c */
} worker;

/* On the worker's own thread. It needs a generation before the first transaction. */
void worker_init(worker *w, unsigned index, loop *l, process *p);

/* From now on transactions are of this generation; its instances that are new here are started. The
 * one before is let go as soon as no transaction is of it, and those of its instances that no other
 * generation has are stopped. On the worker's own thread, between two turns. */
void worker_take(worker *w, generation *g);

/* Takes the generation's newest keyring in place of the one it has. On the worker's own thread,
 * between two turns; as a message of a loop. */
void worker_take_keyring(void *w);

/* A transaction of that tenure begins, and ends; or whoever else needs it for a while. */
static inline void worker_enter(worker *w, tenure *t)
{
    w->transactions++;
    t->transactions++;
}
void worker_leave(worker *w, tenure *t);

/* Lets all generations go: no transaction is under way, and none comes. On its own thread. */
void worker_let_go(worker *w);

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

/* The store answered PENDING: it is told when the turn ends. */
void worker_expect_turn_end(worker *w, instance *store);
