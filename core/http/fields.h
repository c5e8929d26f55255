/* SPDX-License-Identifier: Apache-2.0 */
/* A request's header fields, as libh2o keeps them. */
#pragma once

#include <cmp/base.h>
#include <h2o.h>

/* The value of its first field of that name, in lower case; absent when there is none. */
cmp_str request_field(const h2o_req_t *req, const char *name);

/* Whether its body is of that media type, whatever its parameters, and not encoded. */
bool request_carries(const h2o_req_t *req, cmp_str media_type);
