/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this folder know of each other. */
#pragma once

#include "base/clock.h"
#include "base/rate.h"
#include "http/certificate.h"
#include "http/gate.h"
#include "http/limits.h"
#include "pipeline/worker.h"

#include <h2o.h>

typedef struct acceptors acceptors; /* acceptor.h */
typedef struct server server;       /* server.h */
typedef struct server_worker server_worker;
typedef struct entrance entrance;
typedef struct metered metered;         /* metered.h */
typedef struct paced paced;             /* pace.c */
typedef struct rounds_work rounds_work; /* rounds.h */

typedef struct connection connection;
struct connection {
    server_worker *sw;
    entrance *entrance; /* through which it reaches its listener: no generation lasts as long */
    h2o_socket_t *socket;
    uint8_t source[16]; /* the address behind, where there is a balancer */
    unsigned active;    /* requests that wait for their answer */
    unsigned streams;   /* h2, at the last look: open ones */
    uint64_t requests;  /* so far */
    uint64_t last_ms;   /* server_now_ms of the last request, or of the accept */
    connection *next, **previous;
    uint64_t round; /* the last one that has seen it: rounds.h */

    gate_stage stage;
    bool placed;   /* it has a place at the gate */
    bool counted;  /* among its source's */
    bool stranger; /* among the few of its entrance */
    bool in_crowd; /* the two below are valid */
    connection *older, *newer;
    cmp_timer *entry_timer;       /* for the balancer's header, then for its turn */
    void (*known)(connection *c); /* to be called when the balancer has said whose it is */

    SSL_CTX *tls;                   /* a share, while its handshake lasts; else NULL */
    struct timeval connected_at;    /* wall clock, as h2o wants it */
    shown_certificate *certificate; /* NULL: none was shown, or nobody wants to see it */
    metered *metered;               /* NULL: HTTP/1, or not there yet */
    void (*gone)(connection *c);    /* called when the socket has closed; may be NULL */
    cmp_timer *handshake_timer;     /* NULL: done, or in the clear */

    /* see held.h */
    size_t received, untaken; /* octets that libh2o may be keeping: of requests, of answers */
    size_t summed;            /* of them, in the sums */
    size_t *source_held;      /* of its source's connections here; NULL: that has no bound */

    /* see sweep.h */
    unsigned unfinished;       /* h2, at the last look: streams whose request is not whole */
    uint64_t writing_since_ms; /* 0: nothing waits to be written */
    uint64_t taken;            /* octets, then */
    bool cut;                  /* it is at its end */

    bool spent;                /* it cannot take more requests for long: it is to leave */
    uint64_t leaving_since_ms; /* see drain.h; 0: it may stay */
    uint64_t told_ms;          /* by GOAWAY. 0: it was not */

    /* see pace.h */
    bool partner;     /* a peer, or the holder of a token, as its last answer showed */
    unsigned waiting; /* requests that wait for their turn, of those that are active */
    unsigned turn_requests;
    uint64_t turn;
    size_t turn_octets;
};

/* The connections of one listener in one worker, by source and age: crowd.h. */
#define CROWD_BUCKETS 64
typedef struct crowd {
    struct {
        connection *oldest, *newest; /* by their last request, or their beginning */
        size_t count;
    } at[CROWD_BUCKETS]; /* a source's connections are in one */
} crowd;

/* Whether who has connected has some right there, by the worker's generation. */
typedef bool entrance_knows(const generation *g, int fd);

/* One listener in this worker, by its name: see entrance.h. */
struct entrance {
    server_worker *sw;
    cmp_str name;             /* its own, with a NUL behind it */
    const listener *listener; /* of the newest generation that has it */
    tenure *tenure;           /* NULL: the worker's newest */
    gate *gate;
    sources *sources;  /* a share; NULL: there are no limits */
    listener_tls *tls; /* a share: of new connections; NULL: plain */
    crowd crowd;
    rate handshakes; /* the pace at which they may begin */
    h2o_accept_ctx_t accept;
    size_t connections;
    entrance_knows *knows; /* who is no stranger; NULL: all */
    unsigned strangers;    /* their connections */
    bool closed;        /* the worker's generation has it no more: its connections are the last */
    uint64_t closed_ms; /* server_now_ms then */
    entrance *next;
};

