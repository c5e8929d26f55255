/* store_file: answers look-ups from a file of code records, one JSON object a line (SPEC 6).
 *
 * The codes lie in an immutable index. When the file changes, a new index is built beside it on a
 * pool thread; if every line is good each worker takes the new one, else the old one goes on. A
 * look-up touches only its own worker's pointer: no lock, no shared counter. */
#include "loader.h"
#include "memory.h"
#include "order.h"

#include <cmp/plugin.h>

#include <errno.h>
#include <pthread.h>
#include <time.h>

typedef struct options {
    const char *path;
    int64_t check_interval_ms;
    int64_t threads;
} options;

CMP_OPTIONS(rows, options) = {
    CMP_ROW("path", PATH, options, path,
            "file of code records, one JSON object a line; replace it by renaming a whole one",
            CMP_REQUIRED),
    CMP_ROW("check_interval", DURATION, options, check_interval_ms,
            "how often the file is looked at for a change", CMP_DEFAULT("1s"),
            CMP_RANGE(100, 86400000)),
    CMP_ROW("threads", INTEGER, options, threads, "threads that share the loading of a large file",
            CMP_DEFAULT("2"), CMP_RANGE(1, LOAD_THREADS_MAX)),
    CMP_OPTION_END,
};

/* The codes as they were at one time, and how many workers and scans still use them. */
typedef struct snapshot snapshot;
struct snapshot {
    snapshot *older; /* in the list of those that were replaced */
    code_index *index;
    unsigned users;
    pthread_mutex_t order_lock; /* for making the order, which takes a while */
    code_order order;           /* once there was a scan */
};

typedef struct store {
    const cmp_host *host;
    const options *options;
    unsigned reloads, reload_failures; /* counters */

    pthread_mutex_t lock; /* for `current` and every snapshot's `users`; not taken by look-ups */
    snapshot *current;

    /* Control thread. */
    snapshot *replaced;
    cmp_loop *loop;
    cmp_timer *timer;
    file_mark seen;                 /* the file as it was read last, with whatever result */
    char unopened[LOAD_ERROR_SIZE]; /* why it could not even be opened, as logged last */
    bool loading;

    /* The pool thread's while `loading`. */
    load load;
    load_result result;
    int64_t load_ms;
} store;

typedef struct worker {
    snapshot *snapshot;
} worker;

/* ---- loading ---- */

static void load_init(load *l, const cmp_host *host, const options *o)
{
    *l = (load){.host = host, .path = o->path, .threads = (unsigned)o->threads};
}

static int64_t monotonic_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void load_work(void *arg)
{
    store *s = arg;
    const int64_t begin_ms = monotonic_ms();
    s->result = load_codes(&s->load);
    s->load_ms = monotonic_ms() - begin_ms;
}

static void log_loaded(const store *s)
{
    s->host->log(s->host, CMP_LOG_NOTICE, "%s: %zu codes in %lld ms, %zu octets of memory",
                 s->options->path, index_count(s->load.index), (long long)s->load_ms,
                 index_octets(s->load.index));
}

static snapshot *snapshot_take(load *l)
{
    snapshot *taken = memory_must(calloc(1, sizeof(*taken)));
    taken->index = l->index;
    pthread_mutex_init(&taken->order_lock, NULL);
    l->index = NULL;
    return taken;
}

static void snapshot_free(snapshot *s)
{
    order_dispose(&s->order);
    pthread_mutex_destroy(&s->order_lock);
    index_destroy(&s->index);
    free(s);
}

/* ---- swapping ---- */

/* On each worker's thread, between two look-ups. */
static void worker_adopt(void *instance, void *state, void *arg)
{
    (void)arg;
    store *s = instance;
    worker *w = state;
    if (w == NULL) {
        return; /* it has stopped meanwhile */
    }
    pthread_mutex_lock(&s->lock);
    if (w->snapshot != s->current) {
        w->snapshot->users--;
        w->snapshot = s->current;
        w->snapshot->users++;
    }
    pthread_mutex_unlock(&s->lock);
}

