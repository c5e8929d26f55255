/* SPDX-License-Identifier: Apache-2.0 */
/* A store for tests that answers with the request's traceparent, at once or after a while. Built
 * for 2.1, and once more for 2.0, where it does without in a host that has none. */
#include <cmp/plugin.h>

#include <stdlib.h>

typedef struct traces_options {
    bool later;
} traces_options;

CMP_OPTIONS(option_rows, traces_options) = {
    CMP_ROW("later", BOOLEAN, traces_options, later, "whether it answers after a while"),
    CMP_OPTION_END,
};

typedef struct traces {
    const cmp_host *host;
    const traces_options *options;
} traces;

typedef struct pending {
    const cmp_host *host;
    cmp_op op;
    cmp_timer *timer;
} pending;

static void *must(void *at)
{
    if (at == NULL) {
        abort();
    }
    return at;
}

static void *traces_create(const cmp_host *host, const void *options, void *previous,
                           cmp_report *report)
{
    (void)previous, (void)report;
    traces *t = must(malloc(sizeof(*t)));
    *t = (traces){host, options};
    return t;
}

static void *traces_worker_start(void *instance, cmp_loop *loop)
{
    (void)instance;
    return loop;
}

static cmp_str trace_of(const cmp_host *host, cmp_op op)
{
    if (!CMP_HOST_HAS(host, txn_traceparent)) {
        return CMP_STR("unknown to this host");
    }
    const cmp_str trace = host->txn_traceparent(host, op);
    return trace.at != NULL ? trace : CMP_STR("none came");
}

static void on_timer(void *arg)
{
    const pending p = *(pending *)arg;
    free(arg);
    cmp_record record = CMP_RECORD_INIT;
    record.content = trace_of(p.host, p.op);
    cmp_store_complete(p.host, p.op, CMP_STORE_FOUND, &record);
}

static cmp_store_verdict traces_lookup(void *instance, void *worker, cmp_str ici, cmp_op op,
                                       cmp_record *record)
{
    (void)ici;
    const traces *t = instance;
    if (!t->options->later) {
        record->content = trace_of(t->host, op);
        return CMP_STORE_FOUND;
    }
    pending *p = must(malloc(sizeof(*p)));
    *p = (pending){.host = t->host, .op = op};
    p->timer = t->host->timer_start(worker, 1, on_timer, p);
    t->host->op_data(t->host, op, p);
    return CMP_STORE_PENDING;
}

static void traces_cancel(void *instance, void *worker, cmp_op op, void *data)
{
    (void)worker;
    const traces *t = instance;
    pending *p = data;
    t->host->timer_stop(p->timer);
    free(p);
    cmp_store_complete(t->host, op, CMP_STORE_UNAVAILABLE, NULL);
}

static const cmp_store_ops traces_ops = {
    .size = sizeof(cmp_store_ops),
    .lookup = traces_lookup,
    .cancel = traces_cancel,
};

CMP_EXPORT const cmp_plugin cmp_plugin_descriptor = {
    CMP_PLUGIN_ABI,
    .name = "store_traces",
    .kind = CMP_PLUGIN_STORE,
    .services = CMP_SERVICE_LOOP,
    .version = "1",
    .summary = "Every code stands for the traceparent of who asks",
    CMP_PLUGIN_OPTIONS(option_rows),
    .create = traces_create,
    .worker_start = traces_worker_start,
    .destroy = free,
    .ops.store = &traces_ops,
};
