/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP's side of a request: from h2o's handler into the pipeline, and the answer back. */
#include "http/fault.h"

#include "base/field.h"
#include "http/asked.h"
#include "http/balancer.h"
#include "http/codes.h"
#include "http/connection.h"
#include "http/drain.h"
#include "http/fields.h"
#include "http/handset.h"
#include "http/head.h"
#include "http/metered.h"
#include "http/pace.h"
#include "http/picohttp.h"
#include "http/probes.h"
#include "http/sweep.h"
#include "mc/reply.h"
#include "pipeline/codes.h"
#include "pipeline/pipeline.h"

#include <cmp-kit/text.h>

#include <stdlib.h>

#define ALLOWED          "GET, HEAD, POST"
#define OVERLOAD_RETRY_S "1"

/* A request of h2o's on its way through the pipeline. It lies on the stack while nothing waits, and
 * in h2o's memory, with a dispose hook, once something does: h2o frees a request as soon as its
 * client goes. */
typedef struct request {
    h2o_req_t *req;
    connection *connection;
    txn *txn; /* NULL: answered */
} request;

/* Called when the answer has gone, too. Over HTTP/2 it tells at once that the client went; over
 * HTTP/1 libh2o reads nothing while a handler works, so there the deadline has to end it. */
static void on_dispose(void *arg)
{
    request *r = arg;
    r->connection->active--;
    if (r->txn != NULL) {
        txn *t = r->txn;
        r->txn = NULL;
        pipeline_client_gone(t);
    }
}

static void front_keep(txn *t)
{
    request *on_stack = t->front_data;
    request *r = h2o_mem_alloc_shared(&on_stack->req->pool, sizeof(*r), on_dispose);
    *r = *on_stack;
    /* So nobody takes the connection for idle. */
    r->connection->active++;
    t->front_data = r;
}

static char *front_body_alloc(txn *t, size_t size)
{
    const request *r = t->front_data;
    return h2o_mem_alloc_pool(&r->req->pool, size);
}

static void add_header(h2o_req_t *req, const h2o_token_t *name, const char *value, size_t size)
{
    h2o_add_header(&req->pool, &req->res.headers, name, NULL, value, size);
}

static void add_special_headers(h2o_req_t *req, const txn *t, const txn_answer *a)
{
    const bool codes = t->purpose == PURPOSE_CODES;
    if (a->status == 401) {
        const cmp_str challenge = codes ? CMP_STR(CODES_CHALLENGE) : t->listener->challenge;
        add_header(req, H2O_TOKEN_WWW_AUTHENTICATE, challenge.at, challenge.size);
    } else if (a->status == 405) {
        const char *allowed = codes ? codes_allowed(t) : ALLOWED;
        add_header(req, H2O_TOKEN_ALLOW, allowed, strlen(allowed));
    }
    if (a->retry_after_s != 0) {
        char *seconds = h2o_mem_alloc_pool(&req->pool, 12);
        const int size = snprintf(seconds, 12, "%u", a->retry_after_s);
        add_header(req, H2O_TOKEN_RETRY_AFTER, seconds, (size_t)size);
    }
}

/* SPEC 3: between CMPs an answer belongs to its transaction. On MC-1 it was chosen for one handset
 * (Table 19), so no shared cache may keep it. */
static void add_cache_control(h2o_req_t *req, const txn *t, const txn_answer *a)
{
    if (t->request.interface != CMP_INTERFACE_MC1 || a->type == ANSWER_PROBLEM) {
        add_header(req, H2O_TOKEN_CACHE_CONTROL, H2O_STRLIT("no-store"));
        return;
    }
    char *text = h2o_mem_alloc_pool(&req->pool, 40);
    const int size = snprintf(text, 40, "private, max-age=%u", (unsigned)a->ttl_s);
    add_header(req, H2O_TOKEN_CACHE_CONTROL, text, (size_t)size);
}

static void add_answer_headers(h2o_req_t *req, txn *t, const txn_answer *a)
{
    switch (a->type) {
    case ANSWER_JSON:
        add_header(req, H2O_TOKEN_CONTENT_TYPE, H2O_STRLIT("application/json"));
        break;
    case ANSWER_PROBLEM:
        add_header(req, H2O_TOKEN_CONTENT_TYPE, H2O_STRLIT("application/problem+json"));
        add_special_headers(req, t, a);
        break;
    case ANSWER_EMPTY:
        break;
    case ANSWER_REDIRECT: {
        /* A copy: what a plugin or the transaction lends is gone before libh2o has written it. */
        const h2o_iovec_t location = h2o_strdup(&req->pool, a->location.at, a->location.size);
        add_header(req, H2O_TOKEN_LOCATION, location.base, location.len);
        break;
    }
    }
    add_cache_control(req, t, a);
    if (t->request.interface == CMP_INTERFACE_MC1) {
        handset_add_headers(req, t->listener);
    }
}

