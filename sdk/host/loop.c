/* SPDX-License-Identifier: Apache-2.0 */
/* See loop.h. A descriptor that is ready is found by epoll, which can itself be waited for: so a
 * program with a loop of its own needs to know of one descriptor only. */
#include "host/loop.h"

#include <cmp-kit/memory.h>

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define READY_MAX 64 /* descriptors that are looked at in one turn */

bool host_loop_init(cmp_loop *l, void *owner, int64_t (*now_ms)(void *owner),
                    void (*misuse)(void *owner, const char *service, const char *how), bool keeps)
{
    *l = (cmp_loop){.owner = owner, .now_ms = now_ms, .misuse = misuse, .keeps = keeps};
    TAILQ_INIT(&l->timers);
    TAILQ_INIT(&l->past_timers);
    TAILQ_INIT(&l->watches);
    TAILQ_INIT(&l->past_watches);
    STAILQ_INIT(&l->posted);
    pthread_mutex_init(&l->lock, NULL);
    l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    l->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    struct epoll_event wake = {.events = EPOLLIN, .data.ptr = NULL};
    return l->epoll_fd >= 0 && l->wake_fd >= 0 &&
           epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, l->wake_fd, &wake) == 0;
}

static void free_timers(struct host_timers *list)
{
    for (cmp_timer *t; (t = TAILQ_FIRST(list)) != NULL;) {
        TAILQ_REMOVE(list, t, entry);
        free(t);
    }
}

static void free_watches(struct host_watches *list)
{
    for (cmp_watch *w; (w = TAILQ_FIRST(list)) != NULL;) {
        TAILQ_REMOVE(list, w, entry);
        free(w);
    }
}

void host_loop_dispose(cmp_loop *l)
{
    free_timers(&l->timers);
    free_timers(&l->past_timers);
    free_watches(&l->watches);
    free_watches(&l->past_watches);
    for (host_message *m; (m = STAILQ_FIRST(&l->posted)) != NULL;) {
        STAILQ_REMOVE_HEAD(&l->posted, entry);
        free(m);
    }
    if (l->epoll_fd >= 0) {
        close(l->epoll_fd);
    }
    if (l->wake_fd >= 0) {
        close(l->wake_fd);
    }
    pthread_mutex_destroy(&l->lock);
}

/* ---- messages ---- */

void host_loop_post(cmp_loop *l, void (*run)(void *arg), void *arg)
{
    host_message *m = kit_alloc(sizeof(*m));
    *m = (host_message){.run = run, .arg = arg};
    pthread_mutex_lock(&l->lock);
    STAILQ_INSERT_TAIL(&l->posted, m, entry);
    l->posted_count++;
    pthread_mutex_unlock(&l->lock);
    const uint64_t one = 1;
    if (write(l->wake_fd, &one, sizeof(one)) < 0) {
        return; /* it is full of such words already */
    }
}

static host_message *take_message(cmp_loop *l)
{
    pthread_mutex_lock(&l->lock);
    host_message *m = STAILQ_FIRST(&l->posted);
    if (m != NULL) {
        STAILQ_REMOVE_HEAD(&l->posted, entry);
        l->posted_count--;
    }
    pthread_mutex_unlock(&l->lock);
    return m;
}

unsigned host_loop_posted(const cmp_loop *l)
{
    return atomic_load_explicit(&l->posted_count, memory_order_acquire);
}

bool host_loop_run_one(cmp_loop *l)
{
    host_message *m = host_loop_posted(l) > 0 ? take_message(l) : NULL;
    if (m == NULL) {
        return false;
    }
    const host_message message = *m;
    free(m);
    message.run(message.arg);
    return true;
}

unsigned host_loop_run_posted(cmp_loop *l)
{
    unsigned count = 0;
    while (host_loop_run_one(l)) {
        count++;
    }
    return count;
}

/* ---- timers ---- */

/* Most are started with one of a few delays, and so belong at the end. */
static cmp_timer *timer_start(cmp_loop *l, uint64_t delay_ms, void (*run)(void *arg), void *arg)
{
    cmp_timer *t = kit_alloc(sizeof(*t));
    const int64_t now_ms = l->now_ms(l->owner);
    const int64_t due_ms =
        delay_ms < (uint64_t)(INT64_MAX - now_ms) ? now_ms + (int64_t)delay_ms : INT64_MAX;
    *t = (cmp_timer){.loop = l, .run = run, .arg = arg, .due_ms = due_ms};
    cmp_timer *before = TAILQ_LAST(&l->timers, host_timers);
    while (before != NULL && before->due_ms > due_ms) {
        before = TAILQ_PREV(before, host_timers, entry);
    }
    if (before != NULL) {
        TAILQ_INSERT_AFTER(&l->timers, before, t, entry);
    } else {
        TAILQ_INSERT_HEAD(&l->timers, t, entry);
    }
    l->timer_count++;
    return t;
}

/* Freed by the next sweep. */
static void timer_end(cmp_timer *t)
{
    cmp_loop *l = t->loop;
    TAILQ_REMOVE(&l->timers, t, entry);
    l->timer_count--;
    t->run = NULL;
    TAILQ_INSERT_TAIL(&l->past_timers, t, entry);
}

