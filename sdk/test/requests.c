/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that tests make up, and the operations on them. */
#include "test/test.h"

#include "base/field.h"
#include "mc/decode.h"

#include <arpa/inet.h>
#include <stdlib.h>

/* ---- requests ---- */

cmp_test_txn *cmp_test_txn_create(cmp_test *t)
{
    cmp_test_txn *x = kit_calloc(1, sizeof(*x));
    x->test = t;
    kit_arena_init(&x->memory, NULL, 0);
    x->request = (mc_request){.now_ms = t->now_ms,
                              .listener = CMP_STR("peers"),
                              .headers = x->headers,
                              .memory = &x->memory};
    x->request.message.contextual = x->contextual;
    cmp_test_source(x, "127.0.0.1");
    t->txn_count++;
    return x;
}

void cmp_test_txn_destroy(cmp_test_txn **ref)
{
    cmp_test_txn *x = *ref;
    *ref = NULL;
    if (x != NULL) {
        x->test->txn_count--;
        kit_arena_reset(&x->memory);
        host_pieces_free(&x->pieces);
        free(x);
    }
}

void cmp_test_param_str(cmp_test_txn *x, cmp_param param, cmp_str value)
{
    if ((unsigned)param >= CMP_PARAM_MAX) {
        test_die("param: there is none with the number %u", (unsigned)param);
    }
    x->request.message.params[param] = kit_arena_copy(&x->memory, value);
}

void cmp_test_param(cmp_test_txn *x, cmp_param param, const char *value)
{
    cmp_test_param_str(x, param, cmp_str_from(value));
}

void cmp_test_contextual(cmp_test_txn *x, const char *name, const char *value)
{
    message *m = &x->request.message;
    if (m->contextual_count == CONTEXTUAL_MAX) {
        test_die("contextual: a request has at most %d", CONTEXTUAL_MAX);
    }
    m->contextual[m->contextual_count++] =
        (cmp_pair){kit_arena_copy(&x->memory, cmp_str_from(name)),
                   kit_arena_copy(&x->memory, cmp_str_from(value))};
}

void cmp_test_form(cmp_test_txn *x, const char *form)
{
    message read = {.contextual_count = 0};
    fault f;
    if (!decode_form(kit_arena_copy(&x->memory, cmp_str_from(form)), &x->memory, &read, &f)) {
        test_die("form: %s: %.*s: %s", form, (int)f.parameter.size,
                 f.parameter.at != NULL ? f.parameter.at : "",
                 f.detail != NULL ? f.detail : "cannot be read");
    }
    memcpy(x->contextual, read.contextual, read.contextual_count * sizeof(cmp_pair));
    read.contextual = x->contextual;
    x->request.message = read;
}

static size_t header_at(const cmp_test_txn *x, const char *name)
{
    size_t at = 0;
    while (at < x->request.header_count &&
           !cmp_str_equal(x->headers[at].name, cmp_str_from(name))) {
        at++;
    }
    return at;
}

void cmp_test_header(cmp_test_txn *x, const char *name, const char *value)
{
    const size_t at = header_at(x, name);
    if (at == CMP_AUTH_HEADERS_MAX) {
        test_die("header: a plugin sees at most %d", CMP_AUTH_HEADERS_MAX);
    }
    x->headers[at] = (cmp_pair){kit_arena_copy(&x->memory, cmp_str_from(name)),
                                kit_arena_copy(&x->memory, cmp_str_from(value))};
    x->request.header_count += at == x->request.header_count;
}

void cmp_test_traceparent(cmp_test_txn *x, const char *value)
{
    if (value != NULL && !field_traceparent_valid(cmp_str_from(value))) {
        test_die("traceparent: %s is none", value);
    }
    x->request.traceparent = kit_arena_copy(&x->memory, cmp_str_from(value));
}

void cmp_test_certificate(cmp_test_txn *x, const cmp_certificate *certificate)
{
    x->request.certificate = certificate;
}

void cmp_test_source(cmp_test_txn *x, const char *address)
{
    static const uint8_t mapped[12] = {[10] = 0xFF, [11] = 0xFF};
    uint8_t *to = x->request.source;
    if (inet_pton(AF_INET6, address, to) == 1) {
        return;
    }
    memcpy(to, mapped, sizeof(mapped));
    if (inet_pton(AF_INET, address, to + sizeof(mapped)) != 1) {
        test_die("source: %s is no address", address);
    }
}

void cmp_test_listener(cmp_test_txn *x, const char *name)
{
    x->request.listener = kit_arena_copy(&x->memory, cmp_str_from(name));
}

void cmp_test_interface(cmp_test_txn *x, cmp_interface interface)
{
    x->request.interface = interface;
}

void cmp_test_requestor(cmp_test_txn *x, const char *peer)
{
    x->request.requestor = kit_arena_copy(&x->memory, cmp_str_from(peer));
}

void cmp_test_time(cmp_test_txn *x, int64_t now_ms)
{
    x->request.now_ms = now_ms;
}

bool cmp_test_consumed(const cmp_test_txn *x, const char *name)
{
    for (size_t i = 0; i < x->request.message.contextual_count; i++) {
        if (cmp_str_equal(x->contextual[i].name, cmp_str_from(name))) {
            return (x->consumed >> i & 1) != 0;
        }
    }
    return false;
}
