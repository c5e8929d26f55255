/* SPDX-License-Identifier: Apache-2.0 */
/* A store for tests that does what no plugin should: it crashes, ends the process, holds its
 * thread, or never answers; where, and for which ICI, its options say. All other ICIs are found at
 * once. */
#include <cmp/plugin.h>

#include <dlfcn.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

typedef enum fault_how {
    HOW_NONE,
    HOW_SEGV,
    HOW_OVERFLOW, /* of the stack */
    HOW_ABORT,
    HOW_THROW, /* a C++ exception that nobody catches */
    HOW_FPE,
    HOW_EXIT,
    HOW_HOLD, /* the thread, for `hold` */
    HOW_HANG, /* PENDING, and never an answer */
    HOW_WILD, /* an answer that points nowhere */
    HOW_LINES,
} fault_how;

static const char *const hows[] = {"none", "segv", "overflow", "abort", "throw", "fpe",
                                   "exit", "hold", "hang",     "wild",  "lines", NULL};

typedef enum fault_where {
    WHERE_LOOKUP,
    WHERE_TIMER,
    WHERE_CREATE,
    WHERE_CONTROL, /* a timer of the control thread */
    WHERE_OFFLOAD,
} fault_where;

static const char *const wheres[] = {"lookup", "timer", "create", "control", "offload", NULL};

typedef struct fault_options {
    int how, where;
    const char *ici;
    int64_t hold_ms;
    const char *until, *after;
} fault_options;

CMP_OPTIONS(option_rows, fault_options) = {
    CMP_ROW_ENUM("how", fault_options, how, hows, "what goes wrong", CMP_DEFAULT("none")),
    CMP_ROW_ENUM("where", fault_options, where, wheres, "in which function", CMP_DEFAULT("lookup")),
    CMP_ROW("ici", STRING, fault_options, ici, "the one ICI with which it goes wrong",
            CMP_DEFAULT("1A0F1-FAULT")),
    CMP_ROW("hold", DURATION, fault_options, hold_ms, "for how long it holds its thread",
            CMP_DEFAULT("1s")),
    CMP_ROW("until", PATH, fault_options, until, "or until there is this file"),
    CMP_ROW("after", PATH, fault_options, after,
            "on the control thread: not before there is this file"),
    CMP_OPTION_END,
};

typedef struct fault {
    const cmp_host *host;
    const fault_options *options;
    cmp_loop *control;
    cmp_op op; /* HOW_WILD: to be answered by the timer */
} fault;

typedef struct fault_worker {
    const fault *of;
    cmp_loop *loop;
} fault_worker;

/* ---- faults ---- */

static volatile int zero;

static int overflow(int depth)
{
    volatile char room[4096];
    room[0] = (char)depth;
    return depth < 0 ? 0 : overflow(depth + 1) + room[0];
}

/* `throw 1`, by what a C++ compiler makes of it. */
static void throw_one(void)
{
    void *runtime = dlopen("libstdc++.so.6", RTLD_NOW | RTLD_GLOBAL);
    void *(*make)(size_t) = (void *(*)(size_t))dlsym(runtime, "__cxa_allocate_exception");
    void (*throw_it)(void *, void *, void *) =
        (void (*)(void *, void *, void *))dlsym(runtime, "__cxa_throw");
    int *one = make(sizeof(*one));
    *one = 1;
    throw_it(one, dlsym(runtime, "_ZTIi"), NULL);
}

static void hold(int64_t ms, const char *until)
{
    struct timespec now, end;
    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += ms / 1000;
    end.tv_nsec += (long)(ms % 1000) * 1000000;
    do {
        nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
        clock_gettime(CLOCK_MONOTONIC, &now);
    } while ((until == NULL || access(until, F_OK) != 0) &&
             (now.tv_sec - end.tv_sec) * INT64_C(1000000000) + now.tv_nsec < end.tv_nsec);
}

static void lines(const fault *f)
{
    for (int i = 0; i < 10000; i++) {
        f->host->log(f->host, CMP_LOG_WARNING, "line %d\n2026-01-01T00:00:00.000Z error forged: %s",
                     i, "\x1b[2J");
    }
}

static const cmp_record wild = {
    .content = {(const char *)16, 100}, /* in the page that nobody has */
    .ttl_s = CMP_TTL_UNSET,
    .not_before_ms = CMP_TIME_MIN,
    .not_after_ms = CMP_TIME_MAX,
};

