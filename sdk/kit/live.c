/* SPDX-License-Identifier: Apache-2.0 */
/* Watches a file, and swaps what is read from it. */
#include <cmp-kit/live.h>

#include <cmp-kit/memory.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* What was read once; an instance that replaces another one may go on with it. Control thread. */
typedef struct reading {
    void *content;
    unsigned owners; /* snapshots */
} reading;

/* The content as it was at one time, and how many still use it. */
typedef struct kit_live_snapshot snapshot;
struct kit_live_snapshot {
    snapshot *older; /* in the list of those that were replaced */
    void *content;
    reading *of;
    unsigned users;
};

struct kit_live {
    const cmp_host *host;
    const kit_live_kind *kind;
    const char *path;
    void *arg;
    unsigned reloads, reload_failures, reloads_held; /* counters */

    pthread_mutex_t lock; /* for `current` and every snapshot's `users`; no request takes it */
    snapshot *current;

    /* Control thread. */
    snapshot *replaced;
    cmp_loop *loop;
    cmp_timer *timer;
    const kit_live_options *options;
    kit_file_mark seen;                 /* the file as it was read last, with whatever result */
    char unopened[KIT_FILE_ERROR_SIZE]; /* why it could not even be opened, as logged last */
    bool loading;
    bool held;         /* so much is missing in the file that it is not believed yet */
    size_t held_count; /* what is left in it */
    size_t told_count; /* the same, of which the host was told last */
    int64_t held_ms;   /* for how long it has been as it is */
    bool degraded;     /* the host was told so */
    bool accepting; /* an operator says that it is good: the command `accept_id` is to be ended */
    uint64_t accept_id;
    bool accepted; /* what is being read was begun after that */

    /* The pool thread's while `loading`. */
    kit_file file;
    kit_file_result result;
    void *content;
    int64_t load_ms;
};

/* ---- reading ---- */

/* For how long something takes: the host's clock may be set back meanwhile. */
static int64_t monotonic_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static bool read_content(kit_file *f, void *arg)
{
    kit_live *l = arg;
    l->content = l->kind->read(f, l->arg);
    return l->content != NULL;
}

static void load_work(void *arg)
{
    kit_live *l = arg;
    const int64_t begin_ms = monotonic_ms();
    l->content = NULL;
    l->result = kit_file_read(&l->file, l->path, l->kind->option, read_content, l);
    l->load_ms = monotonic_ms() - begin_ms;
    /* The reader may have been content with a file that changed under it, and half of it is old. */
    if (l->result != KIT_FILE_GOOD && l->content != NULL) {
        l->kind->free(l->content);
    }
}

static snapshot *snapshot_of(reading *r)
{
    snapshot *made = kit_calloc(1, sizeof(*made));
    made->content = r->content;
    made->of = r;
    r->owners++;
    return made;
}

static snapshot *snapshot_make(void *content)
{
    reading *r = kit_calloc(1, sizeof(*r));
    r->content = content;
    return snapshot_of(r);
}

static snapshot *snapshot_take(kit_live *l)
{
    l->seen = l->file.mark;
    l->kind->log(l->content, l->load_ms, l->arg);
    return snapshot_make(l->content);
}

static void snapshot_free(const kit_live *l, snapshot *s)
{
    if (--s->of->owners == 0) {
        l->kind->free(s->content);
        free(s->of);
    }
    free(s);
}

/* ---- shares ---- */

/* With the lock held. */
static void share_set(kit_live_share *share, snapshot *of)
{
    *share = (kit_live_share){.content = of->content, .of = of};
    of->users++;
}

void kit_live_join(kit_live *l, kit_live_share *share)
{
    pthread_mutex_lock(&l->lock);
    share_set(share, l->current);
    pthread_mutex_unlock(&l->lock);
}

/* Frees nothing, though it may have been the last user: content goes on the control thread only, at
 * a tick. */
void kit_live_leave(kit_live *l, kit_live_share *share)
{
    pthread_mutex_lock(&l->lock);
    share->of->users--;
    pthread_mutex_unlock(&l->lock);
}

/* On each worker's thread, between two requests. */
static void worker_adopt(void *instance, void *worker, void *arg)
{
    (void)instance;
    kit_live *l = arg;
    kit_live_share *share = worker;
    if (share == NULL) {
        return; /* it has stopped meanwhile */
    }
    pthread_mutex_lock(&l->lock);
    share->of->users--;
    share_set(share, l->current);
    pthread_mutex_unlock(&l->lock);
}

/* ---- swapping ---- */

/* Frees what nobody uses any more. A worker that has not heard of the new content yet (it was about
 * to start when that came) is told again. */
