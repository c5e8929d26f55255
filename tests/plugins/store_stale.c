/* SPDX-License-Identifier: Apache-2.0 */
/* A store for tests that uses operations which are not its own to use any more, or never were. It
 * answers each ICI with itself, later: whose answer somebody got can be told by that. */
#include <cmp/plugin.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { HOW_TWICE, HOW_LOOK, HOW_THREAD, HOW_LEND, HOW_STEAL, HOW_WRITE, HOW_INSIDE };

static const char *const ways[] = {
    [HOW_TWICE] = "twice",   /* completes once more */
    [HOW_LOOK] = "look",     /* reads the request after its completion */
    [HOW_THREAD] = "thread", /* completes on another thread first */
    [HOW_LEND] = "lend",     /* lets another instance know its operation */
    [HOW_STEAL] = "steal",   /* completes that; knows nothing itself */
    [HOW_WRITE] = "write",   /* writes to the record that it was lent for the call */
    [HOW_INSIDE] = "inside", /* completes within the call, and returns another answer */
    NULL};

typedef struct stale_options {
    int how;
    int64_t first_ms, second_ms;
    bool known;
    const char *seen;
} stale_options;

CMP_OPTIONS(option_rows, stale_options) = {
    CMP_ROW_ENUM("how", stale_options, how, ways, "what it does wrong", CMP_DEFAULT("twice")),
    CMP_ROW("first", DURATION, stale_options, first_ms, "when it answers", CMP_DEFAULT("30ms")),
    CMP_ROW("second", DURATION, stale_options, second_ms, "when it does wrong",
            CMP_DEFAULT("75ms")),
    CMP_ROW("known", BOOLEAN, stale_options, known, "its first answer is no absence",
            CMP_DEFAULT("true")),
    CMP_ROW("seen", PATH, stale_options, seen,
            "file that grows by one octet for each thing that it was shown and should not"),
    CMP_OPTION_END,
};

typedef struct stale_store {
    const cmp_host *host;
    const stale_options *options;
} stale_store;

typedef struct later later;

typedef struct stale_worker {
    const stale_store *store;
    cmp_loop *loop;
    later *all;
} stale_worker;

/* One look-up; it outlives its operation until its last timer has fired. */
struct later {
    stale_worker *worker;
    later *next, **previous;
    cmp_op op;
    cmp_timer *first, *second;
    cmp_record *lent;
    char content[300];
};

static _Thread_local cmp_op known_to_others;

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
    (void)previous, (void)report;
    stale_store *s = must_alloc(sizeof(*s));
    *s = (stale_store){host, options};
    return s;
}

static void *stale_worker_start(void *instance, cmp_loop *loop)
{
    stale_worker *w = must_alloc(sizeof(*w));
    *w = (stale_worker){.store = instance, .loop = loop};
    return w;
}

static void later_free(later *l)
{
    *l->previous = l->next;
    if (l->next != NULL) {
        l->next->previous = l->previous;
    }
    free(l);
}

static void stale_worker_stop(void *instance, void *worker)
{
    const stale_store *s = instance;
    stale_worker *w = worker;
    while (w->all != NULL) {
        if (w->all->first != NULL) {
            s->host->timer_stop(w->all->first);
        }
        s->host->timer_stop(w->all->second);
        later_free(w->all);
    }
    free(w);
}

static void answer(const later *l, bool known)
{
    const cmp_host *host = l->worker->store->host;
    cmp_record record = CMP_RECORD_INIT;
    record.content = cmp_str_from(l->content);
    cmp_store_complete(host, l->op, known ? CMP_STORE_FOUND : CMP_STORE_ABSENT,
                       known ? &record : NULL);
}

