/* SPDX-License-Identifier: Apache-2.0 */
/* How a handler of the admin socket answers. */
#pragma once

#include "conf/report.h"

#include <h2o.h>
#include <jansson.h>

/* 200 with JSON, which is copied. */
void admin_answer(h2o_req_t *req, cmp_str json);

/* The same of an object, whose reference is handed over; reals have six digits. */
void admin_answer_object(h2o_req_t *req, json_t *all);

/* The same as the first with any status; from 400 on it is a problem (RFC 9457). */
void admin_answer_as(h2o_req_t *req, int status, cmp_str json);

/* 200 with a text of a type, which is static; copied. */
void admin_answer_text(h2o_req_t *req, const char *type, cmp_str text);

/* A problem's members title, status and detail; `detail` may be NULL. The caller's reference. */
json_t *admin_problem(int status, const char *detail);

/* A report's errors or warnings as an array of {file, line, column, key, text}, without what is not
 * known: what cmpctl prints as `file:line:column: key: text`. The caller's reference. */
json_t *admin_errors(const conf_error *at, size_t count);
