/* SPDX-License-Identifier: Apache-2.0 */
/* A store for tests that keeps nothing longer than it has to: a record that it answers with later
 * is spoilt and freed in the same turn of the loop, right after control was back there. Of the ICI
 * A-NOW it answers at once, with a timer that it has begun and stopped before. */
#include <cmp/plugin.h>

#include <stdlib.h>
#include <time.h>

enum { DELAY_NS = 3000000 };

typedef struct brief_store {
    const cmp_host *host;
} brief_store;

typedef struct brief_worker {
    cmp_loop *loop;
} brief_worker;

typedef struct told {
    cmp_variant variant;
    cmp_condition condition;
    char content[8], other[8], type[8], name[16], value[8];
} told;

typedef struct brief_lookup {
    const brief_store *store;
    cmp_op op;
    cmp_timer *complete, *spoil;
    told *told;
} brief_lookup;

static void *must_calloc(size_t size)
{
    void *at = calloc(1, size);
    if (at == NULL) {
        abort();
    }
    return at;
}

static void *brief_create(const cmp_host *host, const void *options, void *previous,
                          cmp_report *report)
{
    (void)options, (void)previous, (void)report;
    brief_store *s = must_calloc(sizeof(*s));
    s->host = host;
    return s;
}

static void *brief_worker_start(void *instance, cmp_loop *loop)
{
    (void)instance;
    brief_worker *w = must_calloc(sizeof(*w));
    w->loop = loop;
    return w;
}

static void brief_worker_stop(void *instance, void *worker)
{
    (void)instance;
    free(worker);
}

static cmp_str put(char *to, const char *text)
{
    const size_t size = strlen(text);
    memcpy(to, text, size);
    return (cmp_str){to, size};
}

static void on_complete(void *arg)
{
    brief_lookup *l = arg;
    told *t = l->told;
    cmp_record record = CMP_RECORD_INIT;
    t->condition = (cmp_condition){put(t->name, "language"), put(t->value, "de")};
    t->variant = (cmp_variant){.content = put(t->other, "anders"),
                               .conditions = &t->condition,
                               .condition_count = 1};
    record.content = put(t->content, "brief");
    record.content_type = put(t->type, "text");
    record.variants = &t->variant;
    record.variant_count = 1;
    cmp_store_complete(l->store->host, l->op, CMP_STORE_FOUND, &record);
}

static void on_spoil(void *arg)
{
    brief_lookup *l = arg;
    memset(l->told, '#', sizeof(*l->told));
    free(l->told);
    free(l);
}

static void on_never(void *arg)
{
    (void)arg;
    abort();
}

/* Waits until both timers are due: they fire in one turn. */
static cmp_store_verdict brief_lookup_start(void *instance, void *worker, cmp_str ici, cmp_op op,
                                            cmp_record *record)
{
    const brief_store *s = instance;
    const brief_worker *w = worker;
    if (cmp_str_equal(ici, CMP_STR("A-NOW"))) {
        s->host->timer_stop(s->host->timer_start(w->loop, 60000, on_never, NULL));
        record->content = CMP_STR("now");
        return CMP_STORE_FOUND;
    }
    brief_lookup *l = must_calloc(sizeof(*l));
    *l = (brief_lookup){.store = s, .op = op, .told = must_calloc(sizeof(told))};
    s->host->op_data(s->host, op, l);
    l->complete = s->host->timer_start(w->loop, 0, on_complete, l);
    l->spoil = s->host->timer_start(w->loop, 0, on_spoil, l);
    nanosleep(&(struct timespec){.tv_nsec = DELAY_NS}, NULL);
    return CMP_STORE_PENDING;
}

static void brief_cancel(void *instance, void *worker, cmp_op op, void *data)
{
    (void)worker;
    const brief_store *s = instance;
    brief_lookup *l = data;
    s->host->timer_stop(l->complete);
    s->host->timer_stop(l->spoil);
    free(l->told);
    free(l);
    cmp_store_complete(s->host, op, CMP_STORE_UNAVAILABLE, NULL);
}

static const cmp_store_ops brief_ops = {
    .size = sizeof(cmp_store_ops),
    .lookup = brief_lookup_start,
    .cancel = brief_cancel,
};

CMP_EXPORT const cmp_plugin cmp_plugin_descriptor = {
    CMP_PLUGIN_ABI,
    .name = "store_brief",
    .kind = CMP_PLUGIN_STORE,
    .services = CMP_SERVICE_LOOP,
    .version = "1",
    .summary = "Keeps nothing longer than it has to",
    .create = brief_create,
    .worker_start = brief_worker_start,
    .worker_stop = brief_worker_stop,
    .destroy = free,
    .ops.store = &brief_ops,
};
