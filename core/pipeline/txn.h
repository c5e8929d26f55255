/* A transaction: one request from the moment when its octets are there until it is answered and no
 * plugin works for it any more. It lives and dies on one worker. */
#pragma once

#include "mc/message.h"
#include "mc/next_answer.h"
#include "pipeline/worker.h"

#include <cmp-kit/uuid.h>
#include <cmp/auth.h>
#include <cmp/route.h>
#include <cmp/store.h>

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
    char *(*body_alloc)(cmp_txn *t, size_t size);

    /* Sends the answer. Called at most once, and not after txn_client_gone. */
    void (*send)(cmp_txn *t, const txn_answer *a);

    /* The transaction will outlive this call: what it was given may go away before it ends, and
     * txn_client_gone is to be called when the client does. Called at most once. */
    void (*keep)(cmp_txn *t);
} front_ops;

/* The operation that a plugin is asked for; see ask.h. */
typedef enum ask_state {
    ASK_IDLE,
    ASK_CALLING,   /* inside the plugin's function */
    ASK_WAITING,   /* it answered PENDING */
    ASK_DONE,      /* the answer is there, the step has yet to take it */
    ASK_ABANDONED, /* nobody waits any more, but the completion is still to come */
} ask_state;

typedef struct ask_job ask_job;

typedef struct ask {
    cmp_op op; /* what the plugin holds: must be first */
    ask_state state;
    int verdict;
    instance *instance;
    ask_job *job; /* of a plugin that blocks, while it is on the pool */
    union {
        cmp_auth_answer auth;
        cmp_record record;
        cmp_route_answer route;
    } answer;
} ask;

/* The way to the next hop; see step_forward.c. */
typedef enum hop_state {
    HOP_NONE,
    HOP_UNDER_WAY, /* a request was sent */
    HOP_ANSWERED,  /* `result` below says what came of it */
} hop_state;

typedef struct hop {
    hop_state state;
    peer *to;
    cmp_str addr;  /* to send along; absent when `to` itself is meant */
    bool lookup;   /* `to` is a registry that may answer with a referral */
    bool referred; /* `to` was named by the registry `registry` */
    cmp_str registry;
    size_t url;     /* the one that was tried last */
    uint64_t tried; /* bit i: the peer's i-th URL */
    outbound_call *call;
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
    RESULT_RECORD,  /* PURPOSE_RECORD: `record`, whatever it says */
    RESULT_RECORDS, /* PURPOSE_CODES: what was read */
    RESULT_WRITTEN, /* PURPOSE_CODES */
} result_kind;

/* What a transaction is for; the table in pipeline.c says which steps that takes. */
typedef enum txn_purpose {
    PURPOSE_RESOLVE, /* a request message */
    PURPOSE_CODES,   /* a request on the interface codes */
    PURPOSE_RECORD,  /* a look-up on behalf of one */
} txn_purpose;

typedef struct trace trace;
typedef struct flight flight;
typedef struct codes_request codes_request;

struct cmp_txn {
    worker *worker;
    generation *generation;
    txn_purpose purpose;

    /* ---- set by the front ---- */
    const front_ops *front;
    void *front_data;
    const listener *listener;
    cmp_interface interface;
    uint8_t source[16]; /* IPv6 or IPv4-mapped */
    int64_t now_ms;     /* when it came in */
    carriage carriage;
    cmp_str text;         /* query string or body */
    cmp_str traceparent;  /* W3C Trace Context; absent: none came */
    bool wants_redirect;  /* MC-1: a browser */
    codes_request *codes; /* PURPOSE_CODES; see codes.h */

    /* ---- the way through the pipeline ---- */
    unsigned step;
    size_t chain_at; /* which plugin of the step's chain is asked */
    ask ask;
    cmp_timer *deadline;
    bool kept;     /* its own copy of all parameters; the front was told */
    bool answered; /* sent, or nobody is there to be answered */
    bool client_gone;

    /* ---- what the steps found ---- */
    message message;
    cmp_str expected_peer; /* an auth plugin abstained, but knows who it must be */
    peer *requestor;       /* NULL until authenticated */
    const token *bearer;   /* PURPOSE_CODES: authenticated by this, and no peer */
    cmp_str credential;
    cmp_once once;
    uint8_t fingerprint[16];
    bool remembered; /* in the replay memory */
    bool elsewhere;  /* not to be looked up here: `reason` and `target` say where */
    bool store_failed;
    flight *flight; /* of a cached look-up: as its leader, or waiting for it */
    cmp_txn *flight_next;
    bool flight_landed; /* the one that was waited for has brought `flight_verdict` */
    cmp_store_verdict flight_verdict;
    cmp_route_reason reason;
    cmp_str target;
    hop hop;

    /* ---- the result ---- */
    result_kind result;
    fault fault;
    unsigned retry_after_s;
    cmp_record record; /* octets as its plugin lends them: only until the answer is encoded */
    cmp_route_answer referral;

    trace *trace; /* NULL: a real request */
    kit_arena memory;
    cmp_txn *next_idle;
    max_align_t first_memory[TXN_FIRST_MEMORY / sizeof(max_align_t)];
};

/* A new transaction of this worker; the front's part is still to be filled. Never NULL. */
cmp_txn *txn_open(worker *w);

/* Gives the transaction back when it is answered and no plugin holds it; otherwise does nothing,
 * and is called again when that changes. */
void txn_close_if_done(cmp_txn *t);

/* Gives it back at once. For a copy that never was on its way (ask.c). */
void txn_discard(cmp_txn *t);

/* Copies all that was borrowed from the front into the transaction's own memory, once. To be called
 * before anything may make the transaction wait. */
void txn_keep(cmp_txn *t);

/* What is left until the transaction's deadline. It shrinks by hop: the further a request has come,
 * the earlier its answer is due, so that the hops before are still waiting for it. */
uint64_t txn_time_left_ms(const cmp_txn *t);

/* A copy of what plugins may see, for another thread. */
cmp_txn *txn_snapshot(const cmp_txn *t);

/* The front's client is gone; nothing will be sent any more. */
void txn_client_gone(cmp_txn *t);

void txn_free_idle(worker *w);
