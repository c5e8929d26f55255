/* SPDX-License-Identifier: Apache-2.0 */
/* What plugins are asked for, outside of the daemon: operations of one worker, and their handles.
 * On the worker's thread. */
#pragma once

#include "host/host.h"
#include "mc/request.h"

typedef enum host_ask {
    HOST_VERIFY,
    HOST_SIGN,
    HOST_LOOKUP,
    HOST_ROUTE,
} host_ask;

typedef union host_answer {
    cmp_auth_answer auth;
    cmp_signature signature;
    cmp_record record;
    cmp_route_answer route;
} host_answer;

typedef enum host_op_state {
    HOST_OP_IDLE,
    HOST_OP_CALLING,   /* inside the plugin's function */
    HOST_OP_WAITING,   /* it answered PENDING */
    HOST_OP_CANCELLED, /* so it was, and the completion is still to come */
    HOST_OP_DONE,
} host_op_state;

/* The first verdict of every operation. */
#define HOST_PENDING 0

/* What txn_alloc gave, where each is malloc's own. All zeros: none. */
typedef struct host_pieces {
    void **at;
    size_t count;
} host_pieces;

struct host_op {
    cmp_op op; /* the handle; stale when the operation is over */
    host_worker *worker;
    host_ask ask;
    host_op_state state;
    int verdict;
    const char *wrong; /* what was wrong with the answer; then the verdict is UNAVAILABLE */
    char fault[256];
    mc_request *request; /* as it is shown; `own`, or the asker's */
    mc_request own;
    kit_arena memory; /* of `own`, and of what an answer needs; until the operation is given back */
    host_pieces pieces; /* see host_op_alloc */
    uint32_t consumed;
    void *data; /* the plugin's (op_data) */

    /* What it is about. */
    cmp_outgoing outgoing;
    cmp_route_reason reason;
    cmp_str target;

    host_answer answer; /* what it has said, once that is settled; what it points to is the
                           plugin's, and valid until control is back in the loop; longer
                           after host_answer_own (own.h) */

    /* Called when a PENDING has come to its end, a cancelled one included. */
    void (*done)(void *arg, host_op *op);
    void *arg;
    host_op *next_idle;
    _Alignas(max_align_t) char room[]; /* op_room of them: where `memory` begins */
};

/* An operation of that worker, idle; its `own` request is empty, with its memory. */
host_op *host_op_take(host_worker *w);

/* Not under way any more; what its memory holds is freed. */
void host_op_give(host_op *op);

/* Memory for the plugin, until the request's end. Where all of it can be watched
 * (host_worker.op_room) each piece is one of malloc's, of just that size, so that valgrind and
 * sanitizers see the octet beside it; host_op_give frees those that were neither freed nor moved
 * before. */
void *host_op_alloc(host_op *op, size_t size);
void host_pieces_free(host_pieces *pieces);
void host_pieces_move(host_pieces *from, host_pieces *to);

/* Whether the instance may answer PENDING: then what `request` borrows has to last. */
bool host_op_may_wait(const host *h, host_ask ask);

/* Asks: with `request`, and for a signature `outgoing`, for a route `reason` and `target` set. The
 * verdict, which is in `op` as well; PENDING when `done` will be called. A plugin that blocks is
 * called here and now, on this thread. */
int host_op_ask(host_op *op, host_ask ask);

/* The same with a handle alone, for who calls into the plugin himself: begins it, and says what
 * came of the call: the verdict, and the struct of its kind that the plugin has filled, which is
 * not looked at any more afterwards; NULL: it says nothing. */
cmp_op host_op_begin(host_op *op, host_ask ask);
int host_op_returned(host_op *op, int verdict, const void *answer);

/* Nobody wants it any more; `done` is still called, and may be from within. Of one that waits. */
void host_op_cancel(host_op *op);

/* Makes it one that says nothing. */
void host_answer_clear(host_ask ask, host_answer *answer);

/* "verify", "sign", "lookup", "route". Static. */
const char *host_ask_name(host_ask ask);

/* The operation of a handle, for a service of that name; NULL when the handle is stale, or another
 * thread's, which is said. */
host_op *host_op_find(const cmp_host *table, cmp_op op, const char *service);

/* The services complete and op_data. */
void host_op_services(cmp_host *table);
