/* SPDX-License-Identifier: Apache-2.0 */
/* All connections of a worker are looked at again and again, some in each turn of its loop: with
 * tens of thousands of them nobody else waits for all the others to be looked at, or told, or
 * ended. */
#pragma once

#include "http/internal.h"

/* What is done in each round. */
struct rounds_work {
    void (*begin)(server_worker *sw);
    void (*visit_begin)(connection *c); /* before its requests, if it has any of HTTP/2 */
    int (*request)(h2o_req_t *req, void *sw);
    /* `listed`: it is one of HTTP/2 that libh2o has. May close one that is not. What costs more
     * than a look is added to rounds.acts. */
    void (*visit)(connection *c, bool listed);
    void (*end)(server_worker *sw);
    uint64_t (*pause_ms)(server_worker *sw); /* until the next one */
};

/* Begins and ends with the worker; the work has to last. */
void rounds_start(server_worker *sw, const rounds_work *work);
void rounds_stop(server_worker *sw);

/* Something has changed for all: begins a new round, now. */
void rounds_begin(server_worker *sw);