/* The connection was ended, but libh2o goes on with what it has read already: that costs next to
 * nothing, and makes no answer that would lie here. */
static void answer_nobody(h2o_req_t *req)
{
    static h2o_generator_t no_more = {NULL, NULL};
    req->res.status = 503;
    req->res.reason = "Service Unavailable";
    req->res.content_length = 0;
    req->http1_is_persistent = 0;
    h2o_start_response(req, &no_more);
    h2o_send(req, NULL, 0, H2O_SEND_STATE_FINAL);
}

/* A partner is a peer or the holder of a token who asks within its bounds: who has only found out
 * how to be refused is a stranger. What went wrong here or behind us is no fault of theirs, and may
 * have done so before it was known who asks. */
static void know_partner(connection *c, const txn *t, const txn_answer *a)
{
    const bool known = t->requestor != NULL || t->bearer != NULL;
    if (a->status >= 500) {
        c->partner = c->partner || known;
    } else {
        c->partner = known && (a->status < 400 || a->status == 404 || a->status == 410);
    }
}

static void front_send(txn *t, const txn_answer *a)
{
    static h2o_generator_t no_more = {NULL, NULL};
    request *r = t->front_data;
    h2o_req_t *req = r->req;
    connection *c = r->connection;
    /* First: h2o may dispose of the request while it sends, and that is no client that went. */
    r->txn = NULL;
    know_partner(c, t, a);
    if (c->cut) {
        answer_nobody(req);
        return;
    }
    req->res.status = a->status;
    req->res.reason = a->reason;
    /* A 204 has no Content-Length (RFC 9110, 8.6); an answer to HEAD has that of GET. */
    req->res.content_length = a->type == ANSWER_EMPTY ? SIZE_MAX : a->body_size;
    add_answer_headers(req, t, a);
    drain_answering(c, req);
    h2o_iovec_t body = {(char *)(uintptr_t)a->body, a->body_size};
    const bool is_head =
        h2o_memis(req->input.method.base, req->input.method.len, H2O_STRLIT("HEAD"));
    h2o_start_response(req, &no_more);
    h2o_send(req, &body, is_head || a->body_size == 0 ? 0 : 1, H2O_SEND_STATE_FINAL);
    metered_sent(c);
    pace_spent(c, t->codes != NULL ? t->codes->octets : a->body_size);
    sweep_answered(c, a->body_size);
}

static const front_ops front = {.body_alloc = front_body_alloc,
                                .send = front_send,
                                .keep = front_keep};

/* ---- what can be wrong before there is a message ---- */

/* The fields of one connection that libh2o lets through; it refuses the others (RFC 9113, 8.2.2).
 */
static bool has_connection_fields(const h2o_req_t *req)
{
    for (size_t i = 0; i < req->headers.size; i++) {
        const h2o_iovec_t name = *req->headers.entries[i].name;
        if (h2o_memis(name.base, name.len, H2O_STRLIT("keep-alive")) ||
            h2o_memis(name.base, name.len, H2O_STRLIT("proxy-connection"))) {
            return true;
        }
    }
    return false;
}

/* What libh2o's HTTP/2 does not look at (RFC 9113, 8). Over HTTP/1 head.c has. */
static const char *http2_fault(const h2o_req_t *req)
{
    const cmp_str method = {req->input.method.base, req->input.method.len};
    const cmp_str authority = {req->input.authority.base, req->input.authority.len};
    if (!field_is_token(method)) {
        return "The method is not valid";
    }
    if (!field_host_valid(authority)) {
        return ":authority is not valid";
    }
    if (has_connection_fields(req)) {
        return "HTTP/2 has no Keep-Alive and no Proxy-Connection";
    }
    return head_target_fault(method, (cmp_str){req->path.base, req->path.len}, false);
}

/* How many octets of fields there are; and of the one that any request may have, the value, on the
 * same way: a search of its own takes longer. One that is no traceparent is dropped. */
static size_t read_fields(const h2o_req_t *req, txn *t)
{
    static const cmp_str traceparent = CMP_STR("traceparent");
    cmp_str value = CMP_NONE;
    size_t size = 0;
    for (size_t i = 0; i < req->headers.size; i++) {
        const h2o_header_t *field = &req->headers.entries[i];
        size += field->name->len + field->value.len;
        if (value.at == NULL &&
            cmp_str_equal((cmp_str){field->name->base, field->name->len}, traceparent)) {
            value = (cmp_str){field->value.base, field->value.len};
        }
    }
    t->request.traceparent = field_traceparent_valid(value) ? value : CMP_NONE;
    return size;
}

