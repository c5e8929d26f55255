/* SPDX-License-Identifier: Apache-2.0 */
/* Connections that are to leave, because their worker ends, their listener is gone, or the operator
 * wants it (cmpctl drain), or because they are spent (metered.c). They are told (GOAWAY,
 * `Connection: close`). Where something ends, those that are idle for a moment end soon, and all of
 * them after the configured time; else idle ones after that time, and all after twice of it. */
#pragma once

#include "http/internal.h"

/* Nobody is accepted any more, who is there is to leave: see server_worker_drain. */
void drain_worker(server_worker *sw, uint64_t patience_ms, void (*drained)(void *arg), void *arg);

/* The same for connections of entrances that are closed. */
void drain_closed(server_worker *sw);

/* From now on all are to leave that are there, and those that come when they have had an answer; or
 * none any more. */
void drain_ask(server_worker *sw, bool leave);

/* Before an answer goes out: tells its client when it is to leave. */
void drain_answering(connection *c, h2o_req_t *req);

/* Its part of a round; after the sweep's, which tells what a connection has under way. The
 * connection may be closed in here. */
void drain_visit(connection *c, bool listed);
void drain_round_end(server_worker *sw);
uint64_t drain_pause_ms(const server_worker *sw);
