/* SPDX-License-Identifier: Apache-2.0 */
/* A store for tests that answers later, from a timer of the worker's loop. Every completion leaves
 * one octet in a file: `d` done, `c` cancelled; and every beginning one in another. */
#include <cmp/plugin.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

typedef struct async_options {
    int64_t delay_ms;
    const char *until, *path, *begun;
    const char *ici;
    const char *content;
} async_options;

CMP_OPTIONS(option_rows, async_options) = {
    CMP_ROW("delay", DURATION, async_options, delay_ms, "how long each look-up takes",
            CMP_DEFAULT("10ms")),
    CMP_ROW("until", PATH, async_options, until, "or until there is this file"),
    CMP_ROW("path", PATH, async_options, path, "file that grows by one octet for each completion",
            CMP_REQUIRED),
    CMP_ROW("begun", PATH, async_options, begun,
            "file that grows by one octet for each look-up that begins"),
    CMP_ROW("ici", STRING, async_options, ici, "the one ICI that it knows",
            CMP_DEFAULT("1A0F1-ASYNC")),
    CMP_ROW("content", STRING, async_options, content, "what that ICI stands for",
            CMP_DEFAULT("https://async.example/")),
    CMP_OPTION_END,
};

typedef struct async_store {
    const cmp_host *host;
    const async_options *options;
    int fd, begun; /* begun: -1, nobody wants to know */
} async_store;

typedef struct async_worker {
    const async_store *store;
    cmp_loop *loop;
} async_worker;

typedef struct async_lookup {
    const async_store *store;
    const async_worker *worker;
    cmp_op op;
    cmp_timer *timer;
    int64_t left_ms; /* behind the timer's end */
    bool known;
} async_lookup;

static void *must_calloc(size_t size)
{
    void *at = calloc(1, size);
    if (at == NULL) {
        abort();
    }
    return at;
}

static int trace_open(const cmp_host *host, const char *option, const char *path,
                      cmp_report *report)
{
    const int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (fd < 0) {
        host->report(report, option, "cannot open %s: %s", path, strerror(errno));
    }
    return fd;
}

static void trace_write(int fd, char octet)
{
    if (fd >= 0 && write(fd, &octet, 1) != 1) {
        abort();
    }
}

static void *async_create(const cmp_host *host, const void *options, void *previous,
                          cmp_report *report)
{
    (void)previous;
    const async_options *o = options;
    const int fd = trace_open(host, "path", o->path, report);
    if (fd < 0) {
        return NULL;
    }
    async_store *s = must_calloc(sizeof(*s));
    *s = (async_store){.host = host, .options = o, .fd = fd, .begun = -1};
    if (o->begun != NULL) {
        s->begun = trace_open(host, "begun", o->begun, report);
    }
    return s;
}

static void async_destroy(void *instance)
{
    async_store *s = instance;
    close(s->fd);
    if (s->begun >= 0) {
        close(s->begun);
    }
    free(s);
}

static void *async_worker_start(void *instance, cmp_loop *loop)
{
    async_worker *w = must_calloc(sizeof(*w));
    *w = (async_worker){.store = instance, .loop = loop};
    return w;
}

static void async_worker_stop(void *instance, void *worker)
{
    (void)instance;
    free(worker);
}

/* Frees `l` before it completes: the completion may lead to anything. */
static void finish(async_lookup *l, char trace, cmp_store_verdict verdict, const cmp_record *record)
{
    const async_store *s = l->store;
    const cmp_op op = l->op;
    free(l);
    trace_write(s->fd, trace);
    cmp_store_complete(s->host, op, verdict, record);
}

static void on_timer(void *arg);

/* For the whole delay, or until it is time to look for a file again. */
static void wait_on(async_lookup *l)
{
    const async_options *o = l->store->options;
    const int64_t ms = o->until != NULL && l->left_ms > 10 ? 10 : l->left_ms;
    l->left_ms -= ms;
    l->timer = l->store->host->timer_start(l->worker->loop, (uint64_t)ms, on_timer, l);
}

static void on_timer(void *arg)
{
    async_lookup *l = arg;
    const char *until = l->store->options->until;
    if (l->left_ms > 0 && access(until, F_OK) != 0) {
        wait_on(l);
        return;
    }
    if (!l->known) {
        finish(l, 'd', CMP_STORE_ABSENT, NULL);
        return;
    }
    cmp_record record = CMP_RECORD_INIT;
    record.content = cmp_str_from(l->store->options->content);
    finish(l, 'd', CMP_STORE_FOUND, &record);
}

static cmp_store_verdict async_lookup_start(void *instance, void *worker, cmp_str ici, cmp_op op,
                                            cmp_record *record)
{
    (void)record;
    const async_store *s = instance;
    async_lookup *l = must_calloc(sizeof(*l));
    *l = (async_lookup){
        .store = s,
        .worker = worker,
        .op = op,
        .left_ms = s->options->delay_ms,
        .known = cmp_str_equal(ici, cmp_str_from(s->options->ici)),
    };
    s->host->op_data(s->host, op, l);
    wait_on(l);
    trace_write(s->begun, 'b');
    return CMP_STORE_PENDING;
}

static void async_cancel(void *instance, void *worker, cmp_op op, void *data)
{
    (void)worker, (void)op;
    const async_store *s = instance;
    async_lookup *l = data;
    s->host->timer_stop(l->timer);
    finish(l, 'c', CMP_STORE_UNAVAILABLE, NULL);
}

static const cmp_store_ops async_ops = {
    .size = sizeof(cmp_store_ops),
    .lookup = async_lookup_start,
    .cancel = async_cancel,
};

CMP_EXPORT const cmp_plugin cmp_plugin_descriptor = {
    CMP_PLUGIN_ABI,
    .name = "store_async",
    .kind = CMP_PLUGIN_STORE,
    .services = CMP_SERVICE_LOOP,
    .version = "1",
    .summary = "One fixed record, later",
    CMP_PLUGIN_OPTIONS(option_rows),
    .create = async_create,
    .worker_start = async_worker_start,
    .worker_stop = async_worker_stop,
    .destroy = async_destroy,
    .ops.store = &async_ops,
};