struct server {
    h2o_globalconf_t config;        /* the workers' are copies of it */
    h2o_hostconf_t *hosts[2];       /* one catch-all, and NULL */
    h2o_hostconf_t *admin_hosts[2]; /* the same for the admin socket */
    gates *gates;
    void (*metrics)(h2o_req_t *req, void *arg); /* see server_answer_metrics; NULL: nobody */
    void *metrics_arg;
    unsigned workers;
    int descriptors_end; /* an accepted socket from here on is one too many */
};

/* See linger.h. */
#define LINGER_MAX 16 /* at a time */
typedef struct lingering {
    server_worker *sw;
    cmp_timer *timer; /* NULL: not used */
    int fd;
    unsigned looks; /* that are left */
} lingering;

/* See pace.h: the requests of one source that wait, in the order in which they came. */
#define PACE_LANES 512 /* sources that wait at a time are few; two may share one */
typedef struct pace_lane pace_lane;
struct pace_lane {
    paced *first, **last;
    pace_lane *next; /* whose turn comes after this one's */
    bool queued;
};

#define HELD_SOURCES 1024 /* numbers; many more than sources that keep something waiting */

struct server_worker {
    h2o_context_t context; /* for life (see the notes on shutdown in drain.c) */
    /* A flat copy of the server's, with its handlers: libh2o reads limits in it that a new
     * generation changes, on this thread. */
    h2o_globalconf_t config;
    server_limits limits;
    server *server;
    worker *worker;
    entrance *entrances;
    entrance *admin; /* one of them; NULL: it is another worker's */
    acceptors *acceptors;
    connection *connections;
    size_t connection_count;
    metered *metered_watched; /* metered.c: connections to be looked at when the turn ends */
    ptrdiff_t listed_at;      /* h2_list.c: where in its connections libh2o's list goes through */

    lingering lingering[LINGER_MAX];
    unsigned lingering_next; /* the oldest */

    int64_t now_us; /* of this turn; 0: nobody has asked yet */

    struct { /* see rounds.h */
        const rounds_work *work;
        cmp_timer *timer;
        bool under_way;
        uint64_t number;
        connection *next; /* to be looked at, of those that libh2o has not shown */
        unsigned acts;    /* of this turn */
    } rounds;

    int64_t wall_ahead_ms; /* sweep.c: of the monotonic clock, at the last look */

    struct {                          /* octets, the most that may lie here: see held.h */
        size_t all;                   /* of its connections */
        size_t since_look;            /* that came or were answered */
        size_t sources[HELD_SOURCES]; /* by a number of the source */
        bool too_much;                /* perhaps: the turn ends with a look */
    } held;
    int64_t held_told; /* what others have been told of it */

    struct {
        pace_lane lanes[PACE_LANES];
        pace_lane *queue, *queue_end; /* lanes in which somebody waits, in turn */
        size_t queue_count, waiting;  /* lanes; requests */
        unsigned strangers;           /* that had their turn in this one */
        uint64_t turn;
        cmp_timer *timer;
    } pace;

    struct {                         /* see drain.h */
        bool asked;                  /* by cmpctl drain */
        bool ending;                 /* the worker itself */
        uint64_t since_ms, until_ms; /* then: server_now_ms */
        void (*drained)(void *arg);
        void *arg;
    } drain;
};

/* Monotonic, read once in each turn of the loop. */
static inline int64_t server_now_us(server_worker *sw)
{
    if (sw->now_us == 0) {
        sw->now_us = clock_monotonic_us();
    }
    return sw->now_us;
}

static inline uint64_t server_now_ms(server_worker *sw)
{
    return (uint64_t)server_now_us(sw) / 1000;
}

/* front.c: the only handler. */
void front_register(h2o_pathconf_t *path);

/* fallback.c: the form of h2o's own errors. */
void fallback_register(h2o_pathconf_t *path);
