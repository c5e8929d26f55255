/* SPDX-License-Identifier: Apache-2.0 */
/* Servers that tests play: what plugins send waits until the test answers it. */
#include "test/test.h"

#include "outbound/request_check.h"

#include <stdio.h>
#include <stdlib.h>

static const char *copy(kit_arena *a, const char *text)
{
    return kit_arena_text(a, cmp_str_from(text));
}

static cmp_origin *service_origin_open(const cmp_host *table, const cmp_origin_options *options,
                                       char *error, size_t error_size)
{
    cmp_test *t = test_of(table);
    if (t->origin_error != NULL) {
        snprintf(error, error_size, "%s", t->origin_error);
        return NULL;
    }
    cmp_origin *o = kit_calloc(1, sizeof(*o));
    o->test = t;
    kit_arena_init(&o->memory, NULL, 0);
    cmp_origin_options *to = &o->options;
    abi_read(t->host->older, ABI_cmp_origin_options, to, options);
    const char **const all[] = {&to->url, &to->server_name, &to->ca,
                                &to->crl, &to->certificate, &to->key};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        *all[i] = copy(&o->memory, *all[i]);
    }
    if (to->url == NULL) {
        test_die("origin_open: without a URL");
    }
    TAILQ_INSERT_TAIL(&t->origins, o, entry);
    return o;
}

static bool is_open(const cmp_test *t, const cmp_origin *o)
{
    const cmp_origin *found;
    TAILQ_FOREACH(found, &t->origins, entry)
    {
        if (found == o) {
            return true;
        }
    }
    return false;
}

static void service_origin_close(cmp_origin *o)
{
    if (o->test->call_count > 0) {
        test_die("origin_close: a request is under way");
    }
    TAILQ_REMOVE(&o->test->origins, o, entry);
    kit_arena_reset(&o->memory);
    free(o);
}

static void copy_request(cmp_call *c)
{
    cmp_https_request *r = &c->request;
    cmp_str *const all[] = {&r->path, &r->content_type, &r->body, &r->accept, &r->authorization};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        *all[i] = kit_arena_copy(&c->memory, *all[i]);
    }
    r->method = copy(&c->memory, r->method);
    cmp_pair *headers = kit_arena_calloc(&c->memory, r->header_count, sizeof(*headers));
    for (size_t i = 0; i < r->header_count; i++) {
        headers[i] = (cmp_pair){kit_arena_copy(&c->memory, r->headers[i].name),
                                kit_arena_copy(&c->memory, r->headers[i].value)};
    }
    r->headers = headers;
}

static cmp_call *service_https_start(const cmp_host *table, cmp_loop *loop, cmp_origin *origin,
                                     const cmp_https_request *request,
                                     void (*done)(void *arg, const cmp_https_answer *answer),
                                     void *arg)
{
    cmp_test *t = test_of(table);
    char why[REQUEST_FAULT_MAX];
    if (loop != cmp_test_worker_loop(t)) {
        test_die("https_start: on another loop than the worker's");
    }
    if (!is_open(t, origin)) {
        test_die("https_start: to a server that is not open");
    }
    cmp_call *c = kit_calloc(1, sizeof(*c));
    c->test = t;
    c->done = done;
    c->arg = arg;
    kit_arena_init(&c->memory, NULL, 0);
    abi_read(t->host->older, ABI_cmp_https_request, &c->request, request);
    if (!request_check(&c->request, why)) {
        test_die("https_start: %s", why);
    }
    copy_request(c);
    TAILQ_INSERT_TAIL(&t->calls, c, entry);
    t->call_count++;
    return c;
}

static void end(cmp_call *c)
{
    TAILQ_REMOVE(&c->test->calls, c, entry);
    c->test->call_count--;
    kit_arena_reset(&c->memory);
    free(c);
}

void test_https_services(cmp_host *table)
{
    table->services |= CMP_SERVICE_HTTPS;
    table->origin_open = service_origin_open;
    table->origin_close = service_origin_close;
    table->https_start = service_https_start;
    table->https_cancel = end;
}

void cmp_test_origin_error(cmp_test *t, const char *error)
{
    t->origin_error = error;
}

const cmp_origin_options *cmp_test_origin(const cmp_test *t, unsigned index)
{
    const cmp_origin *o = TAILQ_FIRST(&t->origins);
    while (o != NULL && index-- > 0) {
        o = TAILQ_NEXT(o, entry);
    }
    return o != NULL ? &o->options : NULL;
}

const cmp_https_request *cmp_test_request(const cmp_test *t, unsigned index)
{
    const cmp_call *c = TAILQ_FIRST(&t->calls);
    while (c != NULL && index-- > 0) {
        c = TAILQ_NEXT(c, entry);
    }
    return c != NULL ? &c->request : NULL;
}

unsigned cmp_test_requests(const cmp_test *t)
{
    return t->call_count;
}

/* The request is over before: the plugin may start the next one from within. */
void cmp_test_answer(cmp_test *t, const cmp_https_answer *answer)
{
    cmp_call *c = TAILQ_FIRST(&t->calls);
    if (c == NULL) {
        test_die("answer: no request is under way");
    }
    void (*done)(void *arg, const cmp_https_answer *answer) = c->done;
    void *arg = c->arg;
    end(c);
    done(arg, answer);
    test_settle(t);
}

void cmp_test_answer_json(cmp_test *t, int status, const char *body)
{
    cmp_test_answer(t, &(cmp_https_answer){.result = CMP_HTTPS_ANSWERED,
                                           .status = status,
                                           .content_type = CMP_STR("application/json"),
                                           .body = cmp_str_from(body)});
}

void cmp_test_answer_failed(cmp_test *t, cmp_https_result result, const char *detail)
{
    cmp_test_answer(t, &(cmp_https_answer){.result = result, .detail = detail});
}
