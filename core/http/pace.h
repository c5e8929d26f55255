/* SPDX-License-Identifier: Apache-2.0 */
/* Requests of one connection take their turn: it is served a few that were pipelined over HTTP/1.1,
 * or some octets of answers, for each turn of the loop, and the rest when everybody else has had
 * theirs. */
#pragma once

#include "http/internal.h"

/* Whether the request may be handled now. False: `run(req)` is called in a later turn, unless its
 * client goes before. */
bool pace_take(connection *c, h2o_req_t *req, void (*run)(h2o_req_t *req));

/* Octets were written for it. */
void pace_spent(connection *c, size_t octets);

/* At the end of each turn. */
void pace_turn_end(server_worker *sw);
