/* SPDX-License-Identifier: Apache-2.0 */
/* Outbound HTTPS for plugins: requests over the host's own client, on a worker's connections.
 *
 * h2 where the server speaks it, HTTP/1.1 otherwise; certificate and host name are always verified;
 * failing servers are left alone for a while (a circuit breaker). */
#pragma once

#include <cmp/message.h>

/* One server. Belongs to the instance that opened it, until origin_close. */
typedef struct cmp_origin cmp_origin;

/* Texts are copied. 0 stands for the host's default. */
typedef struct cmp_origin_options {
    const char *url;         /* https://host[:port][/path] */
    const char *server_name; /* whom the certificate must be for; NULL: the URL's host */
    const char *ca;          /* PEM file; NULL: the system's */
    const char *crl; /* PEM file of revocation lists, read again when it changes; NULL: none */
    const char *certificate;  /* client certificate, PEM; NULL: none */
    const char *key;          /* of that certificate, PEM */
    unsigned connections_max; /* of one worker */
    unsigned waiting_max;     /* requests of one worker that wait for a connection */
    uint64_t connect_timeout_ms, idle_timeout_ms, resolve_interval_ms;
} cmp_origin_options;

#define CMP_HTTPS_HEADERS_MAX 16

/* One request. It and what it points to are the caller's, and copied by https_start. */
typedef struct cmp_https_request {
    const char *method;   /* GET, POST, PUT, DELETE */
    cmp_str path;         /* appended to the URL's path, query included; absent: nothing */
    cmp_str content_type; /* absent: no body */
    cmp_str body;
    cmp_str accept;          /* absent: not sent */
    cmp_str authorization;   /* absent: not sent; never logged */
    const cmp_pair *headers; /* further ones; names in lower case, values visible ASCII */
    size_t header_count;     /* at most CMP_HTTPS_HEADERS_MAX; never logged */
    size_t answer_max;       /* octets of the body */
    uint64_t timeout_ms;     /* for everything: waiting, connecting, the whole answer */
} cmp_https_request;

typedef enum cmp_https_result {
    CMP_HTTPS_ANSWERED, /* status and body are there, whatever they say */
    CMP_HTTPS_NOT_SENT, /* provably not processed: no connection, circuit open, too much waiting */
    CMP_HTTPS_BROKEN,   /* sent, perhaps processed, and then the connection ended */
    CMP_HTTPS_TIMEOUT,
    CMP_HTTPS_BAD_ANSWER, /* no HTTP, given up by the server, or the body is over answer_max */
} cmp_https_result;

/* Valid during the callback. */
typedef struct cmp_https_answer {
    cmp_https_result result;
    const char *detail;     /* what went wrong, for the log; NULL with ANSWERED */
    int status;             /* with ANSWERED */
    cmp_str content_type;   /* without parameters; absent: none */
    unsigned retry_after_s; /* the server's; with NOT_SENT: too much waits here, not 0 */
    cmp_str body;
} cmp_https_answer;

/* One request under way, on the worker that began it: the host's, and gone when `done` was called
 * or it was cancelled. */
typedef struct cmp_call cmp_call;