static void timer_stop(cmp_timer *t)
{
    if (t->run == NULL) {
        t->loop->misuse(t->loop->owner, "timer_stop", "for one that has fired or was stopped");
    } else {
        timer_end(t);
    }
}

int64_t host_loop_due_ms(const cmp_loop *l)
{
    const cmp_timer *first = TAILQ_FIRST(&l->timers);
    return first != NULL ? first->due_ms : INT64_MAX;
}

/* It is over before the call: the callback may start another one. */
bool host_loop_fire(cmp_loop *l, int64_t until_ms)
{
    cmp_timer *t = TAILQ_FIRST(&l->timers);
    if (t == NULL || t->due_ms > until_ms) {
        return false;
    }
    void (*run)(void *arg) = t->run;
    void *arg = t->arg;
    assert(run != NULL); /* what is in the list has not ended */
    timer_end(t);
    run(arg);
    return true;
}

/* ---- watches ---- */

static cmp_watch *watch_start(cmp_loop *l, int fd, void (*run)(void *arg), void *arg)
{
    cmp_watch *w = kit_alloc(sizeof(*w));
    *w = (cmp_watch){.loop = l, .run = run, .arg = arg, .fd = fd};
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = w};
    if (epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0) {
        const int error = errno;
        free(w);
        errno = error;
        return NULL;
    }
    TAILQ_INSERT_TAIL(&l->watches, w, entry);
    l->watch_count++;
    return w;
}

/* Freed by the next sweep: not in this turn, in which it may still be among those that are ready.
 */
static void watch_stop(cmp_watch *w)
{
    cmp_loop *l = w->loop;
    if (w->run == NULL) {
        l->misuse(l->owner, "watch_stop", "for one that was stopped");
        return;
    }
    epoll_ctl(l->epoll_fd, EPOLL_CTL_DEL, w->fd, NULL); /* libpq may just have closed it */
    w->run = NULL;
    w->run_write = NULL;
    TAILQ_REMOVE(&l->watches, w, entry);
    l->watch_count--;
    TAILQ_INSERT_TAIL(&l->past_watches, w, entry);
}

static void want(cmp_watch *w, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = w};
    if (epoll_ctl(w->loop->epoll_fd, EPOLL_CTL_MOD, w->fd, &event) != 0) {
        w->loop->misuse(w->loop->owner, "watch", "with a descriptor that was closed");
    }
}

static void watch_write(cmp_watch *w, void (*run)(void *arg))
{
    if (w->run == NULL) {
        w->loop->misuse(w->loop->owner, "watch_write", "for a watch that was stopped");
        return;
    }
    w->run_write = run;
    want(w, EPOLLIN | EPOLLOUT);
}

/* What can be read will be seen in the next turn: either call may stop the watch. */
static void watch_ready(cmp_watch *w, uint32_t events)
{
    void (*run_write)(void *arg) = w->run_write;
    if (run_write != NULL && (events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) != 0) {
        w->run_write = NULL;
        want(w, EPOLLIN);
        run_write(w->arg);
    } else if (w->run != NULL && (events & (EPOLLIN | EPOLLERR | EPOLLHUP)) != 0) {
        w->run(w->arg);
    }
}

void host_loop_sweep(cmp_loop *l)
{
    if (l->polling == 0 && !l->keeps) {
        free_timers(&l->past_timers);
        free_watches(&l->past_watches);
    }
}

void host_loop_poll(cmp_loop *l, int wait_ms)
{
    struct epoll_event ready[READY_MAX];
    l->polling++;
    const int count = epoll_wait(l->epoll_fd, ready, READY_MAX, wait_ms);
    for (int i = 0; i < count; i++) {
        cmp_watch *w = ready[i].data.ptr;
        uint64_t words;
        if (w != NULL) {
            watch_ready(w, ready[i].events);
        } else if (read(l->wake_fd, &words, sizeof(words)) < 0) {
            continue; /* somebody else has read them; there is no harm in that */
        }
    }
    l->polling--;
    host_loop_sweep(l);
}

int host_loop_wait_ms(const cmp_loop *l, int wait_ms)
{
    const int64_t due_ms = host_loop_due_ms(l);
    if (host_loop_posted(l) > 0) {
        return 0;
    }
    if (due_ms == INT64_MAX) {
        return wait_ms;
    }
    const int64_t left_ms = due_ms - l->now_ms(l->owner);
    const int64_t wait = left_ms < 0 ? 0 : left_ms < INT_MAX ? left_ms : INT_MAX;
    return wait_ms < 0 || wait < wait_ms ? (int)wait : wait_ms;
}

void host_loop_turn(cmp_loop *l, int wait_ms)
{
    host_loop_run_posted(l);
    host_loop_poll(l, host_loop_wait_ms(l, wait_ms));
    host_loop_run_posted(l);
    const int64_t now_ms = l->now_ms(l->owner);
    while (host_loop_fire(l, now_ms)) {
    }
}

void host_loop_services(cmp_host *table)
{
    table->services |= CMP_SERVICE_LOOP;
    table->timer_start = timer_start;
    table->timer_stop = timer_stop;
    table->watch_start = watch_start;
    table->watch_stop = watch_stop;
    table->watch_write = watch_write;
}
