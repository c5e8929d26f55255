/* SPDX-License-Identifier: Apache-2.0 */
/* A transaction: one request from the moment when its octets are there until it is answered and no
 * plugin works for it any more. It lives and dies on one worker. */
#pragma once

#include "mc/next_answer.h"
#include "pipeline/account.h"
#include "pipeline/lookup.h"
#include "pipeline/worker.h"

#include <cmp-kit/uuid.h>

#define TXN_FIRST_MEMORY 2048

/* How a message was carried (SPEC 2 [profile]). */
typedef enum carriage {
    CARRIAGE_FORM, /* a query string, or a form */
    CARRIAGE_JSON,
} carriage;

/* An answer, ready for the wire. */
typedef enum answer_type {
    ANSWER_JSON,
    ANSWER_PROBLEM,
    ANSWER_REDIRECT, /* a browser on MC-1: 302 to `location`, no body */
    ANSWER_EMPTY,    /* 204 */
} answer_type;

typedef struct txn_answer {
    int status;
    const char *reason; /* phrase for people; static */
    answer_type type;
    const char *body; /* from front_ops.body_alloc */
    size_t body_size;
    unsigned retry_after_s; /* 0: none */
    uint32_t ttl_s;         /* of a 200 or 302: how long it may be kept */
    cmp_str location;       /* REDIRECT; as long as the call */
} txn_answer;

/* Whoever brought the request: HTTP, or a test. Called on the worker's thread. */
typedef struct front_ops {
    /* Memory for a body that lives until it is sent. */
    char *(*body_alloc)(txn *t, size_t size);

    /* Sends the answer. Called at most once, and not after pipeline_client_gone. */
    void (*send)(txn *t, const txn_answer *a);

    /* The transaction will outlive this call: what it was given may go away before it ends, and
     * pipeline_client_gone is to be called when the client does. Called at most once. */
    void (*keep)(txn *t);
} front_ops;

/* The way to the next hop; see step_forward.c. */
typedef enum hop_state {
    HOP_NONE,
    HOP_SIGNING,   /* the signer has yet to answer */
    HOP_UNDER_WAY, /* a request was sent */
    HOP_ANSWERED,  /* `result` below says what came of it */
} hop_state;

typedef struct hop {
    hop_state state;
    peer *to;
    cmp_str addr;   /* to send along; absent when `to` itself is meant */
    bool may_refer; /* `to` is a registry that may answer with a referral */
    bool referred;  /* `to` was named by the registry `registry` */
    cmp_str registry;
    size_t url;                     /* the one that was tried last */
    uint64_t tried;                 /* bit i: the peer's i-th URL */
    bool repeated;                  /* a connection ended, and it is sent once more */
    const cmp_signature *signature; /* of the attempt; valid while it is written */
    outbound_call *call;
    int64_t began_us;             /* of the attempt; clock_monotonic_us */
    char tid[KIT_UUID_TEXT_SIZE]; /* of the attempt */
    cmp_https_result result;
    next_answer answer; /* with CMP_HTTPS_ANSWERED */
    unsigned retry_after_s;
} hop;

/* What the answer will say. */
typedef enum result_kind {
    RESULT_PROBLEM,
    RESULT_RESOLVED,
    RESULT_RELAYED, /* what the next hop said */
    RESULT_REFERRAL,
    RESULT_FORWARD, /* traced: a request would go to the next hop now */
    RESULT_RECORDS, /* PURPOSE_CODES: what was read */
    RESULT_WRITTEN, /* PURPOSE_CODES */
} result_kind;

/* What a transaction is for; the table in pipeline.c says which steps that takes. */
typedef enum txn_purpose {
    PURPOSE_RESOLVE, /* a request message */
    PURPOSE_CODES,   /* a request on the interface codes */
} txn_purpose;

typedef struct trace trace;
typedef struct codes_request codes_request;

struct txn {
    worker *worker;
    tenure *tenure;
    generation *generation; /* the tenure's */
    txn_purpose purpose;
    mc_request request; /* what plugins see of it */

