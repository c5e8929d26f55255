/* SPDX-License-Identifier: Apache-2.0 */
/* Connections that are to leave, because their worker ends, or their listener is gone. They are
 * told (GOAWAY, `Connection: close`); those that are idle for a moment then end, and all of them
 * when their time is over. */
#pragma once

#include "http/internal.h"

/* Nobody is accepted any more, who is there is to leave: see server_worker_drain. */
void drain_worker(server_worker *sw, uint64_t patience_ms, void (*drained)(void *arg), void *arg);

/* The same for connections of entrances that are closed. */
void drain_closed(server_worker *sw);

/* Before an answer goes out: tells its client when it is to leave. */
void drain_answering(connection *c, h2o_req_t *req);

/* The worker ends. */
void drain_stop(server_worker *sw);