/* Over HTTP/2, of a body that is too long for everything: hpack.h. */
static bool says_too_long(const h2o_req_t *req)
{
    return req->version >= 0x200 &&
           h2o_find_header(&req->headers, H2O_TOKEN_CONTENT_LENGTH, -1) != -1;
}

/* The rest of it may have been cut off by the limit of now (meter.h): it must not pass for whole by
 * another, of a listener that is gone, or of the time when its turn comes. */
static void mark_too_long(h2o_req_t *req)
{
    const server_limits *limits = &connection_of(req->conn)->sw->limits;
    if (req->version >= 0x200 && req->entity.len > limits->meter.body_bytes) {
        h2o_add_header(&req->pool, &req->headers, H2O_TOKEN_CONTENT_LENGTH, NULL,
                       H2O_STRLIT("too long"));
    }
}

static http_fault check_head(const h2o_req_t *req, txn *t)
{
    const conf_limits *limits = &t->generation->conf->top.limits;
    const http_fault refusal = picohttp_refusal(req);
    if (refusal.code != ERROR_NONE) {
        return refusal;
    }
    const char *why = req->version >= 0x200 ? http2_fault(req) : NULL;
    if (why != NULL) {
        return (http_fault){ERROR_MALFORMED, why, true};
    }
    if (says_too_long(req)) {
        return (http_fault){ERROR_BODY_TOO_LARGE, NULL, true};
    }
    if ((int64_t)req->headers.size > limits->headers) {
        return (http_fault){ERROR_HEADERS_TOO_LARGE, head_too_many_fields, true};
    }
    if ((int64_t)read_fields(req, t) > limits->header_bytes) {
        return (http_fault){ERROR_HEADERS_TOO_LARGE, NULL, true};
    }
    if ((int64_t)req->path.len > limits->uri_bytes) {
        return (http_fault){ERROR_URI_TOO_LONG, NULL, false};
    }
    return (http_fault){ERROR_NONE, NULL, false};
}

static bool find_interface(txn *t, cmp_str path)
{
    for (size_t i = 0; i < t->listener->path_count; i++) {
        /* Octet by octet, without dots or escapes resolved: one spelling for each interface. */
        if (cmp_str_equal(t->listener->paths[i].path, path)) {
            t->request.interface = t->listener->paths[i].interface;
            return true;
        }
    }
    return false;
}

static http_fault read_body(const h2o_req_t *req, txn *t, bool has_query)
{
    const int64_t limit = t->generation->conf->top.limits.body_bytes;
    if ((int64_t)req->entity.len > limit) {
        return (http_fault){ERROR_BODY_TOO_LARGE, NULL, true};
    }
    if (has_query) {
        return (http_fault){ERROR_MALFORMED, "A POST has its parameters in the body only", false};
    }
    if (request_carries(req, CMP_STR("application/x-www-form-urlencoded"))) {
        t->carriage = CARRIAGE_FORM;
    } else if (request_carries(req, CMP_STR("application/json"))) {
        t->carriage = CARRIAGE_JSON;
    } else {
        return (http_fault){ERROR_UNSUPPORTED_MEDIA_TYPE,
                            "A POST carries a form or JSON, not encoded", false};
    }
    t->text = (cmp_str){req->entity.base != NULL ? req->entity.base : "", req->entity.len};
    return (http_fault){ERROR_NONE, NULL, false};
}

/* Finds interface, carriage and the message's octets. */
static http_fault read_request(const h2o_req_t *req, txn *t, const connection *c)
{
    const http_fault wrong = check_head(req, t);
    if (wrong.code != ERROR_NONE) {
        return wrong;
    }
    const bool has_query = req->query_at != SIZE_MAX;
    const size_t path_size = has_query ? req->query_at : req->path.len;
    const cmp_str path = head_target_path((cmp_str){req->path.base, path_size});
    if (codes_owns(t->listener, path)) {
        return codes_read(req, t, path);
    }
    if (!find_interface(t, path)) {
        return (http_fault){ERROR_NOT_FOUND, NULL, false};
    }
    const h2o_iovec_t method = req->input.method;
    if (t->request.interface == CMP_INTERFACE_MC1) {
        t->first = c->counted && c->requests == 1;
        balancer_source(req, t->listener, t->request.source);
        t->wants_redirect = handset_wants_redirect(req);
        t->language = handset_language(req, t->listener);
    }
    if (h2o_memis(method.base, method.len, H2O_STRLIT("POST"))) {
        return read_body(req, t, has_query);
    }
    if (!h2o_memis(method.base, method.len, H2O_STRLIT("GET")) &&
        !h2o_memis(method.base, method.len, H2O_STRLIT("HEAD"))) {
        return (http_fault){ERROR_METHOD_NOT_ALLOWED, NULL, false};
    }
    if (req->entity.len != 0) {
        return (http_fault){ERROR_MALFORMED, "A GET has no body", true};
    }
    t->carriage = CARRIAGE_FORM;
    t->text = has_query ? (cmp_str){req->path.base + path_size + 1, req->path.len - path_size - 1}
                        : CMP_STR("");
    return (http_fault){ERROR_NONE, NULL, false};
}

