/* SPDX-License-Identifier: Apache-2.0 */
/* What only the interface `codes` needs of HTTP: its paths, methods and credentials
 * (etc/openapi/codes.yaml). */
#pragma once

#include "http/fault.h"
#include "pipeline/txn.h"

#include <h2o.h>

/* Whether a path (without query) belongs to the interface codes, and the listener offers it. */
bool codes_owns(const listener *l, cmp_str path);

/* Reads a request for such a path into the transaction. */
http_fault codes_read(const h2o_req_t *req, txn *t, cmp_str path);

/* For the headers of its answers. */
const char *codes_allowed(const txn *t);
#define CODES_CHALLENGE "Bearer realm=\"codes\", MC-HMAC realm=\"codes\""