/* Frees what nobody uses any more. A worker that has not heard of the new codes yet (it was
 * about to start when they came) is told again. */
static void replaced_free(store *s)
{
    snapshot **at = &s->replaced;
    while (*at != NULL) {
        snapshot *old = *at;
        pthread_mutex_lock(&s->lock);
        const bool unused = old->users == 0;
        pthread_mutex_unlock(&s->lock);
        if (unused) {
            *at = old->older;
            snapshot_free(old);
        } else {
            at = &old->older;
        }
    }
    if (s->replaced != NULL) {
        s->host->workers_call(s->host, worker_adopt, NULL);
    }
}

static void swap(store *s)
{
    snapshot *fresh = snapshot_take(&s->load);
    pthread_mutex_lock(&s->lock);
    snapshot *old = s->current;
    s->current = fresh;
    pthread_mutex_unlock(&s->lock);
    old->older = s->replaced;
    s->replaced = old;
    s->host->workers_call(s->host, worker_adopt, NULL);
}

/* ---- watching ---- */

/* A file that was read is tried once, and again only when it changes. One that cannot be opened is
 * tried at every tick (its mode may be mended, which is no change of the file) but logged once. */
static void load_failed(store *s)
{
    s->seen = s->load.mark;
    if (s->load.opened) {
        s->unopened[0] = '\0';
    } else if (strcmp(s->unopened, s->load.error) == 0) {
        return;
    } else {
        memcpy(s->unopened, s->load.error, sizeof(s->unopened));
    }
    s->host->count(s->host, s->reload_failures, 1);
    s->host->log(s->host, CMP_LOG_ERROR, "%s; the codes read before stay in use", s->load.error);
}

static void load_done(void *arg)
{
    store *s = arg;
    s->loading = false;
    switch (s->result) {
    case LOAD_GOOD:
        s->seen = s->load.mark;
        s->unopened[0] = '\0';
        s->host->count(s->host, s->reloads, 1);
        log_loaded(s);
        swap(s);
        break;
    case LOAD_BAD:
        load_failed(s);
        break;
    case LOAD_CHANGED:
        s->host->log(s->host, CMP_LOG_INFO, "%s: it changed while it was read, reading it again",
                     s->options->path);
        break;
    }
}

static void check_file(store *s)
{
    file_mark now;
    file_mark_of(s->options->path, &now); /* a file that is gone is a change, too */
    if (s->loading || file_mark_equal(&now, &s->seen)) {
        return;
    }
    load_init(&s->load, s->host, s->options);
    s->loading = true;
    if (!s->host->offload(s->host, s->loop, load_work, load_done, s)) {
        s->loading = false; /* the pool is full: at the next tick, then */
    }
}

static void tick(void *arg)
{
    store *s = arg;
    s->timer = s->host->timer_start(s->loop, (uint64_t)s->options->check_interval_ms, tick, s);
    replaced_free(s);
    check_file(s);
}

/* ---- the instance ---- */

static const char *load_complaint(const load *l, load_result result)
{
    return result == LOAD_CHANGED ? "the file changed while it was read" : l->error;
}

static void *store_create(const cmp_host *host, const void *opts, void *previous,
                          cmp_report *report)
{
    (void)previous;
    store *s = memory_must(calloc(1, sizeof(*s)));
    s->host = host;
    s->options = opts;
    load_init(&s->load, host, s->options);
    load_work(s);
    if (s->result != LOAD_GOOD) {
        host->report(report, "path", "%s", load_complaint(&s->load, s->result));
        free(s);
        return NULL;
    }
    s->seen = s->load.mark;
    log_loaded(s);
    s->current = snapshot_take(&s->load);
    pthread_mutex_init(&s->lock, NULL);
    s->reloads = host->counter(host, "reloads", "how often the changed file was read again");
    s->reload_failures =
        host->counter(host, "reload_failures", "how often the changed file was not good");
    return s;
}

