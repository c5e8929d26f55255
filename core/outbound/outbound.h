/* SPDX-License-Identifier: Apache-2.0 */
/* Outbound HTTPS: requests to peers, on the worker's own loop and connections.
 *
 * h2 (nghttp2 on h2o sockets) when the server negotiates it, HTTP/1.1 otherwise. Certificate and
 * host name are always verified. An origin describes one URL and is shared by all workers; its
 * connections are each worker's own. */
#pragma once

#include "base/file_set.h"
#include "event/pool.h"

#include <cmp/https.h>

/* ---- origins: process-wide ---- */

typedef cmp_origin origin;

typedef struct origin_options {
    const char *name;         /* for logs: the peer's name, or the instance's */
    bool of_plugin;           /* it is an instance's */
    const char *url;          /* https://host[:port][/path]; the path is the requests' */
    const char *default_path; /* of a URL without one; NULL: "/" */
    const char *server_name;  /* SNI, and what the certificate must be for; NULL: the URL's host */
    const char *ca;           /* PEM file; NULL: the system's */
    const char *crl;          /* PEM file of revocation lists; NULL: none */
    const char *certificate;  /* client certificate, PEM chain; NULL: none */
    const char *key;
    const char *source;       /* local address to connect from; NULL: any */
    unsigned connections_max; /* of one worker */
    unsigned waiting_max;     /* requests of one worker that wait for a connection or a stream */
    uint64_t connect_timeout_ms;
    uint64_t idle_timeout_ms;     /* an unused connection is closed after this */
    uint64_t resolve_interval_ms; /* how long looked-up addresses are used */
} origin_options;

/* Parses the URL and loads CA and certificate. NULL, with *error filled, naming the file or the
 * part of the URL. Texts are copied. The creator holds the first reference. */
CMP_MUST_USE origin *origin_create(const origin_options *options, char *error, size_t error_size);
origin *origin_ref(origin *o);
void origin_unref(origin **o);

/* For logs; lives as long as the origin. */
const char *origin_name(const origin *o);

/* Whether it is a plugin's instance's, and no peer's. */
bool origin_of_plugin(const origin *o);

/* The files of the client certificate, of CAs and of revocation lists; NULL: there is none. Live as
 * long as the origin. */
const char *origin_certificate(const origin *o);
const char *origin_ca(const origin *o);
const char *origin_crl(const origin *o);

/* CA, client certificate and key, as far as it has them. Control thread. */
file_set *origin_files(origin *o);

/* Reads the files anew, for connections that are made from now on. False with the error filled as
 * by origin_create: what was read before stays in use. Control thread. */
CMP_MUST_USE bool origin_renew(origin *o, char *error, size_t error_size);

/* Visits all that have files and an owner; none of them goes before all were visited. Control
 * thread. */
void origins_each(void (*visit)(origin *o, void *arg), void *arg);

/* "https://host:port" and the path. Live as long as the origin. */
const char *origin_authority(const origin *o); /* host:port as in the URL */
const char *origin_path(const origin *o);

/* Health, shared by all workers, any thread. A circuit opens after `CIRCUIT_FAILURES` failures in a
 * row (of connecting, TLS, or the connection itself; an HTTP answer of any status is a success, a
 * time-out is a failure only when nothing at all came back from that connection meanwhile). Then
 * one attempt is let through after a backoff that doubles from 250 ms to 2 s, with jitter: an
 * origin is used again within 2 s of its recovery. */
typedef enum circuit {
    CIRCUIT_CLOSED,
    CIRCUIT_OPEN,    /* not now */
    CIRCUIT_PROBING, /* one attempt is under way */
} circuit;

#define CIRCUIT_FAILURES 3

extern const char *const circuit_names[]; /* by circuit */

circuit origin_circuit(const origin *o);

/* Whether something failed since the last answer. */
bool origin_troubled(const origin *o);

/* ---- requests: a worker's ---- */

typedef struct outbound outbound; /* one for each worker */
typedef cmp_call outbound_call;   /* one request under way */

/* Requests, results and answers are those of the plugin ABI: plugins send theirs through here. */

outbound *outbound_create(loop *l, pool *p);

/* Closes all connections. No call may be under way; not from within `done`. */
void outbound_destroy(outbound **o);

/* Begins a request: `done(arg, answer)` is called exactly once, later (never from within), on the
 * loop's thread, unless the call is cancelled. All octets of `request` are copied or written before
 * this returns. Never NULL. */
outbound_call *outbound_start(outbound *o, origin *to, const cmp_https_request *request,
                              void (*done)(void *arg, const cmp_https_answer *answer), void *arg);

/* A request that is not sent at all: `done` is called as outbound_start does it, with NOT_SENT.
 * `detail` is static text. */
outbound_call *outbound_refuse(outbound *o, const char *detail,
                               void (*done)(void *arg, const cmp_https_answer *answer), void *arg);

/* Has a call that was begun in this turn go to a connection that is made from now on, when there
 * may be one more: those that stand may end as the one before did. */
void outbound_avoid_old(outbound_call *call);

/* `done` will not be called. The request itself is left to end by itself, and its answer is thrown
 * away: a client's cancel is never relayed as a reset. */
void outbound_cancel(outbound_call *call);