    /* ---- set by the front ---- */
    const front_ops *front;
    void *front_data;
    int64_t begun_us; /* when it came, by the clock that nobody sets (clock_monotonic_us) */
    const listener *listener;
    carriage carriage;
    cmp_str text;         /* query string or body, while it is not read */
    cmp_str language;     /* MC-1: what Accept-Language prefers; until it is decoded */
    bool wants_redirect;  /* MC-1: a browser */
    bool first;           /* MC-1: of a connection that is its source's own */
    codes_request *codes; /* PURPOSE_CODES; see codes.h */

    /* ---- the way through the pipeline ---- */
    unsigned step;
    size_t chain_at; /* which plugin of the step's chain is asked */
    asker asker;
    unsigned held; /* operations that plugins have yet to complete, though nobody waits for them */
    lookup lookup;
    cmp_timer *deadline;
    int64_t waits_since_us; /* clock_monotonic_us; 0: it does not wait */
    bool kept;              /* its own copy of all parameters; the front was told */
    bool answered;          /* sent, or nobody is there to be answered */
    bool client_gone;
    void (*resume)(txn *t);

    /* ---- what the steps found ---- */
    cmp_str expected_peer; /* an auth plugin abstained, but knows who it must be */
    peer *requestor;       /* NULL until authenticated; see txn_set_requestor */
    const token *bearer;   /* PURPOSE_CODES: authenticated by this, and no
                              peer; a copy */
    cmp_str credential;
    cmp_once once;
    uint8_t fingerprint[16];
    bool remembered; /* in the replay memory */
    bool elsewhere;  /* not to be looked up here: `reason` and `target` say where */
    cmp_route_reason reason;
    cmp_str target;
    hop *hop; /* NULL: it goes nowhere, yet */

    /* ---- the result ---- */
    result_kind result;
    fault fault;
    unsigned retry_after_s;
    const cmp_record *record; /* as its plugin lends it: only until the answer is encoded */
    reply_referral referral;  /* likewise */

    account account;
    trace *trace; /* NULL: a real request */
    kit_arena memory;
    txn *next_idle;
    max_align_t first_memory[TXN_FIRST_MEMORY / sizeof(max_align_t)];
};

/* A new transaction of this worker's tenure; the front's part is still to be filled. `resume` is
 * called when an operation that it waits for has its answer. Never NULL. */
txn *txn_open(worker *w, tenure *of, void (*resume)(txn *t));

/* Gives the transaction back when it is answered and no plugin holds it; otherwise does nothing,
 * and is called again when that changes. */
void txn_close_if_done(txn *t);

/* Gives it back at once: one that never was on its way. */
void txn_discard(txn *t);

/* On which listener it came. */
void txn_set_listener(txn *t, const listener *l);

/* Who was found to have sent it. */
void txn_set_requestor(txn *t, peer *requestor);

/* The trace that the request belongs to, of version-trace-parent-flags; absent: of none. */
static inline cmp_str txn_trace_id(const txn *t)
{
    return t->request.traceparent.at != NULL ? (cmp_str){t->request.traceparent.at + 3, 32}
                                             : CMP_NONE;
}

/* Copies all that was borrowed from the front into the transaction's own memory, once. To be called
 * before anything may make the transaction wait. */
void txn_keep(txn *t);

/* The step that waits can go on. */
void txn_resume(txn *t);

/* Unix time, to the clock_monotonic_us that lies behind its beginning: as if nobody had set the
 * clock since then. */
int64_t txn_unix_us(const txn *t, int64_t then_us);

/* What is left, at clock_monotonic_us, until the transaction's deadline. It shrinks by hop: the
 * further a request has come, the earlier its answer is due, so that the hops before are still
 * waiting for it. */
uint64_t txn_time_left_ms(const txn *t, int64_t now_us);

/* Frees those that are kept for reuse. */
void txn_free_idle(worker *w);
