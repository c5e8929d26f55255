/* SPDX-License-Identifier: Apache-2.0 */
/* An authentication for tests that asks a server about everybody, and lets in with status 200: the
 * peer of its options, or whom the server names, whoever that is. */
#include <cmp/plugin.h>

#include <stdlib.h>

typedef struct gate_options {
    const char *peer;
} gate_options;

CMP_OPTIONS(option_rows, gate_options) = {
    CMP_ROW("peer", STRING, gate_options, peer, "who it is then; none: whom the server names"),
    CMP_OPTION_END,
};

typedef struct gate {
    const cmp_host *host;
    const char *peer;
    cmp_origin *origin;
} gate;

typedef struct question {
    const gate *gate;
    cmp_op op;
    cmp_call *call;
} question;

static void *gate_create(const cmp_host *host, const void *options, void *previous,
                         cmp_report *report)
{
    (void)previous;
    char error[256] = "no memory is left";
    const cmp_origin_options server = {.url = "https://gate.example"};
    cmp_origin *origin = host->origin_open(host, &server, error, sizeof(error));
    gate *g = origin != NULL ? calloc(1, sizeof(*g)) : NULL;
    if (g == NULL) {
        host->report(report, NULL, "%s", error);
        return NULL;
    }
    *g = (gate){host, ((const gate_options *)options)->peer, origin};
    return g;
}

static void gate_destroy(void *instance)
{
    gate *g = instance;
    g->host->origin_close(g->origin);
    free(g);
}

static void *gate_worker_start(void *instance, cmp_loop *loop)
{
    (void)instance;
    return loop;
}

static void on_answer(void *arg, const cmp_https_answer *a)
{
    const question *q = arg;
    const cmp_str peer = q->gate->peer != NULL ? cmp_str_from(q->gate->peer) : a->body;
    const bool good = a->result == CMP_HTTPS_ANSWERED && a->status == 200 && peer.size > 0;
    const cmp_auth_answer answer = {.peer = peer, .once = CMP_ONCE_NO};
    cmp_auth_complete(q->gate->host, q->op, good ? CMP_AUTH_ACCEPT : CMP_AUTH_UNAVAILABLE, &answer);
}

static cmp_auth_verdict gate_verify(void *instance, void *worker, cmp_op op,
                                    cmp_auth_answer *answer)
{
    (void)answer;
    const gate *g = instance;
    const cmp_https_request request = {.method = "GET", .timeout_ms = 1000, .answer_max = 65536};
    question *q = g->host->txn_alloc(g->host, op, sizeof(*q));
    *q = (question){.gate = g, .op = op};
    g->host->op_data(g->host, op, q);
    q->call = g->host->https_start(g->host, worker, g->origin, &request, on_answer, q);
    return CMP_AUTH_PENDING;
}

static void gate_cancel(void *instance, void *worker, cmp_op op, void *data)
{
    (void)worker;
    const gate *g = instance;
    g->host->https_cancel(((question *)data)->call);
    cmp_auth_complete(g->host, op, CMP_AUTH_UNAVAILABLE, NULL);
}

static const cmp_auth_ops gate_ops = {
    .size = sizeof(cmp_auth_ops),
    .verify = gate_verify,
    .cancel = gate_cancel,
};

CMP_EXPORT const cmp_plugin cmp_plugin_descriptor = {
    CMP_PLUGIN_ABI,
    .name = "auth_gate",
    .kind = CMP_PLUGIN_AUTH,
    .services = CMP_SERVICE_LOOP | CMP_SERVICE_HTTPS,
    .version = "1",
    .summary = "Lets in whom a server answers 200 for",
    CMP_PLUGIN_OPTIONS(option_rows),
    .create = gate_create,
    .destroy = gate_destroy,
    .worker_start = gate_worker_start,
    .ops.auth = &gate_ops,
};
