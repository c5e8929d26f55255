/* SPDX-License-Identifier: Apache-2.0 */
/* An authentication for tests that answers later, and what it has accepted once more: whoever says
 * apikeyid=good is the peer `b`. */
#include <cmp/plugin.h>

#include <stdlib.h>

enum { FIRST_MS = 10, SECOND_MS = 40 };

typedef struct stale_worker {
    const cmp_host *host;
    cmp_loop *loop;
} stale_worker;

typedef struct later {
    const cmp_host *host;
    cmp_op op;
    bool good;
} later;

static void *must_alloc(size_t size)
{
    void *at = calloc(1, size);
    if (at == NULL) {
        abort();
    }
    return at;
}

static void *stale_create(const cmp_host *host, const void *options, void *previous,
                          cmp_report *report)
{
    (void)options, (void)previous, (void)report;
    return (void *)host;
}

static void stale_destroy(void *instance)
{
    (void)instance;
}

static void *stale_worker_start(void *instance, cmp_loop *loop)
{
    stale_worker *w = must_alloc(sizeof(*w));
    *w = (stale_worker){instance, loop};
    return w;
}

static void stale_worker_stop(void *instance, void *worker)
{
    (void)instance;
    free(worker);
}

static void accept(const later *l)
{
    const cmp_auth_answer answer = {.peer = CMP_STR("b"), .once = CMP_ONCE_NO};
    cmp_auth_complete(l->host, l->op, CMP_AUTH_ACCEPT, &answer);
}

static void on_second(void *arg)
{
    later *l = arg;
    if (l->good) {
        accept(l);
    }
    free(l);
}

static void on_first(void *arg)
{
    const later *l = arg;
    if (l->good) {
        accept(l);
    } else {
        const cmp_auth_answer answer = {.reason = "no good\ntoken"};
        cmp_auth_complete(l->host, l->op, CMP_AUTH_REJECT, &answer);
    }
}

static cmp_auth_verdict stale_verify(void *instance, void *worker, cmp_op op,
                                     cmp_auth_answer *answer)
{
    (void)answer;
    const cmp_host *host = instance;
    const stale_worker *w = worker;
    later *l = must_alloc(sizeof(*l));
    *l = (later){.host = host, .op = op};
    l->good = cmp_str_equal(host->txn_param(host, op, CMP_PARAM_APIKEYID), CMP_STR("good"));
    host->timer_start(w->loop, FIRST_MS, on_first, l);
    host->timer_start(w->loop, SECOND_MS, on_second, l);
    return CMP_AUTH_PENDING;
}

static void stale_cancel(void *instance, void *worker, cmp_op op, void *data)
{
    (void)instance, (void)worker, (void)op, (void)data;
}

static const cmp_auth_ops stale_ops = {
    .size = sizeof(cmp_auth_ops),
    .verify = stale_verify,
    .cancel = stale_cancel,
};

CMP_EXPORT const cmp_plugin cmp_plugin_descriptor = {
    CMP_PLUGIN_ABI,
    .name = "auth_stale",
    .kind = CMP_PLUGIN_AUTH,
    .services = CMP_SERVICE_LOOP,
    .version = "1",
    .summary = "Accepts twice",
    .create = stale_create,
    .worker_start = stale_worker_start,
    .worker_stop = stale_worker_stop,
    .destroy = stale_destroy,
    .ops.auth = &stale_ops,
};
