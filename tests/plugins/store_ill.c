/* SPDX-License-Identifier: Apache-2.0 */
/* A store for tests that breaks the one rule of the ABI that its options name. It asks a server for
 * each code, and answers FOUND when that has answered 200. What is written to it is forgotten. */
#include <cmp/plugin.h>

#include <fcntl.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define STALL_US 10000 /* twice what cmp-plugin-check bears */

enum {
    ILL_NOT,
    ILL_LEAK,
    ILL_DESCRIPTOR,
    ILL_FILE,
    ILL_FILE_ONCE,
    ILL_LISTEN,
    ILL_STALL,
    ILL_STALL_ANSWER,
    ILL_STALL_CANCEL,
    ILL_STALL_START,
    ILL_STALL_STOP,
    ILL_NEVER,
    ILL_NEVER_CANCELLED,
    ILL_TWICE,
    ILL_ABSENT,
    ILL_KEEPS,
    ILL_OVERRUN,
    ILL_BEYOND, /* the end of what the host gave */
    ILL_AFTER,  /* the completion it writes there */
    ILL_LENT,   /* and reads what it was asked for */
    ILL_RECORD, /* fills the call's record when that has returned */
    ILL_CRASH,
    ILL_TIMER,
    ILL_SILENT,
    ILL_EXIT,
    ILL_LOCK,
    ILL_LEAVE,
    ILL_POOL,
    ILL_NO_WRITE,
    ILL_SHARED,
    ILL_BUSY, /* breaks none: what takes long is the pool's */
};

static const char *const names[] = {[ILL_NOT] = "not",
                                    [ILL_LEAK] = "leak",
                                    [ILL_DESCRIPTOR] = "descriptor",
                                    [ILL_FILE] = "file",
                                    [ILL_FILE_ONCE] = "file_once",
                                    [ILL_LISTEN] = "listen",
                                    [ILL_STALL] = "stall",
                                    [ILL_STALL_ANSWER] = "stall_answer",
                                    [ILL_STALL_CANCEL] = "stall_cancel",
                                    [ILL_STALL_START] = "stall_start",
                                    [ILL_STALL_STOP] = "stall_stop",
                                    [ILL_NEVER] = "never",
                                    [ILL_NEVER_CANCELLED] = "never_cancelled",
                                    [ILL_TWICE] = "twice",
                                    [ILL_ABSENT] = "absent",
                                    [ILL_KEEPS] = "keeps",
                                    [ILL_OVERRUN] = "overrun",
                                    [ILL_BEYOND] = "beyond",
                                    [ILL_AFTER] = "after",
                                    [ILL_LENT] = "lent",
                                    [ILL_RECORD] = "record",
                                    [ILL_CRASH] = "crash",
                                    [ILL_TIMER] = "timer",
                                    [ILL_SILENT] = "silent",
                                    [ILL_EXIT] = "exit",
                                    [ILL_LOCK] = "lock",
                                    [ILL_LEAVE] = "leave",
                                    [ILL_POOL] = "pool",
                                    [ILL_NO_WRITE] = "no_write",
                                    [ILL_SHARED] = "shared",
                                    [ILL_BUSY] = "busy",
                                    NULL};

typedef struct ill_options {
    int of;
} ill_options;

CMP_OPTIONS(option_rows, ill_options) = {
    CMP_ROW_ENUM("of", ill_options, of, names, "which rule it breaks", CMP_DEFAULT("not")),
    CMP_OPTION_END,
};

typedef struct ill_store {
    const cmp_host *host;
    int of;
    cmp_origin *origin;
    int listening;             /* -1: not */
    _Atomic(cmp_loop *) first; /* of the first worker: ILL_SHARED asks servers on it */
} ill_store;

typedef struct ill_worker {
    ill_store *store;
    cmp_loop *loop;
    cmp_timer *timer;
    volatile unsigned sum;
    cmp_str kept; /* ILL_KEEPS: what was the host's, and is gone */
} ill_worker;

typedef struct ill_lookup {
    ill_worker *worker;
    cmp_op op;
    cmp_call *call;
    volatile char *room; /* ILL_BEYOND, ILL_AFTER: the host's */
    cmp_str ici;         /* the host's, too */
    cmp_record *record;
} ill_lookup;

static void *must(void *at)
{
    if (at == NULL) {
        abort();
    }
    return at;
}

static int listen_somewhere(void)
{
    const struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000001)};
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (const struct sockaddr *)&any, sizeof(any)) != 0 || listen(fd, 1) != 0) {
        abort();
    }
    return fd;
}

static void write_file(const char *folder, const char *text)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s/ill.txt", folder);
    const int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (fd < 0 || write(fd, text, strlen(text)) < 0) {
        abort();
    }
    close(fd);
}

