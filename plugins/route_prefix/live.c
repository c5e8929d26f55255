/* Keeps the prefixes in step with the table file, all or nothing: while the file has an error,
 * those that were read before stay in use. */
#include "live.h"

#include "memory.h"

#include <pthread.h>

/* The prefixes as they were at one time, and how many workers still search them. */
typedef struct snapshot snapshot;
struct snapshot {
    snapshot *older; /* in the list of those that were replaced */
    prefixes *prefixes;
    unsigned workers;
};

struct live {
    const cmp_host *host;
    unsigned reloads, reload_failures; /* counters */

    pthread_mutex_t lock; /* for `current` and every snapshot's `workers`; no search takes it */
    snapshot *current;

    /* Control thread. */
    snapshot *replaced;
    cmp_loop *loop;
    cmp_timer *timer;
    uint64_t check_interval_ms;
    file_mark seen;                 /* the file as it was read last, with whatever result */
    char unopened[LOAD_ERROR_SIZE]; /* why it could not even be opened, as logged last */
    bool loading;

    /* The pool thread's while `loading`. */
    load load;
    load_result result;
};

struct live_worker {
    snapshot *snapshot;
};

/* ---- snapshots ---- */

static snapshot *snapshot_take(load *l)
{
    snapshot *taken = memory_must(calloc(1, sizeof(*taken)));
    taken->prefixes = l->prefixes;
    l->prefixes = NULL;
    return taken;
}

static void snapshot_free(snapshot *s)
{
    prefixes_destroy(&s->prefixes);
    free(s);
}

/* On each worker's thread, between two requests. */
static void worker_adopt(void *instance, void *worker, void *arg)
{
    (void)instance;
    live *l = arg;
    live_worker *w = worker;
    if (w == NULL) {
        return; /* it has stopped meanwhile */
    }
    pthread_mutex_lock(&l->lock);
    if (w->snapshot != l->current) {
        w->snapshot->workers--;
        w->snapshot = l->current;
        w->snapshot->workers++;
    }
    pthread_mutex_unlock(&l->lock);
}

/* Frees what no worker searches any more. A worker that has not heard of the new prefixes yet (it
 * was about to start when they came) is told again. */
static void replaced_free(live *l)
{
    snapshot **at = &l->replaced;
    while (*at != NULL) {
        snapshot *old = *at;
        pthread_mutex_lock(&l->lock);
        const bool unused = old->workers == 0;
        pthread_mutex_unlock(&l->lock);
        if (unused) {
            *at = old->older;
            snapshot_free(old);
        } else {
            at = &old->older;
        }
    }
    if (l->replaced != NULL) {
        l->host->workers_call(l->host, worker_adopt, l);
    }
}

static void swap(live *l)
{
    snapshot *fresh = snapshot_take(&l->load);
    pthread_mutex_lock(&l->lock);
    snapshot *old = l->current;
    l->current = fresh;
    pthread_mutex_unlock(&l->lock);
    old->older = l->replaced;
    l->replaced = old;
    l->host->workers_call(l->host, worker_adopt, l);
}

/* ---- watching ---- */

static void log_loaded(const live *l)
{
    const size_t count = prefixes_count(l->load.prefixes);
    if (l->load.path != NULL) {
        l->host->log(l->host, CMP_LOG_NOTICE, "%s: %zu prefixes, with those of the peers' entries",
                     l->load.path, count);
    } else {
        l->host->log(l->host, CMP_LOG_INFO, "%zu prefixes of the peers' entries", count);
    }
}

/* A file that was read is tried once, and again only when it changes. One that cannot be opened is
 * tried at every tick (its mode may be mended, which is no change of the file) but logged once. */
static void load_failed(live *l)
{
    l->seen = l->load.mark;
    if (l->load.opened) {
        l->unopened[0] = '\0';
    } else if (strcmp(l->unopened, l->load.error) == 0) {
        return;
    } else {
        memcpy(l->unopened, l->load.error, sizeof(l->unopened));
    }
    l->host->count(l->host, l->reload_failures, 1);
    l->host->log(l->host, CMP_LOG_ERROR, "%s; the prefixes read before stay in use", l->load.error);
}

static void load_work(void *arg)
{
    live *l = arg;
    l->result = load_prefixes(&l->load);
}

static void load_done(void *arg)
{
    live *l = arg;
    l->loading = false;
    switch (l->result) {
    case LOAD_GOOD:
        l->seen = l->load.mark;
        l->unopened[0] = '\0';
        l->host->count(l->host, l->reloads, 1);
        log_loaded(l);
        swap(l);
        break;
    case LOAD_BAD:
        load_failed(l);
        break;
    case LOAD_CHANGED:
        l->host->log(l->host, CMP_LOG_INFO, "%s: it changed while it was read, reading it again",
                     l->load.path);
        break;
    }
}

static void check_file(live *l)
{
    const file_mark now = file_mark_of(l->load.path); /* a file that is gone is a change, too */
    if (l->loading || file_mark_equal(&now, &l->seen)) {
        return;
    }
    l->loading = true;
    if (!l->host->offload(l->host, l->loop, load_work, load_done, l)) {
        l->loading = false; /* the pool is full: at the next tick, then */
    }
}

static void tick(void *arg)
{
    live *l = arg;
    l->timer = l->host->timer_start(l->loop, l->check_interval_ms, tick, l);
    replaced_free(l);
    check_file(l);
}

/* ---- life ---- */

live *live_create(const cmp_host *host, const char *path, bool need_hosts, cmp_report *report)
{
    live *l = memory_must(calloc(1, sizeof(*l)));
    l->host = host;
    l->load = (load){.host = host, .path = path, .need_hosts = need_hosts};
    load_work(l);
    if (l->result != LOAD_GOOD) {
        load_report(&l->load, l->result, report);
        free(l);
        return NULL;
    }
    l->seen = l->load.mark;
    log_loaded(l);
    l->current = snapshot_take(&l->load);
    pthread_mutex_init(&l->lock, NULL);
    l->reloads =
        host->counter(host, "reloads", "how often the changed table of prefixes was read again");
    l->reload_failures =
        host->counter(host, "reload_failures", "how often the changed table was not good");
    return l;
}

void live_start(live *l, cmp_loop *loop, uint64_t check_interval_ms)
{
    if (l->load.path == NULL) {
        return;
    }
    l->loop = loop;
    l->check_interval_ms = check_interval_ms;
    l->timer = l->host->timer_start(loop, check_interval_ms, tick, l);
}

void live_destroy(live **l_ref)
{
    live *l = *l_ref;
    if (l->timer != NULL) {
        l->host->timer_stop(l->timer);
    }
    while (l->replaced != NULL) {
        snapshot *old = l->replaced;
        l->replaced = old->older;
        snapshot_free(old);
    }
    snapshot_free(l->current);
    pthread_mutex_destroy(&l->lock);
    free(l);
    *l_ref = NULL;
}

/* ---- workers ---- */

live_worker *live_join(live *l)
{
    live_worker *w = memory_must(calloc(1, sizeof(*w)));
    pthread_mutex_lock(&l->lock);
    w->snapshot = l->current;
    w->snapshot->workers++;
    pthread_mutex_unlock(&l->lock);
    return w;
}

void live_leave(live *l, live_worker **w)
{
    pthread_mutex_lock(&l->lock);
    (*w)->snapshot->workers--;
    pthread_mutex_unlock(&l->lock);
    free(*w);
    *w = NULL;
}

const prefixes *live_prefixes(const live_worker *w)
{
    return w->snapshot->prefixes;
}
