/* SPDX-License-Identifier: Apache-2.0 */
/* The errors that h2o answers itself, before there is a handler (a body of HTTP/1 far over the
 * limit, a broken chunk): the same problem+json as everywhere, instead of its plain text. */
#include "http/internal.h"

#include "mc/reply.h"
#include "pipeline/pipeline.h"

typedef struct fallback_ostream {
    h2o_ostream_t super;
    h2o_iovec_t body;
} fallback_ostream;

static void fallback_send(h2o_ostream_t *super, h2o_req_t *req, h2o_iovec_t *theirs, size_t count,
                          h2o_send_state_t state)
{
    fallback_ostream *self = (fallback_ostream *)super;
    (void)theirs;
    h2o_ostream_send_next(super, req, &self->body, count != 0 ? 1 : 0, state);
}

static void on_setup_ostream(h2o_filter_t *filter, h2o_req_t *req, h2o_ostream_t **slot)
{
    (void)filter;
    const error_code code =
        req->res.status == 413 ? ERROR_BODY_TOO_LARGE : ERROR_MALFORMED; /* 400, 417 */
    pipeline_count_refused(code);
    const reply_problem problem = {.code = code, .detail = cmp_str_from(req->res.reason)};
    fallback_ostream *self = (fallback_ostream *)h2o_add_ostream(req, sizeof(*self), slot);
    self->super.do_send = fallback_send;
    self->body.len = reply_problem_size(&problem);
    self->body.base = h2o_mem_alloc_pool(&req->pool, self->body.len);
    reply_problem_write(&problem, self->body.base);
    req->res.status = error_info_of(code)->status;
    req->res.content_length = self->body.len;
    req->res.headers = (h2o_headers_t){.entries = NULL};
    h2o_add_header(&req->pool, &req->res.headers, H2O_TOKEN_CONTENT_TYPE, NULL,
                   H2O_STRLIT("application/problem+json"));
    h2o_add_header(&req->pool, &req->res.headers, H2O_TOKEN_CACHE_CONTROL, NULL,
                   H2O_STRLIT("no-store"));
    h2o_setup_next_ostream(req, &self->super.next);
}

void fallback_register(h2o_pathconf_t *path)
{
    h2o_create_filter(path, sizeof(h2o_filter_t))->on_setup_ostream = on_setup_ostream;
}
