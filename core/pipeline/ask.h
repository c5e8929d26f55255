/* Asking a plugin: at once, later, or on the pool when it blocks. Steps see one way only.
 *
 * Whoever asks holds an *asker*. It calls ask_… for the plugin whose turn it is. PENDING means that
 * it has to wait; when the answer is there `resume` is called, the asker asks again in the same
 * words, and gets it. The operation itself lies in the desk's memory: a plugin that completes it
 * too late, or twice, finds it there and nothing of ours behind it. */
#pragma once

#include "mc/request.h"
#include "plugin/instance.h"

typedef struct asker asker;
typedef struct ask ask;

/* What an asker has to know to do. All on the worker's thread. */
typedef struct asker_ops {
    /* What the request borrows may go away: copies it, once. Before anything may wait. */
    void (*keep)(asker *a);

    /* The answer is there: ask again. */
    void (*resume)(asker *a);

    /* An operation that was abandoned has come back. */
    void (*let_go)(asker *a);
} asker_ops;

/* Where operations are asked from: one for each worker, and for a program that plays one. */
typedef struct desk {
    unsigned worker; /* index, for an instance's worker state */
    loop *loop;
    pool *pool;
    unsigned jobs; /* on the pool, abandoned ones included */
    ask *idle;     /* operations for reuse; their memory lives as long as the desk */
    struct ask_slab *slabs;
} desk;

struct asker {
    const asker_ops *ops;
    desk *desk;
    cmp_txn *request; /* what plugins are shown */
    ask *ask;         /* the operation under way, or the last one; NULL: there was none */
    unsigned *held;   /* counts abandoned operations that plugins have yet to complete: until then,
                         what they were shown has to stay */
};

/* Each returns the verdict. *answer is valid until the asker asks again or control is back in the
 * loop. */
CMP_MUST_USE cmp_auth_verdict ask_verify(asker *a, instance *i, const cmp_auth_answer **answer);
CMP_MUST_USE cmp_sign_verdict ask_sign(asker *a, instance *i, const cmp_outgoing *outgoing,
                                       const cmp_signature **signature);

/* For the request's ICI. */
CMP_MUST_USE cmp_store_verdict ask_lookup(asker *a, instance *i, const cmp_record **record);

/* `target` is read after the request was kept: it may be part of what is. */
CMP_MUST_USE cmp_route_verdict ask_route(asker *a, instance *i, cmp_route_reason reason,
                                         const cmp_str *target, const cmp_route_answer **answer);

/* Nobody waits for the answer any more: cancels the operation, if one is under way. */
void ask_abandon(asker *a);

/* The asker goes away: gives its operation back. */
void ask_end(asker *a);

/* The service cmp_host.complete. */
void ask_complete(cmp_op *op, int verdict, const void *answer);

/* After the last operation has come back. */
void desk_dispose(desk *d);
