/* SPDX-License-Identifier: Apache-2.0 */
/* The readers of HTTP/1 that libh2o calls, which are ours.
 *
 * libh2o brings its own picohttpparser, whose readers of heads and of chunked bodies let through
 * what two parsers could read in two ways. It calls them as any shared library does, by name, so
 * the executable's definitions of these names take their place: there is no second reader that
 * could see something else. picohttp_in_place tells at the start whether that holds. */
#pragma once

#include "http/fault.h"

#include <h2o.h>

/* How large a head that this thread reads may become; libh2o's own limit is 408 KiB. */
void picohttp_set_limit(size_t head_bytes);

/* A head that was refused reaches its handler as a request of its own, so that it is answered and
 * counted as any other is; this is what it was refused for. ERROR_NONE: it was not. */
http_fault picohttp_refusal(const h2o_req_t *req);

/* Whether libh2o calls the readers here; tries it, with a connection and a loop of its own. */
bool picohttp_in_place(void);
