/* SPDX-License-Identifier: Apache-2.0 */
/* A traced transaction on behalf of the operator; see pipeline/trace.h. */
#include "admin/explain.h"

#include "admin/answer.h"
#include "base/clock.h"
#include "http/connection.h"
#include "pipeline/pipeline.h"
#include "pipeline/trace.h"

#define AS "/explain/as/"

typedef struct explanation {
    h2o_req_t *req;
    connection *connection;
    txn *txn; /* NULL: answered */
} explanation;

/* Called when the request's memory goes: after the answer (then the transaction has ended), or
 * because the client went first, which the transaction has to be told. */
static void on_dispose(void *arg)
{
    explanation *e = arg;
    e->connection->active--;
    if (e->txn != NULL) {
        txn *t = e->txn;
        e->txn = NULL;
        pipeline_client_gone(t);
    }
}

static char *explain_alloc(txn *t, size_t size)
{
    return h2o_mem_alloc_pool(&((explanation *)t->front_data)->req->pool, size);
}

static void explain_keep(txn *t)
{
    (void)t; /* the explanation lives with its request from the start */
}

/* The pipeline gives the transaction up with this call. */
static void explain_send(txn *t, const txn_answer *a)
{
    explanation *e = t->front_data;
    e->txn = NULL;
    admin_answer(e->req, (cmp_str){a->body, a->body_size});
}

static const front_ops explain_front = {.body_alloc = explain_alloc,
                                        .send = explain_send,
                                        .keep = explain_keep};

/* Nobody signs here: who may open the admin socket may ask as any peer, and nothing of it reaches a
 * next hop or a memory. A connection with a request under way is not closed for being idle. */
int explain_answer(h2o_req_t *req)
{
    connection *c = connection_of(req->conn);
    txn *t = pipeline_open(c->sw->worker, c->sw->worker->tenure, c->entrance->listener);
    explanation *e = h2o_mem_alloc_shared(&req->pool, sizeof(*e), on_dispose);
    *e = (explanation){.req = req, .connection = c, .txn = t};
    c->active++;
    t->front = &explain_front;
    t->front_data = e;
    t->request.interface = CMP_INTERFACE_MC1;
    t->request.now_ms = clock_now_ms();
    t->begun_us = clock_monotonic_us();
    trace_begin(t);
    const bool has_query = req->query_at != SIZE_MAX;
    const size_t path_size = has_query ? req->query_at : req->path.len;
    t->text = has_query ? (cmp_str){req->path.base + path_size + 1, req->path.len - path_size - 1}
                        : CMP_STR("");
    if (path_size > sizeof(AS) - 1 && memcmp(req->path.base, AS, sizeof(AS) - 1) == 0) {
        const cmp_str name = {req->path.base + sizeof(AS) - 1, path_size - (sizeof(AS) - 1)};
        t->request.interface = CMP_INTERFACE_MC3;
        peer *as = peers_find(t->generation->peers, name);
        if (as == NULL) {
            trace_add(t, "authenticate", "there is no peer %.*s", TEXT(name));
            pipeline_refuse(t, ERROR_AUTHENTICATION_FAILED, CMP_NONE, NULL);
            return 0;
        }
        txn_set_requestor(t, as);
    }
    pipeline_run(t);
    return 0;
}
