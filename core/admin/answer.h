/* SPDX-License-Identifier: Apache-2.0 */
/* How a handler of the admin socket answers. */
#pragma once

#include <cmp/base.h>
#include <h2o.h>

/* 200 with JSON, which is copied. */
void admin_answer(h2o_req_t *req, cmp_str json);