/* Whose process left it behind; nobody takes it away. */
static bool locked(const char *folder)
{
    char path[4096], pid[32] = "", own[32];
    snprintf(path, sizeof(path), "%s/lock", folder);
    const int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    snprintf(own, sizeof(own), "%d", (int)getpid());
    const ssize_t size = read(fd, pid, sizeof(pid) - 1);
    if (fd < 0 || size < 0 || (size == 0 && write(fd, own, strlen(own)) < 1)) {
        abort();
    }
    close(fd);
    return size > 0 && strcmp(pid, own) != 0;
}

static void *ill_create(const cmp_host *host, const void *options, void *previous,
                        cmp_report *report)
{
    (void)previous;
    char error[256];
    const int of = ((const ill_options *)options)->of;
    if (of == ILL_SILENT) {
        return NULL;
    }
    if (of == ILL_EXIT) {
        exit(4);
    }
    if (of == ILL_LOCK && host->purpose == CMP_PURPOSE_RUN && locked(host->folder)) {
        host->report(report, NULL, "another process has the lock");
        return NULL;
    }
    const cmp_origin_options server = {.url = "https://codes.example"};
    cmp_origin *origin = host->origin_open(host, &server, error, sizeof(error));
    if (origin == NULL) {
        host->report(report, NULL, "%s", error);
        return NULL;
    }
    if (of == ILL_FILE || of == ILL_FILE_ONCE) {
        write_file(host->folder, of == ILL_FILE ? "ill\n" : "");
    }
    if (of == ILL_DESCRIPTOR && open("/dev/null", O_RDONLY | O_CLOEXEC) < 0) {
        abort();
    }
    ill_store *s = must(calloc(1, sizeof(*s)));
    *s = (ill_store){.host = host,
                     .of = of,
                     .origin = origin,
                     .listening = of == ILL_LISTEN ? listen_somewhere() : -1};
    return s;
}

static void ill_destroy(void *instance)
{
    ill_store *s = instance;
    s->host->origin_close(s->origin);
    if (s->listening >= 0) {
        close(s->listening);
    }
    if (s->of != ILL_LEAK) {
        free(s);
    }
}

static void on_timer(void *arg)
{
    ((ill_worker *)arg)->timer = NULL;
}

static void *ill_worker_start(void *instance, cmp_loop *loop)
{
    ill_worker *w = must(calloc(1, sizeof(*w)));
    *w = (ill_worker){.store = instance, .loop = loop};
    cmp_loop *none = NULL;
    if (w->store->of == ILL_SHARED &&
        !atomic_compare_exchange_strong(&w->store->first, &none, loop)) {
        w->loop = none;
    }
    if (w->store->of == ILL_STALL_START) {
        usleep(STALL_US);
    }
    if (w->store->of == ILL_TIMER) {
        w->timer = w->store->host->timer_start(loop, 1000000, on_timer, w);
    }
    return w;
}

static void ill_worker_stop(void *instance, void *worker)
{
    if (((const ill_store *)instance)->of == ILL_STALL_STOP) {
        usleep(STALL_US);
    }
    free(worker);
}

/* What the host has lent is read when it is gone. */
static unsigned sum_of(cmp_str text)
{
    unsigned sum = 0;
    for (size_t i = 0; text.at != NULL && i < text.size; i++) {
        sum += (unsigned char)text.at[i];
    }
    return sum;
}

static void complete(ill_lookup *l, cmp_store_verdict verdict)
{
    const cmp_host *host = l->worker->store->host;
    const bool twice = l->worker->store->of == ILL_TWICE;
    const bool after = l->worker->store->of == ILL_AFTER;
    const bool lent = l->worker->store->of == ILL_LENT;
    ill_worker *w = l->worker;
    volatile char *room = l->room;
    const cmp_str ici = l->ici;
    const cmp_op op = l->op;
    cmp_record record = CMP_RECORD_INIT;
    record.content = CMP_STR("https://example.org/");
    if (l->worker->store->of == ILL_RECORD) {
        l->record->content = record.content;
    }
    free(l);
    cmp_store_complete(host, op, verdict, &record);
    if (twice) {
        cmp_store_complete(host, op, verdict, &record);
    }
    if (after) {
        room[0] = '\0';
    }
    if (lent) {
        w->sum += sum_of(ici);
    }
}

static void on_answer(void *arg, const cmp_https_answer *answer)
{
    ill_lookup *l = arg;
    ill_worker *w = l->worker;
    const bool good = answer->result == CMP_HTTPS_ANSWERED && answer->status == 200;
    if (w->store->of == ILL_KEEPS) {
        w->sum += sum_of(w->kept);
        w->kept = answer->body;
    }
    l->call = NULL;
    if (w->store->of == ILL_STALL_ANSWER) {
        usleep(STALL_US);
    }
    if (w->store->of == ILL_NEVER) {
        return;
    }
    complete(l, good                         ? CMP_STORE_FOUND
                : w->store->of == ILL_ABSENT ? CMP_STORE_ABSENT
                                             : CMP_STORE_UNAVAILABLE);
}