static void replaced_free(kit_live *l)
{
    snapshot **at = &l->replaced;
    while (*at != NULL) {
        snapshot *old = *at;
        pthread_mutex_lock(&l->lock);
        const bool unused = old->users == 0;
        pthread_mutex_unlock(&l->lock);
        if (unused) {
            *at = old->older;
            snapshot_free(l, old);
        } else {
            at = &old->older;
        }
    }
    if (l->replaced != NULL) {
        l->host->workers_call(l->host, worker_adopt, l);
    }
}

/* Workers are told when `current` is the new content already: each takes the newest there is, so it
 * does not matter in which order two changes reach it. */
static void swap(kit_live *l)
{
    snapshot *fresh = snapshot_take(l);
    pthread_mutex_lock(&l->lock);
    snapshot *old = l->current;
    l->current = fresh;
    pthread_mutex_unlock(&l->lock);
    old->older = l->replaced;
    l->replaced = old;
    l->host->workers_call(l->host, worker_adopt, l);
}

/* ---- watching ---- */

/* One that lost so much may be only begun, or emptied by mistake. */
static bool has_shrunk(const kit_live *l, const void *from)
{
    const size_t before = l->kind->count(from), now = l->kind->count(l->content);
    return now < before && (before - now) * 100 > before * (size_t)l->options->max_shrink;
}

/* Has it settled, in the state in which it was read last? */
static bool is_settled(const kit_live *l)
{
    return l->held && l->held_ms >= l->options->settle_ms;
}

/* The host logs a change of the health; only when there is none, it is for us to log. A file that
 * is emptied changes twice, to who looks in between, and one that grows slowly with each look: what
 * is no news is not said again. */
static void tell_held(kit_live *l)
{
    l->host->count(l->host, l->reloads_held, 1);
    char why[KIT_FILE_ERROR_SIZE + 256];
    snprintf(why, sizeof(why),
             "%s: has %zu %s in place of %zu: those read before stay in use until it has not "
             "changed for %lld s, or is accepted (cmpctl plugin --config FILE INSTANCE accept)",
             l->path, l->held_count, l->kind->what, l->kind->count(l->current->content),
             (long long)(l->options->settle_ms / 1000));
    if (l->degraded && l->held_count != l->told_count) {
        l->host->log(l->host, CMP_LOG_WARNING, "%s", why);
    }
    l->host->health(l->host, CMP_HEALTH_DEGRADED, why);
    l->degraded = true;
    l->told_count = l->held_count;
}

/* Drops what was read for as long as it is not believed. */
static void hold(kit_live *l)
{
    l->held_count = l->kind->count(l->content);
    l->kind->free(l->content);
    l->seen = l->file.mark;
    l->held = true;
    l->held_ms = 0;
}

static void take(kit_live *l)
{
    l->held = l->degraded = false;
    l->host->health(l->host, CMP_HEALTH_OK, NULL);
    l->host->count(l->host, l->reloads, 1);
    swap(l);
}

/* A file that was read is tried once, and again only when it changes. One that cannot be opened is
 * tried at every tick (its mode may be mended, which is no change of the file) but logged once. */
static void load_failed(kit_live *l)
{
    l->seen = l->file.mark;
    l->held = false;
    if (l->file.opened) {
        l->unopened[0] = '\0';
    } else if (strcmp(l->unopened, l->file.error) == 0) {
        return;
    } else {
        memcpy(l->unopened, l->file.error, sizeof(l->unopened));
    }
    l->host->count(l->host, l->reload_failures, 1);
    l->host->log(l->host, CMP_LOG_ERROR, "%s; the %s read before stay in use", l->file.error,
                 l->kind->what);
    l->host->health(l->host, CMP_HEALTH_DEGRADED, l->file.error);
    l->degraded = true;
    l->told_count = SIZE_MAX; /* what comes next is news */
}

/* An operator waits for it. */
static void end_accepting(kit_live *l)
{
    l->accepting = false;
    if (l->result == KIT_FILE_GOOD) {
        l->host->command_done(l->host, l->accept_id, true, "%s: %zu %s are in use", l->path,
                              l->kind->count(l->current->content), l->kind->what);
    } else {
        l->host->command_done(l->host, l->accept_id, false, "%s; the %s read before stay in use",
                              l->file.error, l->kind->what);
    }
}

static void load(kit_live *l);

static void load_done(void *arg)
{
    kit_live *l = arg;
    l->loading = false;
    switch (l->result) {
    case KIT_FILE_GOOD:
        l->unopened[0] = '\0';
        if (!l->accepted && has_shrunk(l, l->current->content) &&
            !(is_settled(l) && kit_file_mark_equal(&l->file.mark, &l->seen))) {
            hold(l);
            tell_held(l);
        } else {
            take(l);
        }
        break;
    case KIT_FILE_BAD:
        load_failed(l);
        break;
    case KIT_FILE_CHANGED: /* `seen` stays, so the next tick finds a change again */
        l->host->log(l->host, CMP_LOG_INFO, "%s, reading it again", l->file.error);
        return;
    }
    if (l->accepted) {
        end_accepting(l);
    } else if (l->accepting) {
        load(l); /* it was being read when the command came */
    }
}