static void store_start(void *instance, cmp_loop *loop)
{
    store *s = instance;
    s->loop = loop;
    s->timer = s->host->timer_start(loop, (uint64_t)s->options->check_interval_ms, tick, s);
}

static void *store_worker_start(void *instance, cmp_loop *loop)
{
    (void)loop;
    store *s = instance;
    worker *w = memory_must(calloc(1, sizeof(*w)));
    pthread_mutex_lock(&s->lock);
    w->snapshot = s->current;
    w->snapshot->users++;
    pthread_mutex_unlock(&s->lock);
    return w;
}

static void store_worker_stop(void *instance, void *state)
{
    store *s = instance;
    worker *w = state;
    pthread_mutex_lock(&s->lock);
    w->snapshot->users--;
    pthread_mutex_unlock(&s->lock);
    free(w);
}

static void store_destroy(void *instance)
{
    store *s = instance;
    if (s->timer != NULL) {
        s->host->timer_stop(s->timer);
    }
    while (s->replaced != NULL) {
        snapshot *old = s->replaced;
        s->replaced = old->older;
        snapshot_free(old);
    }
    snapshot_free(s->current);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

/* ---- look-ups ---- */

static cmp_store_verdict store_lookup(void *instance, void *state, cmp_txn *txn, cmp_str ici,
                                      cmp_op *op, cmp_record *record)
{
    (void)op;
    const store *s = instance;
    const worker *w = state;
    const uint8_t *packed = index_find(w->snapshot->index, ici);
    if (packed == NULL) {
        return CMP_STORE_ABSENT;
    }
    const uint8_t *variants = packed_read(packed, record);
    if (variants != NULL) {
        void *memory = s->host->txn_alloc(txn, packed_variants_size(variants));
        packed_variants(variants, memory, record);
    }
    return CMP_STORE_FOUND;
}

/* ---- scans ---- */

static bool order_ready(snapshot *s)
{
    pthread_mutex_lock(&s->order_lock);
    const bool ready = s->order.offsets != NULL || order_make(s->index, &s->order);
    pthread_mutex_unlock(&s->order_lock);
    return ready;
}

/* Shows the codes as they were when it began, by ICI. */
static bool store_scan(void *instance, cmp_str after, cmp_store_visit visit, void *arg, char *error,
                       size_t error_size)
{
    store *s = instance;
    pthread_mutex_lock(&s->lock);
    snapshot *codes = s->current;
    codes->users++;
    pthread_mutex_unlock(&s->lock);
    const bool ready = order_ready(codes);
    if (ready) {
        order_scan(&codes->order, codes->index, after, visit, arg);
    } else {
        snprintf(error, error_size, "not enough memory to sort %zu codes",
                 index_count(codes->index));
    }
    pthread_mutex_lock(&s->lock);
    codes->users--;
    pthread_mutex_unlock(&s->lock);
    return ready;
}

static const cmp_store_ops ops = {
    .size = sizeof(cmp_store_ops),
    .lookup = store_lookup,
    .scan = store_scan,
};

CMP_EXPORT const cmp_plugin cmp_plugin_descriptor = {
    CMP_PLUGIN_ABI,
    .name = "store_file",
    .kind = CMP_PLUGIN_STORE,
    .services = CMP_SERVICE_LOOP | CMP_SERVICE_OFFLOAD,
    .version = "1.0",
    .summary = "codes from a file of JSON records, held in memory and re-read when it changes",
    CMP_PLUGIN_OPTIONS(rows),
    .create = store_create,
    .start = store_start,
    .worker_start = store_worker_start,
    .worker_stop = store_worker_stop,
    .destroy = store_destroy,
    .ops.store = &ops,
};
