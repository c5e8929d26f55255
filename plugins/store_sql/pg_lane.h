/* SPDX-License-Identifier: Apache-2.0 */
/* Look-ups that share one connection. All on the worker's thread. */
#pragma once

#include "pg.h"
#include "pg_connection.h"

#include <sys/queue.h>

/* One look-up. The op is completed once, and the request may live on until its result is there. */
typedef struct pg_request pg_request;
struct pg_request {
    TAILQ_ENTRY(pg_request) by_age; /* while `op` is set */
    TAILQ_ENTRY(pg_request) place;  /* in the worker's queue or on a lane */
    cmp_op op;                      /* CMP_OP_NONE: nobody waits any more */
    cmp_str ici;                    /* valid while `op` is set */
    int64_t deadline_ms;            /* pg_worker_clock_ms */
    bool on_lane;
    bool unnamed; /* sent without the prepared statement */
    bool again;   /* it was sent before: not its own fault, so once more, and alone */
};
TAILQ_HEAD(pg_requests, pg_request);

typedef struct pg_worker pg_worker;

/* A connection for look-ups, in pipeline mode. */
typedef struct pg_lane {
    pg_worker *worker;
    pg_connection connection;
    bool ready;               /* prepared */
    bool pooled;              /* the session is shared: see pg_is_pooled */
    bool standby;             /* the server is one, and the listener wants to know */
    bool standby_asked;       /* whether it still is one; the answer is to come */
    cmp_timer *standby_timer; /* while `standby` */
    bool stale;               /* the prepared statement is of no use any more */
    unsigned prepared;        /* results of the preparation that are in */
    struct pg_requests sent;
    unsigned sent_count;
    bool null_due;       /* the result is in, its end is not */
    bool settings_due;   /* the next result is of the settings before a batch */
    int64_t progress_ms; /* pg_worker_clock_ms of the last result, or of the first request after a
                            silence */
    column_map columns;
} pg_lane;

void pg_lane_init(pg_lane *l, pg_worker *w, const pg_target *target, cmp_loop *loop);

/* Without a callback, and what was sent stays as it is. It may be started again. */
void pg_lane_stop(pg_lane *l);

/* A look-up may wait for it: it is ready, or in its first attempt to be. */
bool pg_lane_hopeful(const pg_lane *l);

/* Room for more requests on a lane that is ready. */
unsigned pg_lane_room(const pg_lane *l);

/* Moves up to `most` requests from the queue to the lane, and sends them. */
void pg_lane_send(pg_lane *l, struct pg_requests *queue, unsigned most);

/* The server owes an answer for so long that it must be gone. */
bool pg_lane_silent(const pg_lane *l);
