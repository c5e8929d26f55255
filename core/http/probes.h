/* SPDX-License-Identifier: Apache-2.0 */
/* What others ask of cmpd itself, on listeners that have it: /metrics (`metrics`), which is
 * answered elsewhere, and /live and /ready (`health`), for an orchestrator or a balancer.
 *
 * Live is who answers. Ready is who takes new work: not while it drains, and not while a thread is
 * stuck. A store or a registry that is down leaves it ready, and is told as degraded: another cmpd
 * in its place would have the same trouble. */
#pragma once

#include "http/internal.h"

/* Answers when the request is one of these; false: it is not. */
bool probes_answer(connection *c, h2o_req_t *req);