static void look(const later *l)
{
    const stale_store *s = l->worker->store;
    const cmp_host *host = s->host;
    const bool seen[] = {
        host->txn_param(host, l->op, CMP_PARAM_ICI).at != NULL,
        host->txn_param(host, l->op, CMP_PARAM_USER).at != NULL,
        host->txn_contextual(host, l->op, 0) != NULL,
        host->txn_source(host, l->op) != NULL,
        host->txn_listener(host, l->op).at != NULL,
        host->txn_interface(host, l->op) != CMP_INTERFACE_NONE,
        host->txn_peer(host, l->op).at != NULL,
        host->txn_now_ms(host, l->op) != 0,
        host->txn_alloc(host, l->op, 1) != NULL,
    };
    const int fd = open(s->options->seen, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    for (size_t i = 0; i < sizeof(seen) / sizeof(seen[0]); i++) {
        if (seen[i] && write(fd, "x", 1) != 1) {
            abort();
        }
    }
    host->op_data(host, l->op, NULL);
    close(fd);
}

static void on_second(void *arg)
{
    later *l = arg;
    switch (l->worker->store->options->how) {
    case HOW_TWICE:
        answer(l, true);
        break;
    case HOW_LOOK:
        look(l);
        break;
    case HOW_WRITE:
        l->lent->content = CMP_STR("https://written.example/");
        break;
    default:
        break;
    }
    later_free(l);
}

static void on_first(void *arg)
{
    later *l = arg;
    l->first = NULL;
    answer(l, l->worker->store->options->known);
}

/* On a thread of the pool, while the operation is under way. */
static void on_other_thread(void *arg)
{
    answer(arg, false);
}

static void wait(later *l)
{
    const stale_store *s = l->worker->store;
    cmp_loop *loop = l->worker->loop;
    l->first = s->host->timer_start(loop, (uint64_t)s->options->first_ms, on_first, l);
    l->second = s->host->timer_start(loop, (uint64_t)s->options->second_ms, on_second, l);
}

static void on_other_thread_done(void *arg)
{
    wait(arg);
}

static void steal(const stale_store *s)
{
    cmp_record record = CMP_RECORD_INIT;
    record.content = CMP_STR("https://stolen.example/");
    cmp_store_complete(s->host, known_to_others, CMP_STORE_FOUND, &record);
}

static void echo(cmp_str ici, char content[300])
{
    snprintf(content, 300, "https://echo.example/%.*s", (int)ici.size, ici.at);
}

static later *later_make(stale_worker *w, cmp_str ici, cmp_op op, cmp_record *lent)
{
    later *l = must_alloc(sizeof(*l));
    *l = (later){.worker = w, .op = op, .lent = lent, .next = w->all, .previous = &w->all};
    if (l->next != NULL) {
        l->next->previous = &l->next;
    }
    w->all = l;
    echo(ici, l->content);
    return l;
}

static void answer_inside(const stale_store *s, cmp_str ici, cmp_op op)
{
    char *content = s->host->txn_alloc(s->host, op, 300);
    echo(ici, content);
    cmp_record record = CMP_RECORD_INIT;
    record.content = cmp_str_from(content);
    cmp_store_complete(s->host, op, CMP_STORE_FOUND, &record);
}

static cmp_store_verdict stale_lookup(void *instance, void *worker, cmp_str ici, cmp_op op,
                                      cmp_record *record)
{
    const stale_store *s = instance;
    stale_worker *w = worker;
    later *l;
    switch (s->options->how) {
    case HOW_STEAL:
        steal(s);
        return CMP_STORE_ABSENT;
    case HOW_INSIDE:
        answer_inside(s, ici, op);
        return CMP_STORE_ABSENT;
    case HOW_THREAD:
        l = later_make(w, ici, op, record);
        if (!s->host->offload(s->host, w->loop, on_other_thread, on_other_thread_done, l)) {
            abort();
        }
        break;
    default:
        known_to_others = op;
        wait(later_make(w, ici, op, record));
        break;
    }
    return CMP_STORE_PENDING;
}

/* Its completion comes with the timer. */
static void stale_cancel(void *instance, void *worker, cmp_op op, void *data)
{
    (void)instance, (void)worker, (void)op, (void)data;
}

static const cmp_store_ops stale_ops = {
    .size = sizeof(cmp_store_ops),
    .lookup = stale_lookup,
    .cancel = stale_cancel,
};

CMP_EXPORT const cmp_plugin cmp_plugin_descriptor = {
    CMP_PLUGIN_ABI,
    .name = "store_stale",
    .kind = CMP_PLUGIN_STORE,
    .services = CMP_SERVICE_LOOP | CMP_SERVICE_OFFLOAD,
    .version = "1",
    .summary = "Uses operations that are not its own",
    CMP_PLUGIN_OPTIONS(option_rows),
    .create = stale_create,
    .worker_start = stale_worker_start,
    .worker_stop = stale_worker_stop,
    .destroy = free,
    .ops.store = &stale_ops,
};
