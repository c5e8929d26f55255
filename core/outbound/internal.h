/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this folder know of each other: a worker's client, its lanes, and calls.
 *
 * A worker has one lane for each origin that it uses; a lane has wires (connections) and a queue of
 * calls that wait for one; a wire carries calls. Everything belongs to the worker's thread but the
 * origin. Nothing here calls the user back, except the step at the end of a turn. */
#pragma once

#include "base/clock.h"
#include "base/running.h"
#include "outbound/origin.h"

#include <sys/queue.h>

typedef struct lane lane;
typedef struct wire wire;
typedef struct resolve_job resolve_job;

TAILQ_HEAD(call_list, cmp_call);
TAILQ_HEAD(wire_list, wire);
TAILQ_HEAD(lane_list, lane);

#define ADDRESSES_MAX    8
#define ANSWER_HEAD_MAX  ((size_t)64 * 1024)
#define ANSWER_INLINE    512
#define CONTENT_TYPE_MAX 128
#define LANE_BUCKETS_MIN ((size_t)16)

/* ---- calls (call.c) ---- */

/* Only call.c changes it: a call ends once, whoever else thinks that it is for him to end it. */
typedef enum call_state {
    CALL_NEW,
    CALL_WAITING,  /* in the lane's queue */
    CALL_ON_WIRE,  /* a wire has it */
    CALL_FINISHED, /* at the end of the turn `done` is called, and it is freed */
} call_state;

struct cmp_call {
    TAILQ_ENTRY(cmp_call) entry; /* of the list that `state` names */
    call_state state;
    outbound *owner;
    lane *lane; /* NULL when it never got to one */
    wire *wire;
    void (*done)(void *arg, const cmp_https_answer *answer); /* NULL: cancelled */
    void *arg;
    const running_place *of; /* whose `done` it is; NULL: it is ours */
    cmp_timer *timer;        /* half of the time, then the deadline */
    uint64_t deadline_ms;
    bool pinged; /* the wire was asked for a sign of life at half of the time */
    bool sent;   /* the wire has written it */
    bool retried;
    bool refused;        /* the stream was reset by the server */
    int32_t stream;      /* h2 */
    uint64_t avoid;      /* id of the wire that did not process it; 0: none */
    uint64_t newer_than; /* goes to wires with a higher id only; 0: to any */
    uint64_t reads;      /* of the wire when it was sent: more have come = it lives */
    size_t head_octets;  /* of the answer */

    cmp_str method, path, content_type, body, accept, authorization; /* in `octets` */
    cmp_pair headers[CMP_HTTPS_HEADERS_MAX];                         /* likewise */
    size_t header_count;
    size_t body_sent;
    size_t answer_max;

    cmp_https_result result;
    const char *detail;
    int status;       /* 0: no final one yet */
    int block_status; /* h2: of the block of fields that is being read; 0 in a trailer */
    unsigned retry_after_s;
    size_t answer_type_size;
    char answer_type[CONTENT_TYPE_MAX];
    char *answer;
    size_t answer_size, answer_room;
    char answer_first[ANSWER_INLINE];
    char octets[];
};

/* A field of the answer's head; what is not wanted is not kept. */
void call_answer_type(outbound_call *c, cmp_str value);
void call_answer_retry_after(outbound_call *c, cmp_str value);

/* Adds to the answer's body. False when it would get too long. */
CMP_MUST_USE bool call_answer_add(outbound_call *c, const void *at, size_t size);

/* From the queue to a wire. */
void call_put_on(outbound_call *c, wire *w);

/* Takes the call from wherever it is; `done` follows at the end of the turn. A second time it
 * changes nothing, and is logged as the fault of ours that it is. */
void call_finish(outbound_call *c, cmp_https_result result, const char *detail);

/* The call, which is on a wire, was provably not processed: goes to another one, once. */
void call_unprocessed(outbound_call *c, const char *detail);

/* Calls back, unless it was cancelled, and frees. */
void call_deliver(outbound_call *c);

/* ---- lanes (lane.c, probe.c, resolve.c) ---- */

struct lane {
    lane *next_in_bucket;
    TAILQ_ENTRY(lane) awake_entry;
    bool awake; /* in outbound.awake */
    outbound *owner;
    origin *origin;
    struct wire_list wires;
    unsigned wire_count;
    uint64_t last_wire_id;
    bool http1; /* what the server spoke last */
    struct call_list waiting;
    unsigned waiting_count;
    unsigned call_count; /* waiting and on wires */

    endpoint addresses[ADDRESSES_MAX];
    unsigned address_count, address_first; /* the one that worked last */
    uint64_t addresses_until_ms;
    resolve_job *resolving;

    cmp_timer *probe_timer;
    uint64_t probe_began_ms;
};

/* The worker's lane to an origin; made when there is none. */
lane *lane_get(outbound *o, origin *to);

/* Has the lane looked at when the turn ends: calls that wait, room on a wire, nothing left. */
void lane_wake(lane *l);

/* Gives waiting calls to wires, opens wires, refuses what is too much. */
void lane_dispatch(lane *l);

/* Frees a lane that nothing needs any more. */
void lane_reap(lane *l);

/* Closes everything at once. */
void lane_destroy(lane *l);

/* A wire of the lane failed: the circuit counts it. */
void lane_count_failure(lane *l, const char *detail);

/* An HTTP answer came. */
void lane_count_answer(lane *l);

/* Its circuit has closed: says so. */
void lane_used_again(const lane *l);

/* No connection could be made: what waits for one and has no other is told. */
void lane_connect_failed(lane *l, const char *detail);

/* probe.c: a connection without a request, while the circuit is open. */
void probe_schedule(lane *l, uint64_t delay_ms);
void probe_ended(lane *l, bool good);

typedef enum resolve_result {
    RESOLVE_READY, /* l->addresses can be used */
    RESOLVE_LATER, /* every wire in WIRE_RESOLVING will hear from wire_resolved */
    RESOLVE_FAILED,
} resolve_result;

CMP_MUST_USE resolve_result resolve_addresses(lane *l);
void resolve_abandon(lane *l);

/* ---- the worker's client (client.c) ---- */

struct outbound {
    loop *loop;
    pool *pool;
    h2o_timeout_t turns[2]; /* of no length; see outbound_wake */
    h2o_timeout_entry_t step;
    unsigned next_turn;
    lane **buckets;     /* by origin; as many as there are lanes, at least */
    size_t bucket_mask; /* their number less one; a power of two */
    size_t lane_count;
    struct call_list finished;
    unsigned finished_count;
    struct lane_list awake;
    struct wire_list flushes;
    void *h2_callbacks;
    char *scratch; /* what is being written; the TLS layer copies it */
    size_t scratch_size, scratch_room;
};

/* Has outbound's step run before the loop waits again. */
void outbound_wake(outbound *o);

void scratch_add(outbound *o, const void *at, size_t size);
