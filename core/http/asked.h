/* SPDX-License-Identifier: Apache-2.0 */
/* The header fields of a request that the auth plugins of its listener ask for. */
#pragma once

#include "http/fault.h"
#include "pipeline/txn.h"

#include <h2o.h>

/* Shows them to the transaction; the others are never looked at. Values are borrowed from `req`, or
 * lie in the transaction's memory. */
http_fault asked_read(const h2o_req_t *req, txn *t);