static void handle(h2o_req_t *req)
{
    connection *c = connection_of(req->conn);
    if (c->cut) {
        answer_nobody(req);
        return;
    }
    worker *w = c->sw->worker;
    const entrance *e = c->entrance;
    connection_touch(c); /* before a probe, too: a balancer's connection is not idle */
    if ((e->listener->conf->health || e->listener->conf->metrics) && probes_answer(c, req)) {
        return;
    }
    txn *t = pipeline_open(w, e->tenure != NULL ? e->tenure : w->tenure, e->listener);
    request r = {.req = req, .connection = c, .txn = t};
    t->front = &front;
    t->front_data = &r;
    t->begun_us = server_now_us(c->sw);
    memcpy(t->request.source, c->source, sizeof(t->request.source));
    t->request.certificate =
        t->listener->wants_certificate ? certificate_shown(c->certificate) : NULL;
    /* The wall clock's, which records and the freshness of tids live by; without a system call. */
    const struct timeval *now = h2o_get_timestamp(req->conn->ctx, NULL, NULL); /* of this turn */
    t->account.begun_us = (int64_t)now->tv_sec * 1000000 + now->tv_usec;
    t->request.now_ms = t->account.begun_us / 1000;
    http_fault wrong = read_request(req, t, c);
    if (wrong.code == ERROR_NONE && t->listener->fields.names != NULL) {
        wrong = asked_read(req, t);
    }
    if (wrong.code == ERROR_NONE) {
        pipeline_run(t);
        return;
    }
    if (wrong.code == ERROR_METHOD_NOT_ALLOWED && t->request.interface == CMP_INTERFACE_MC1 &&
        handset_answer_preflight(req, t->listener)) {
        /* It was no request of ours: not counted, and not logged. */
        txn_discard(t);
        metered_sent(c);
        return;
    }
    if (wrong.close) {
        /* Where it ends is in doubt: what is behind it must not be read as a request. */
        req->http1_is_persistent = 0;
    }
    pipeline_refuse(t, wrong.code, t->fault.parameter, wrong.detail);
}

/* Without a transaction, which would cost as much as those that are served. */
static void refuse(h2o_req_t *req)
{
    static h2o_generator_t no_more = {NULL, NULL};
    connection *c = connection_of(req->conn);
    if (c->cut) {
        answer_nobody(req);
        return;
    }
    connection_touch(c);
    const reply_problem problem = {.code = ERROR_OVERLOADED};
    h2o_iovec_t body = {.len = reply_problem_size(&problem)};
    body.base = h2o_mem_alloc_pool(&req->pool, body.len);
    reply_problem_write(&problem, body.base);
    pipeline_count_refused(problem.code);
    req->res.status = error_info_of(problem.code)->status;
    req->res.reason = "Service Unavailable";
    req->res.content_length = body.len;
    add_header(req, H2O_TOKEN_CONTENT_TYPE, H2O_STRLIT("application/problem+json"));
    add_header(req, H2O_TOKEN_CACHE_CONTROL, H2O_STRLIT("no-store"));
    add_header(req, H2O_TOKEN_RETRY_AFTER, H2O_STRLIT(OVERLOAD_RETRY_S));
    drain_answering(c, req);
    const bool is_head =
        h2o_memis(req->input.method.base, req->input.method.len, H2O_STRLIT("HEAD"));
    h2o_start_response(req, &no_more);
    h2o_send(req, &body, is_head ? 0 : 1, H2O_SEND_STATE_FINAL);
    metered_sent(c);
    pace_spent(c, body.len);
    sweep_answered(c, body.len);
}

static int on_request(h2o_handler_t *handler, h2o_req_t *req)
{
    (void)handler;
    mark_too_long(req);
    switch (pace_take(connection_of(req->conn), req, handle)) {
    case PACE_NOW:
        handle(req);
        break;
    case PACE_LATER:
        break;
    case PACE_NEVER:
        refuse(req);
        break;
    }
    return 0;
}

void front_register(h2o_pathconf_t *path)
{
    h2o_create_handler(path, sizeof(h2o_handler_t))->on_req = on_request;
}
