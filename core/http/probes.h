/* SPDX-License-Identifier: Apache-2.0 */
/* /live and /ready, on listeners that have them (`health`): what an orchestrator or a balancer
 * asks.
 *
 * Live is who answers. Ready is who takes new work: not while it drains, and not while a thread is
 * stuck. A store or a registry that is down leaves it ready, and is told as degraded: another cmpd
 * in its place would have the same trouble. */
#pragma once

#include "http/internal.h"

/* Answers when the request is one of the two; false: it is not. */
bool probes_answer(connection *c, h2o_req_t *req);
