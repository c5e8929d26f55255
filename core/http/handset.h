/* SPDX-License-Identifier: Apache-2.0 */
/* What only MC-1 needs of HTTP: browsers that are redirected, and pages of other origins (CORS). */
#pragma once

#include "pipeline/generation.h"

#include <h2o.h>

/* Whether the client would rather see a page than JSON: text/html is the type that it prefers. */
bool handset_wants_redirect(const h2o_req_t *req);

/* The language that the client wants, two letters in either case; absent when it names none, or
 * when the listener does not ask. Borrowed from the request. */
cmp_str handset_language(const h2o_req_t *req, const listener *l);

/* Adds the headers that say what the answer depended on, and those by which the browser lets a page
 * of an allowed origin read it. */
void handset_add_headers(h2o_req_t *req, const listener *l);

/* Answers a CORS preflight (OPTIONS), when the listener allows some origins. False: it was none. */
bool handset_answer_preflight(h2o_req_t *req, const listener *l);
