/* SPDX-License-Identifier: Apache-2.0 */
/* Time and memory of connections, looked at a few times a second (rounds.h): who sends a request
 * slowly or not at all, who does not take what was answered, and how much of both lies here.
 *
 * libh2o's own limits live by the wall clock, restart with any frame of HTTP/2, and end no answer
 * that is not read; these live by the monotonic clock. */
#pragma once

#include "http/internal.h"

/* Registers the counters; once, before workers start. */
void sweep_setup(void);

/* Begins with the worker. */
void sweep_start(server_worker *sw);

/* Its part of a round; after `sweep_visit_begin` each request of HTTP/2 is told. */
void sweep_begin(server_worker *sw);
void sweep_visit_begin(connection *c);
int sweep_request(h2o_req_t *req, void *sw);
void sweep_visit(connection *c);
void sweep_end(server_worker *sw);
uint64_t sweep_pause_ms(const server_worker *sw);

/* At the end of each turn, after which it may be too late: looks when much has come. */
void sweep_turn_end(server_worker *sw);

/* Octets have come on a connection of HTTP/2, which libh2o may have to keep. */
void sweep_received(connection *c, size_t octets);

/* An answer goes to it. */
void sweep_answered(connection *c, size_t octets);
