/* SPDX-License-Identifier: Apache-2.0 */
/* An incoming request, as plugins see it through the accessors of struct cmp_host.
 *
 * The pipeline's own transaction holds one; copies for the pool, look-ups of the interface codes,
 * and cmpctl make do with it alone. */
#pragma once

#include "mc/message.h"

#include <cmp-kit/arena.h>

#include <cmp/auth.h>

typedef struct mc_request {
    message message;
    uint8_t source[16];      /* IPv6 or IPv4-mapped */
    cmp_str listener;        /* its name; lives as long as the configuration */
    cmp_interface interface; /* on which it came */
    cmp_str requestor;       /* name of the authenticated peer; absent before, and for handsets */
    int64_t now_ms;          /* Unix time at which it came in */
    cmp_str traceparent;     /* W3C Trace Context; absent: none came */
    cmp_pair *headers;       /* the fields that the auth chain asked for, and no others; a value is
                                absent when it was not sent. Names live as the configuration does */
    size_t header_count;
    const cmp_certificate *certificate; /* that the client has shown; NULL: none, or nobody asked */
    kit_arena *memory; /* what txn_alloc gives out; lives at least as long as this struct */
} mc_request;

/* Copies all octets that the message and what came beside it borrow into the request's own memory.
 */
void request_own(mc_request *r);

/* Takes contextual parameters out of the message: the i-th one when bit i is set. */
void request_drop(mc_request *r, uint32_t which);

/* A copy for another thread, in memory of its own. */
void request_copy(mc_request *to, const mc_request *from, kit_arena *memory);
