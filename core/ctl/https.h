/* SPDX-License-Identifier: Apache-2.0 */
/* One https request of cmpctl, with libcurl. (cmpd has a client of its own.) */
#pragma once

#include <cmp/base.h>

typedef struct https_options {
    const char *ca, *certificate, *key; /* paths, or NULL */
    bool http1, http2;
    long timeout_s;
    const char *admin_socket; /* path of the daemon's own socket, for http:// instead; or NULL */
    char *failure;            /* what went wrong goes there; NULL: to stderr */
    size_t failure_size;
} https_options;

typedef struct https_request {
    const char *url;
    const char *content_type, *body; /* POST; NULL: GET */
    const char *accept;              /* NULL: JSON, and problems */
    const char *const *headers;      /* further ones, as lines */
    size_t header_count;
} https_request;

typedef struct https_answer {
    int status;
    char status_line[160];
    char *body; /* not NULL when there was an answer */
    size_t body_size, body_max;
    bool absent; /* there is none, as nobody listens at the admin socket */
} https_answer;

/* The address to ask: `url` with the default path when it has none, and with `query` (may be NULL).
 * NULL after a message: no https, or a query of its own. Free with https_url_free. */
CMP_MUST_USE const char *https_url(const char *url, const char *query);
void https_url_free(const char **url);

/* Asks, and verifies certificate and host name. True when there was an answer, of whatever status;
 * else false after a message, but for `absent`, which may be good. Dispose of the answer in any
 * case.
 */
CMP_MUST_USE bool https_ask(const https_request *request, const https_options *options,
                            https_answer *answer);
void https_answer_dispose(https_answer *answer);
