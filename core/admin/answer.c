/* SPDX-License-Identifier: Apache-2.0 */
/* The one form of what the admin socket answers. */
#include "admin/answer.h"

void admin_answer(h2o_req_t *req, cmp_str json)
{
    req->res.status = 200;
    req->res.reason = "OK";
    req->res.content_length = json.size;
    h2o_add_header(&req->pool, &req->res.headers, H2O_TOKEN_CONTENT_TYPE, NULL,
                   H2O_STRLIT("application/json"));
    h2o_send_inline(req, json.at, json.size);
}
