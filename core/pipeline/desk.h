/* SPDX-License-Identifier: Apache-2.0 */
/* The operations of one worker, and the handles by which plugins know them.
 *
 * Operations lie in slabs that live as long as the desk and are never freed one by one. A handle is
 * the number of a slot and of the operation that it was taken for: what a plugin has kept too long
 * finds a slot with another number, and nothing else. It is looked up on the thread of the desk
 * alone, so no memory is shared by that. */
#pragma once

#include "event/pool.h"
#include "mc/request.h"
#include "plugin/operation.h"

#include <sys/queue.h>

typedef struct asker asker;
typedef struct ask ask;
typedef struct ask_job ask_job;

typedef enum ask_state {
    ASK_IDLE,
    ASK_CALLING,   /* inside the plugin's function */
    ASK_WAITING,   /* it answered PENDING */
    ASK_ABANDONED, /* nobody waits any more, but the completion is still to come */
    ASK_DONE,      /* the answer is there, the asker has yet to take it */
} ask_state;

/* The operations that one transaction has under way at a plugin. */
typedef struct ask_together {
    const instance *of; /* NULL: at none yet */
    unsigned under_way;
} ask_together;

/* One operation: ask.c moves it, and nobody else looks inside. */
struct ask {
    cmp_op op; /* the handle; its generation is that of the last operation */
    ask_state state;
    int verdict;
    bool wrong; /* the answer was none that a plugin may give */
    const operation *what;
    instance *instance;
    asker *asker;
    const mc_request *request; /* the asker's, or of a job its own copy */
    ask_job *job;              /* of a plugin that blocks, while it is on the pool */
    void *data;                /* the plugin's (op_data) */
    uint32_t consumed;         /* bit i: the request's i-th contextual parameter (txn_consume) */
    operation_subject subject;
    operation_answer lent;   /* for the plugin to fill in while it is called. It may write there
                                later, too, for all we know: so nothing is read from it then */
    operation_answer answer; /* what it has said */
    ask *next_idle;

    /* see unanswered.h */
    TAILQ_ENTRY(ask) entry;
    unsigned since_s; /* of the desk's seconds: when it was asked */
    int64_t since_us; /* the same, for who measures */
    bool counted, unwanted, overdue;
    ask_together *together; /* the asker's; NULL: the only one of its transaction, or a job's */
};

/* Where operations are asked from: one for each worker, and for a program that plays one. */
typedef struct desk {
    unsigned worker; /* index, for an instance's worker state */
    loop *loop;
    pool *pool;
    unsigned jobs; /* on the pool, abandoned ones included */

    struct ask_slab **slabs;
    uint32_t slab_count;
    ask *idle;           /* operations for reuse */
    uint64_t generation; /* of the operation that was asked last */

    const ask *cancelling; /* whose cancel is on the stack; NULL: nobody's */

    /* see unanswered.h */
    TAILQ_HEAD(, ask) unanswered;
    unsigned share; /* of transactions, that one instance may hold; 0: any number */
    unsigned seconds;
    cmp_timer *tick;
} desk;

/* This thread is the desk's from now on: handles of its operations are good here, and nowhere
 * else. */
void desk_enter(desk *d);

/* The desk whose thread this is; NULL: no desk's. */
const desk *desk_here(void);

/* After the last operation has come back. */
void desk_dispose(desk *d);

/* An operation of the desk, without an asker yet. */
ask *desk_take(desk *d);
void desk_give(desk *d, ask *a);

/* A new operation begins in it: all handles that were given out before are stale. */
void desk_renew(desk *d, ask *a);

/* A handle for what goes to the pool, which is no handle on the desk. */
void desk_name_job(desk *d, ask *job);

/* This thread of the pool works for that operation, and no other; NULL: for none. */
void desk_lend_thread(ask *job);

/* The operation that `op` is good for when this instance calls on this thread. Otherwise NULL,
 * counted and said: `service` is the name of what was called. */
ask *desk_find(const cmp_host *host, cmp_op op, const char *service);

/* Visits the operations that are under way for this instance, as far as this thread may see them.
 */
void desk_each(const instance *caller, void (*visit)(const ask *a, void *arg), void *arg);

/* Counts and says what the plugin did wrong: it called `service`, and how. */
void desk_misuse(instance *caller, const char *service, const char *how);
