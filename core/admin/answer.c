/* SPDX-License-Identifier: Apache-2.0 */
/* The two forms of what the admin socket answers: JSON, and problems. */
#include "admin/answer.h"

#include "http/connection.h"
#include "http/drain.h"
#include "http/metered.h"
#include "http/sweep.h"

#include <stdlib.h>

/* `application/problem+json` names a status by number; this is for people. */
static const char *reason_of(int status)
{
    static const struct {
        int status;
        const char *reason;
    } known[] = {{200, "OK"},
                 {400, "Bad Request"},
                 {403, "Forbidden"},
                 {404, "Not Found"},
                 {405, "Method Not Allowed"},
                 {409, "Conflict"},
                 {413, "Content Too Large"},
                 {422, "Unprocessable Content"},
                 {500, "Internal Server Error"},
                 {503, "Service Unavailable"},
                 {504, "Gateway Timeout"}};
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (known[i].status == status) {
            return known[i].reason;
        }
    }
    return "Unknown";
}

/* Operators have as long as they want; on other listeners an answer is one like all others. */
static bool is_operator(const connection *c)
{
    return c->entrance == c->sw->admin;
}

static void respond(h2o_req_t *req, int status, const char *type, cmp_str text)
{
    static h2o_generator_t no_more = {NULL, NULL};
    connection *c = connection_of(req->conn);
    connection_touch(c); /* who asks now and then is not idle */
    req->res.status = status;
    req->res.reason = reason_of(status);
    req->res.content_length = text.size;
    h2o_add_header(&req->pool, &req->res.headers, H2O_TOKEN_CONTENT_TYPE, NULL, type, strlen(type));
    h2o_iovec_t body = h2o_strdup(&req->pool, text.at, text.size);
    const bool is_head =
        h2o_memis(req->input.method.base, req->input.method.len, H2O_STRLIT("HEAD"));
    if (!is_operator(c)) {
        drain_answering(c, req);
    }
    h2o_start_response(req, &no_more);
    h2o_send(req, &body, is_head ? 0 : 1, H2O_SEND_STATE_FINAL);
    if (!is_operator(c)) {
        metered_sent(c);
        sweep_answered(c, text.size);
    }
}

void admin_answer_as(h2o_req_t *req, int status, cmp_str json)
{
    respond(req, status, status < 400 ? "application/json" : "application/problem+json", json);
}

void admin_answer_text(h2o_req_t *req, const char *type, cmp_str text)
{
    respond(req, 200, type, text);
}

void admin_answer(h2o_req_t *req, cmp_str json)
{
    admin_answer_as(req, 200, json);
}

void admin_answer_object(h2o_req_t *req, json_t *all)
{
    char *text = json_dumps(all, JSON_COMPACT | JSON_REAL_PRECISION(6));
    json_decref(all);
    admin_answer(req, cmp_str_from(text));
    free(text);
}

json_t *admin_problem(int status, const char *detail)
{
    json_t *p = json_object();
    json_object_set_new(p, "title", json_string(reason_of(status)));
    json_object_set_new(p, "status", json_integer(status));
    if (detail != NULL) {
        json_object_set_new(p, "detail", json_string(detail));
    }
    return p;
}

json_t *admin_errors(const conf_error *at, size_t count)
{
    json_t *errors = json_array();
    for (size_t i = 0; i < count; i++) {
        const conf_error *e = &at[i];
        json_t *one = json_object();
        if (e->place.file != NULL) {
            json_object_set_new(one, "file", json_string(e->place.file));
        }
        if (e->place.line != 0) {
            json_object_set_new(one, "line", json_integer(e->place.line));
            json_object_set_new(one, "column", json_integer(e->place.column));
        }
        if (e->key != NULL && *e->key != '\0') {
            json_object_set_new(one, "key", json_string(e->key));
        }
        json_object_set_new(one, "text", json_string(e->text));
        json_array_append_new(errors, one);
    }
    return errors;
}