static void go_wrong(const fault *f)
{
    switch ((fault_how)f->options->how) {
    case HOW_SEGV:
        *(volatile int *)(uintptr_t)zero = 1;
        break;
    case HOW_OVERFLOW:
        zero = overflow(0) & 0;
        break;
    case HOW_ABORT:
        abort();
    case HOW_THROW:
        throw_one();
        break;
    case HOW_FPE:
        raise(SIGFPE);
        break;
    case HOW_EXIT:
        exit(0);
    case HOW_HOLD:
        hold(f->options->hold_ms, f->options->until);
        break;
    case HOW_LINES:
        lines(f);
        break;
    case HOW_WILD:
        if (f->options->where == WHERE_TIMER) {
            cmp_store_complete(f->host, f->op, CMP_STORE_FOUND, &wild);
        }
        break;
    case HOW_NONE:
    case HOW_HANG:
        break;
    }
}

static void on_fault(void *arg)
{
    go_wrong(arg);
}

static void on_control(void *arg)
{
    fault *f = arg;
    if (f->options->after != NULL && access(f->options->after, F_OK) != 0) {
        f->host->timer_start(f->control, 10, on_control, f);
        return;
    }
    go_wrong(f);
}

static void on_done(void *arg)
{
    (void)arg;
}

/* ---- the plugin ---- */

static void *fault_create(const cmp_host *host, const void *options, void *previous,
                          cmp_report *report)
{
    (void)previous, (void)report;
    fault *f = calloc(1, sizeof(*f));
    if (f == NULL) {
        abort();
    }
    f->host = host;
    f->options = options;
    if (f->options->where == WHERE_CREATE) {
        go_wrong(f);
    }
    return f;
}

static void fault_start(void *instance, cmp_loop *control)
{
    fault *f = instance;
    f->control = control;
    if (f->options->where == WHERE_CONTROL) {
        f->host->timer_start(control, 200, on_control, f);
    }
}

static void *fault_worker_start(void *instance, cmp_loop *loop)
{
    fault_worker *w = calloc(1, sizeof(*w));
    if (w == NULL) {
        abort();
    }
    *w = (fault_worker){.of = instance, .loop = loop};
    return w;
}

static void fault_worker_stop(void *instance, void *worker)
{
    (void)instance;
    free(worker);
}

static cmp_store_verdict fault_lookup(void *instance, void *worker, cmp_str ici, cmp_op op,
                                      cmp_record *record)
{
    fault *f = instance;
    const fault_worker *w = worker;
    const bool is_wild = f->options->how == HOW_WILD;
    record->content = CMP_STR("https://found.example/");
    if (!cmp_str_equal(ici, cmp_str_from(f->options->ici))) {
        return CMP_STORE_FOUND;
    }
    switch ((fault_where)f->options->where) {
    case WHERE_LOOKUP:
        go_wrong(f);
        *record = is_wild ? wild : *record;
        break;
    case WHERE_TIMER:
        f->op = op;
        f->host->timer_start(w->loop, 1, on_fault, f);
        break;
    case WHERE_OFFLOAD:
        if (!f->host->offload(f->host, w->loop, on_fault, on_done, f)) {
            return CMP_STORE_UNAVAILABLE;
        }
        break;
    case WHERE_CREATE:
    case WHERE_CONTROL:
        break;
    }
    const bool later = f->options->how == HOW_HANG || (is_wild && f->options->where == WHERE_TIMER);
    return later ? CMP_STORE_PENDING : CMP_STORE_FOUND;
}

/* The completion should come now. */
static void fault_cancel(void *instance, void *worker, cmp_op op, void *data)
{
    (void)instance, (void)worker, (void)op, (void)data;
}

static void fault_destroy(void *instance)
{
    free(instance);
}

static const cmp_store_ops fault_ops = {
    .size = sizeof(cmp_store_ops),
    .lookup = fault_lookup,
    .cancel = fault_cancel,
};

CMP_EXPORT const cmp_plugin cmp_plugin_descriptor = {
    CMP_PLUGIN_ABI,
    .name = "store_fault",
    .kind = CMP_PLUGIN_STORE,
    .services = CMP_SERVICE_LOOP | CMP_SERVICE_OFFLOAD,
    .version = "1",
    .summary = "One fixed record, and one fault",
    CMP_PLUGIN_OPTIONS(option_rows),
    .create = fault_create,
    .start = fault_start,
    .worker_start = fault_worker_start,
    .worker_stop = fault_worker_stop,
    .destroy = fault_destroy,
    .ops.store = &fault_ops,
};
