/* SPDX-License-Identifier: Apache-2.0 */
/* Accepts requests by their apikeyid alone, and signs with no key at all; at once or later. */
#include "old.h"

typedef struct old_client {
    const char *apikeyid, *peer;
} old_client;

typedef struct auth_options {
    cmp_rows clients;
    bool later;
} auth_options;

CMP_OPTIONS(client_rows, old_client) = {
    CMP_ROW("apikeyid", STRING, old_client, apikeyid, "what it says", CMP_REQUIRED),
    CMP_ROW("peer", STRING, old_client, peer, "who it is then", CMP_REQUIRED),
    CMP_OPTION_END,
};

CMP_OPTIONS(option_rows, auth_options) = {
    CMP_ROW_ROWS("clients", auth_options, clients, client_rows, "who is known", CMP_REQUIRED),
    CMP_ROW("later", BOOLEAN, auth_options, later, "answers from a timer", CMP_DEFAULT("false")),
    CMP_OPTION_END,
};

typedef struct auth {
    const cmp_host *host;
    const auth_options *options;
} auth;

typedef struct worker {
    const auth *auth;
    cmp_loop *loop;
} worker;

/* One operation that is answered later. */
typedef struct pending {
    const auth *auth;
    cmp_op op;
    cmp_timer *timer;
    bool signs;
} pending;

static void *auth_create(const cmp_host *host, const void *options, void *previous,
                         cmp_report *report)
{
    (void)previous, (void)report;
    auth *a = old_alloc(1, sizeof(*a));
    *a = (auth){host, options};
    return a;
}

static void *auth_worker_start(void *instance, cmp_loop *loop)
{
    worker *w = old_alloc(1, sizeof(*w));
    *w = (worker){instance, loop};
    return w;
}

static void auth_worker_stop(void *instance, void *state)
{
    (void)instance;
    free(state);
}

static cmp_auth_verdict verdict_on(const auth *a, cmp_op op, cmp_auth_answer *answer)
{
    const cmp_str id = a->host->txn_param(a->host, op, CMP_PARAM_APIKEYID);
    const old_client *clients = a->options->clients.at;
    for (size_t i = 0; i < a->options->clients.count; i++) {
        cmp_peer peer; /* the host fills it in, and must stop where it ends */
        if (cmp_str_equal(id, cmp_str_from(clients[i].apikeyid)) &&
            a->host->peer_find(a->host, cmp_str_from(clients[i].peer), &peer)) {
            answer->peer = peer.name;
            return CMP_AUTH_ACCEPT;
        }
    }
    answer->reason = "not one of the clients";
    return CMP_AUTH_REJECT;
}

static cmp_sign_verdict sign_now(cmp_signature *signature)
{
    signature->apikeyid = CMP_STR("old");
    memcpy(signature->text, "abcd", 4);
    signature->size = 4;
    return CMP_SIGN_DONE;
}

static void on_timer(void *arg)
{
    const pending p = *(pending *)arg;
    free(arg);
    const cmp_host *host = p.auth->host;
    if (p.signs) {
        cmp_signature signature = {.size = 0};
        const cmp_sign_verdict verdict = sign_now(&signature);
        cmp_sign_complete(host, p.op, verdict, &signature);
    } else {
        cmp_auth_answer answer = {.once = CMP_ONCE_NO};
        const cmp_auth_verdict verdict = verdict_on(p.auth, p.op, &answer);
        cmp_auth_complete(host, p.op, verdict, &answer);
    }
}

static void begin(const worker *w, cmp_op op, bool signs)
{
    const cmp_host *host = w->auth->host;
    pending *p = old_alloc(1, sizeof(*p));
    *p = (pending){.auth = w->auth, .op = op, .signs = signs};
    p->timer = host->timer_start(w->loop, 1, on_timer, p);
    host->op_data(host, op, p);
}

static cmp_auth_verdict auth_verify(void *instance, void *state, cmp_op op, cmp_auth_answer *answer)
{
    const auth *a = instance;
    if (a->options->later) {
        begin(state, op, false);
        return CMP_AUTH_PENDING;
    }
    return verdict_on(a, op, answer);
}

static cmp_sign_verdict auth_sign(void *instance, void *state, const cmp_outgoing *outgoing,
                                  cmp_op op, cmp_signature *signature)
{
    (void)outgoing;
    const auth *a = instance;
    if (a->options->later) {
        begin(state, op, true);
        return CMP_SIGN_PENDING;
    }
    return sign_now(signature);
}

static void auth_cancel(void *instance, void *state, cmp_op op, void *data)
{
    (void)state, (void)op;
    const auth *a = instance;
    const pending p = *(pending *)data;
    free(data);
    a->host->timer_stop(p.timer);
    if (p.signs) {
        cmp_sign_complete(a->host, p.op, CMP_SIGN_UNAVAILABLE, NULL);
    } else {
        cmp_auth_complete(a->host, p.op, CMP_AUTH_UNAVAILABLE, NULL);
    }
}

static const cmp_auth_ops ops = {
    .size = sizeof(cmp_auth_ops),
    .verify = auth_verify,
    .sign = auth_sign,
    .cancel = auth_cancel,
};

CMP_EXPORT const cmp_plugin cmp_plugin_descriptor = {
    CMP_PLUGIN_ABI,
    .name = "auth_old",
    .kind = CMP_PLUGIN_AUTH,
    .services = CMP_SERVICE_LOOP | CMP_SERVICE_PEERS,
    .version = "1",
    .summary = "Believes whoever gives a name",
    CMP_PLUGIN_OPTIONS(option_rows),
    .create = auth_create,
    .worker_start = auth_worker_start,
    .worker_stop = auth_worker_stop,
    .destroy = free,
    .ops.auth = &ops,
};
