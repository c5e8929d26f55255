/* SPDX-License-Identifier: Apache-2.0 */
/* Answers itself, with a record of its own, or forwards; at once or later. */
#include "old.h"

typedef struct route_options {
    const char *content;
    cmp_rows variants;
    const char *peer;
    bool later;
} route_options;

CMP_OPTIONS(option_rows, route_options) = {
    CMP_ROW("content", STRING, route_options, content, "its own answer",
            CMP_DEFAULT("https://routed.example/")),
    CMP_ROW_ROWS("variants", route_options, variants, old_variant_rows, "for some only"),
    CMP_ROW("peer", STRING, route_options, peer, "whom it forwards to; none: it answers"),
    CMP_ROW("later", BOOLEAN, route_options, later, "answers from a timer", CMP_DEFAULT("false")),
    CMP_OPTION_END,
};

typedef struct route {
    const cmp_host *host;
    const route_options *options;
    cmp_record record;
} route;

typedef struct worker {
    const route *route;
    cmp_loop *loop;
} worker;

typedef struct pending {
    const route *route;
    cmp_op op;
    cmp_timer *timer;
} pending;

static void *route_create(const cmp_host *host, const void *options, void *previous,
                          cmp_report *report)
{
    (void)previous, (void)report;
    route *r = old_alloc(1, sizeof(*r));
    *r = (route){.host = host, .options = options};
    r->record = old_record(r->options->content, &r->options->variants);
    return r;
}

static void route_destroy(void *instance)
{
    route *r = instance;
    old_record_free(&r->record);
    free(r);
}

static void *route_worker_start(void *instance, cmp_loop *loop)
{
    worker *w = old_alloc(1, sizeof(*w));
    *w = (worker){instance, loop};
    return w;
}

static void route_worker_stop(void *instance, void *state)
{
    (void)instance;
    free(state);
}

static cmp_route_verdict verdict_of(const route *r, const cmp_record *record,
                                    cmp_route_answer *answer)
{
    if (r->options->peer != NULL) {
        answer->peer = cmp_str_from(r->options->peer);
        return CMP_ROUTE_FORWARD;
    }
    answer->record = record;
    return CMP_ROUTE_ANSWER;
}

static void on_timer(void *arg)
{
    const pending p = *(pending *)arg;
    free(arg);
    /* A copy until control is back in the loop; its own end is what nobody may read beyond. */
    cmp_record *record = old_alloc(1, sizeof(*record));
    *record = p.route->record;
    cmp_route_answer answer = {.record = NULL};
    const cmp_route_verdict verdict = verdict_of(p.route, record, &answer);
    cmp_route_complete(p.route->host, p.op, verdict, &answer);
    free(record);
}

static cmp_route_verdict route_route(void *instance, void *state, cmp_route_reason reason,
                                     cmp_str target, cmp_op op, cmp_route_answer *answer)
{
    (void)reason, (void)target;
    const route *r = instance;
    const worker *w = state;
    if (!r->options->later) {
        return verdict_of(r, &r->record, answer);
    }
    pending *p = old_alloc(1, sizeof(*p));
    *p = (pending){.route = r, .op = op};
    p->timer = r->host->timer_start(w->loop, 1, on_timer, p);
    r->host->op_data(r->host, op, p);
    return CMP_ROUTE_PENDING;
}

static void route_cancel(void *instance, void *state, cmp_op op, void *data)
{
    (void)state;
    const route *r = instance;
    r->host->timer_stop(((pending *)data)->timer);
    free(data);
    cmp_route_complete(r->host, op, CMP_ROUTE_UNAVAILABLE, NULL);
}

static const cmp_route_ops ops = {
    .size = sizeof(cmp_route_ops),
    .route = route_route,
    .cancel = route_cancel,
};

CMP_EXPORT const cmp_plugin cmp_plugin_descriptor = {
    CMP_PLUGIN_ABI,
    .name = "route_old",
    .kind = CMP_PLUGIN_ROUTE,
    .services = CMP_SERVICE_LOOP,
    .version = "1",
    .summary = "Knows one record for all that no store knows",
    CMP_PLUGIN_OPTIONS(option_rows),
    .create = route_create,
    .worker_start = route_worker_start,
    .worker_stop = route_worker_stop,
    .destroy = route_destroy,
    .ops.route = &ops,
};
