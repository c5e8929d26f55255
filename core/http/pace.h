/* SPDX-License-Identifier: Apache-2.0 */
/* Requests take their turn. A turn of the loop serves a bounded number of strangers' requests, one
 * of each source after the other, so that nobody waits for longer than that takes, however many of
 * one source wait. Who was known by a signature or a token is served at once; but of what one
 * connection has pipelined over HTTP/1.1, or of octets of answers, it gets a few for each turn, and
 * the rest when everybody else has had theirs. */
#pragma once

#include "http/internal.h"

#define PACE_STRANGERS 32 /* requests a turn: about 1 ms of it */

typedef enum pace_verdict {
    PACE_NOW,   /* the request is to be handled now */
    PACE_LATER, /* `run(req)` is called in a later turn, unless its client goes before */
    PACE_NEVER, /* too many wait: it is to be refused */
} pace_verdict;

CMP_MUST_USE pace_verdict pace_take(connection *c, h2o_req_t *req, void (*run)(h2o_req_t *req));

/* Octets were written for it. */
void pace_spent(connection *c, size_t octets);

/* At the end of each turn. */
void pace_turn_end(server_worker *sw);
