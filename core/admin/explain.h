/* SPDX-License-Identifier: Apache-2.0 */
/* `cmpctl explain`: what would happen to a request, and why. */
#pragma once

#include <h2o.h>

/* Answers /explain?… (a handset asks) and /explain/as/PEER?… (a peer asks over MC-3). */
int explain_answer(h2o_req_t *req);