/* When the pool is full, at the next tick, then. */
static void load(kit_live *l)
{
    l->accepted = l->accepting;
    l->loading = true;
    if (!l->host->offload(l->host, l->loop, load_work, load_done, l)) {
        l->loading = false;
    }
}

static void check_file(kit_live *l)
{
    const kit_file_mark now = kit_file_mark_of(l->path); /* a file that is gone is a change, too */
    const bool same = kit_file_mark_equal(&now, &l->seen);
    l->held_ms += same ? l->options->check_interval_ms : 0;
    if (!l->loading && (!same || is_settled(l) || l->accepting)) {
        load(l);
    }
}

static void tick(void *arg)
{
    kit_live *l = arg;
    l->timer = l->host->timer_start(l->loop, (uint64_t)l->options->check_interval_ms, tick, l);
    replaced_free(l); /* before more is read: there are rarely three contents in memory */
    check_file(l);
}

/* ---- life ---- */

/* Whether it goes on with the file of the instance before it. */
static bool follows(const kit_live *l, const kit_live *previous)
{
    return previous != NULL && l->path != NULL && previous->path != NULL &&
           strcmp(l->path, previous->path) == 0;
}

/* How long the instance before it has seen the file as it is. */
static int64_t seen_for_ms(const kit_live *l, const kit_live *previous)
{
    return previous->held && kit_file_mark_equal(&l->file.mark, &previous->seen) ? previous->held_ms
                                                                                 : 0;
}

static snapshot *snapshot_inherit(const kit_live *l, const kit_live *previous)
{
    const snapshot *from = previous->current;
    return l->kind->renew != NULL ? snapshot_make(l->kind->renew(from->content, l->arg))
                                  : snapshot_of(from->of);
}

/* What is used first: what was just read, or what `previous` uses while that is not believed: a
 * reload is no reason to believe a file. What the new configuration takes away itself is not
 * missing, so it is compared with what would stay in use. */
static snapshot *snapshot_first(kit_live *l, const kit_live *previous)
{
    if (!follows(l, previous) || seen_for_ms(l, previous) >= l->options->settle_ms) {
        return snapshot_take(l);
    }
    snapshot *inherited = snapshot_inherit(l, previous);
    if (!has_shrunk(l, inherited->content)) {
        snapshot_free(l, inherited);
        return snapshot_take(l);
    }
    hold(l);
    l->held_ms = seen_for_ms(l, previous);
    l->kind->log(inherited->content, 0, l->arg);
    return inherited;
}

kit_live *kit_live_create(const cmp_host *host, const kit_live_kind *kind,
                          const kit_live_options *options, const char *path, void *arg,
                          const kit_live *previous, cmp_report *report)
{
    kit_live *l = kit_calloc(1, sizeof(*l));
    l->host = host;
    l->kind = kind;
    l->options = options;
    l->path = path;
    l->arg = arg;
    load_work(l);
    if (l->result != KIT_FILE_GOOD) {
        host->report(report, l->file.option, "%s", l->file.error);
        free(l);
        return NULL;
    }
    l->current = snapshot_first(l, previous);
    pthread_mutex_init(&l->lock, NULL);
    l->reloads = host->counter(host, "reloads", "how often the changed file was read again");
    l->reload_failures =
        host->counter(host, "reload_failures", "how often the changed file was not good");
    l->reloads_held =
        host->counter(host, "reloads_held", "how often so much was missing in it that it was left");
    return l;
}

void kit_live_start(kit_live *l, cmp_loop *loop)
{
    if (l->path == NULL) {
        return;
    }
    if (l->held) {
        tell_held(l);
    }
    l->loop = loop;
    l->timer = l->host->timer_start(loop, (uint64_t)l->options->check_interval_ms, tick, l);
}

void kit_live_command(kit_live *l, const char *name, cmp_str argument, uint64_t id)
{
    (void)name;
    (void)argument;
    if (l->path == NULL) {
        l->host->command_done(l->host, id, false, "there is no file");
        return;
    }
    l->accepting = true;
    l->accept_id = id;
    if (!l->loading) {
        load(l);
    }
}

void kit_live_destroy(kit_live **l_ref)
{
    kit_live *l = *l_ref;
    if (l == NULL) {
        return;
    }
    if (l->timer != NULL) {
        l->host->timer_stop(l->timer);
    }
    /* Nothing is being read: the host waits for what was offloaded before it destroys. */
    while (l->replaced != NULL) {
        snapshot *old = l->replaced;
        l->replaced = old->older;
        snapshot_free(l, old);
    }
    snapshot_free(l, l->current);
    pthread_mutex_destroy(&l->lock);
    free(l);
    *l_ref = NULL;
}