static bool is_the_pools(const ill_store *s)
{
    return s->of == ILL_POOL || s->of == ILL_BUSY;
}

static void work(void *arg)
{
    (void)arg;
    usleep(STALL_US);
}

static void on_work_done(void *arg)
{
    complete(arg, CMP_STORE_FOUND);
}

static cmp_store_verdict ask_the_pool(ill_lookup *l)
{
    const ill_store *s = l->worker->store;
    s->host->op_data(s->host, l->op, l);
    if (s->host->offload(s->host, l->worker->loop, work, on_work_done, l)) {
        return CMP_STORE_PENDING;
    }
    free(l);
    return s->of == ILL_POOL ? CMP_STORE_ABSENT : CMP_STORE_UNAVAILABLE;
}

static cmp_store_verdict ill_lookup_begin(void *instance, void *worker, cmp_str ici, cmp_op op,
                                          cmp_record *record)
{
    const ill_store *s = instance;
    ill_lookup *l = must(calloc(1, sizeof(*l)));
    *l = (ill_lookup){.worker = worker, .op = op, .ici = ici, .record = record};
    if (s->of == ILL_STALL) {
        usleep(STALL_US);
    }
    if (s->of == ILL_CRASH && ici.size > 100) {
        abort();
    }
    if (s->of == ILL_LEAVE && ici.size > 100) {
        exit(0);
    }
    if (s->of == ILL_OVERRUN) {
        volatile char *room = must(malloc(ici.size));
        room[ici.size] = '\0'; /* volatile, or the compiler sees that nobody needs it */
        free((void *)room);
    }
    if (s->of == ILL_BEYOND || s->of == ILL_AFTER) {
        l->room = s->host->txn_alloc(s->host, op, ici.size);
        l->room[s->of == ILL_BEYOND ? ici.size : 0] = '\0';
    }
    if (is_the_pools(s)) {
        return ask_the_pool(l);
    }
    const cmp_https_request request = {.method = "GET",
                                       .content_type = CMP_NONE,
                                       .accept = CMP_STR("application/json"),
                                       .timeout_ms = 2000,
                                       .answer_max = 65536};
    s->host->op_data(s->host, op, l);
    l->call = s->host->https_start(s->host, l->worker->loop, s->origin, &request, on_answer, l);
    return CMP_STORE_PENDING;
}

static void ill_cancel(void *instance, void *worker, cmp_op op, void *data)
{
    (void)worker, (void)op;
    const ill_store *s = instance;
    ill_lookup *l = data;
    if (is_the_pools(s)) {
        return; /* it ends with its job */
    }
    if (s->of == ILL_STALL_CANCEL) {
        usleep(STALL_US);
    }
    if (l->call != NULL) {
        s->host->https_cancel(l->call);
    }
    if (s->of == ILL_NEVER || s->of == ILL_NEVER_CANCELLED) {
        free(l);
        return;
    }
    complete(l, CMP_STORE_UNAVAILABLE);
}

static void *ill_begin(void *instance, char *error, size_t error_size)
{
    const ill_store *s = instance;
    snprintf(error, error_size, "the disk is full");
    return s->of == ILL_NO_WRITE ? NULL : instance;
}

static bool ill_put(void *instance, void *write, cmp_str ici, const cmp_record *record, char *error,
                    size_t error_size)
{
    (void)instance, (void)write, (void)ici, (void)record, (void)error, (void)error_size;
    return true;
}

static bool ill_remove(void *instance, void *write, cmp_str ici, bool *existed, char *error,
                       size_t error_size)
{
    (void)instance, (void)write, (void)ici, (void)error, (void)error_size;
    *existed = true;
    return true;
}

static bool ill_commit(void *instance, void *write, char *error, size_t error_size)
{
    (void)instance, (void)write, (void)error, (void)error_size;
    return true;
}

static void ill_abort(void *instance, void *write)
{
    (void)instance, (void)write;
}

static const cmp_store_ops ill_ops = {
    .size = sizeof(cmp_store_ops),
    .lookup = ill_lookup_begin,
    .cancel = ill_cancel,
    .begin = ill_begin,
    .put = ill_put,
    .remove = ill_remove,
    .commit = ill_commit,
    .abort = ill_abort,
};

CMP_EXPORT const cmp_plugin cmp_plugin_descriptor = {
    CMP_PLUGIN_ABI,
    .name = "store_ill",
    .kind = CMP_PLUGIN_STORE,
    .services = CMP_SERVICE_LOOP | CMP_SERVICE_OFFLOAD | CMP_SERVICE_HTTPS,
    .version = "1",
    .summary = "Breaks the rule that its options name",
    CMP_PLUGIN_OPTIONS(option_rows),
    .create = ill_create,
    .destroy = ill_destroy,
    .worker_start = ill_worker_start,
    .worker_stop = ill_worker_stop,
    .ops.store = &ill_ops,
};
