/* SPDX-License-Identifier: Apache-2.0 */
/* The loop of a worker or of the control thread; under every socket, timer and message. */
#include "event/loop.h"

#include "base/clock.h"
#include "event/timers.h"

#include <cmp-kit/memory.h>

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

typedef struct message_post post;
struct message_post {
    post *next;
    void (*run)(void *arg);
    void *arg;
};

struct cmp_loop {
    h2o_loop_t *h2o;
    timers *timers;
    cmp_watch *timer_watch;
    int post_fd;
    cmp_watch *post_watch;
    pthread_mutex_t post_lock;
    post *post_first, **post_last;
    void (*turn_end)(void *arg);
    void *turn_end_arg;
    _Atomic uint64_t turns;
    int64_t turned_us; /* clock_monotonic_us at the end of the last turn */
    int64_t used_us;   /* the thread's processor time, when it was asked last */
    _Atomic int64_t longest_us, longest_used_us;
};

struct cmp_watch {
    h2o_socket_t *socket;
    const running_place *of;
    void (*run)(void *arg);
    void (*run_write)(void *arg);
    void *arg;
};

static post *posts_take(loop *l)
{
    pthread_mutex_lock(&l->post_lock);
    post *first = l->post_first;
    l->post_first = NULL;
    l->post_last = &l->post_first;
    pthread_mutex_unlock(&l->post_lock);
    return first;
}

/* The queue is taken whole, and run without the lock. A message may post another, which wakes the
 * loop again and has its turn later: none keeps the sockets waiting for ever. */
void loop_run_posted(loop *l)
{
    for (post *p = posts_take(l), *next; p != NULL; p = next) {
        next = p->next;
        p->run(p->arg);
        free(p);
    }
}

static void on_post(void *arg)
{
    loop *l = arg;
    uint64_t wakes;
    const ssize_t got = read(l->post_fd, &wakes, sizeof(wakes));
    (void)got; /* the queue says what there is to do */
    loop_run_posted(l);
}

static void on_timers(void *arg)
{
    timers_run(((loop *)arg)->timers);
}

/* Timers and messages are descriptors like any other. libh2o's own timeouts run on the time of day:
 * set back an hour, they wait an hour longer. */
loop *loop_create(void)
{
    loop *l = kit_calloc(1, sizeof(*l));
    l->h2o = h2o_evloop_create();
    l->turned_us = clock_monotonic_us();
    l->post_last = &l->post_first;
    pthread_mutex_init(&l->post_lock, NULL);
    l->post_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    l->timers = timers_create();
    if (l->post_fd < 0 || l->timers == NULL ||
        (l->post_watch = loop_watch_start(l, l->post_fd, on_post, l)) == NULL ||
        (l->timer_watch = loop_watch_start(l, timers_fd(l->timers), on_timers, l)) == NULL) {
        abort(); /* no descriptors at the very start: nothing can run */
    }
    return l;
}

void loop_destroy(loop **l_ref)
{
    loop *l = *l_ref;
    if (l == NULL) {
        return;
    }
    loop_run_posted(l);
    loop_watch_stop(l->post_watch);
    loop_watch_stop(l->timer_watch);
    timers_destroy(&l->timers);
    close(l->post_fd);
    pthread_mutex_destroy(&l->post_lock);
    loop_settle(l); /* h2o frees closed sockets in a turn */
    h2o_evloop_destroy(l->h2o);
    free(l);
    *l_ref = NULL;
}

void loop_settle(loop *l)
{
    h2o_evloop_run(l->h2o, 0);
}

/* When the last wait of libh2o's was over, by the wall clock: it keeps the times of its last runs.
 */
static int64_t woke_ms(const h2o_loop_t *h2o)
{
    const h2o_sliding_counter_t *runs = &h2o->exec_time_counter;
    const size_t room = sizeof(runs->prev.slots) / sizeof(runs->prev.slots[0]);
    return (int64_t)(h2o->_now - runs->prev.slots[(runs->prev.index + room - 1) % room]);
}

static int64_t since_asked_last_us(loop *l)
{
    struct timespec t = {0};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    const int64_t before_us = l->used_us;
    l->used_us = (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
    return l->used_us - before_us;
}

static void keep_longest(_Atomic int64_t *longest, int64_t us)
{
    if (us > atomic_load_explicit(longest, memory_order_relaxed)) {
        atomic_store_explicit(longest, us, memory_order_relaxed);
    }
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Under load one turn follows the other at once, and the time since the one before is short enough
 * to ask no further. It is also the most that one can have taken, whatever somebody does to the
 * wall clock. */
static int64_t long_us(loop *l, bool any_events)
{
    const int64_t now_us = clock_monotonic_us(), most_us = now_us - l->turned_us;
    l->turned_us = now_us;
    if (most_us < LOOP_LONG_US) {
        return 0;
    }
    const int64_t used_us = since_asked_last_us(l);
    const int64_t took_us = least(clock_now_us() - woke_ms(l->h2o) * 1000, most_us);
    if (!any_events || took_us < LOOP_LONG_US) {
        return 0;
    }
    keep_longest(&l->longest_us, took_us);
    keep_longest(&l->longest_used_us, least(used_us, took_us));
    return took_us;
}

/* Timers wake the loop by their descriptor, so it may wait for as long as it can be told to. */
int64_t loop_turn(loop *l)
{
    if (l->used_us == 0) {
        since_asked_last_us(l); /* what the thread used before its first turn */
    }
    const size_t runs = l->h2o->exec_time_counter.prev.index;
    h2o_evloop_run(l->h2o, INT32_MAX); /* -1 means EINTR: the caller comes again */
    if (l->turn_end != NULL) {
        l->turn_end(l->turn_end_arg);
    }
    /* Only this thread writes it, so no read-modify-write is needed. */
    atomic_store_explicit(&l->turns, atomic_load_explicit(&l->turns, memory_order_relaxed) + 1,
                          memory_order_relaxed);
    return long_us(l, runs != l->h2o->exec_time_counter.prev.index);
}

loop_longest loop_longest_turn(loop *l)
{
    return (loop_longest){atomic_load_explicit(&l->longest_us, memory_order_relaxed),
                          atomic_load_explicit(&l->longest_used_us, memory_order_relaxed)};
}

uint64_t loop_turns(loop *l)
{
    return atomic_load_explicit(&l->turns, memory_order_relaxed);
}

void loop_on_turn_end(loop *l, void (*run)(void *arg), void *arg)
{
    l->turn_end = run;
    l->turn_end_arg = arg;
}

h2o_loop_t *loop_h2o(loop *l)
{
    return l->h2o;
}

/* Only the first of a batch writes to the descriptor. Whoever takes the queue takes all of it, and
 * the next one is first again. */
void loop_post(loop *l, void (*run)(void *arg), void *arg)
{
    post *p = kit_alloc(sizeof(*p));
    *p = (post){.run = run, .arg = arg};
    pthread_mutex_lock(&l->post_lock);
    const bool first = l->post_first == NULL;
    *l->post_last = p;
    l->post_last = &p->next;
    pthread_mutex_unlock(&l->post_lock);
    if (first) {
        const uint64_t wake = 1;
        const ssize_t sent = write(l->post_fd, &wake, sizeof(wake));
        (void)sent; /* it can only fail when the counter is full, and then the loop is awake */
    }
}

cmp_timer *loop_timer_start(loop *l, uint64_t delay_ms, void (*run)(void *arg), void *arg)
{
    return timers_start(l->timers, NULL, delay_ms, run, arg);
}

cmp_timer *loop_timer_start_for(loop *l, const running_place *of, uint64_t delay_ms,
                                void (*run)(void *arg), void *arg)
{
    return timers_start(l->timers, of, delay_ms, run, arg);
}

void loop_timer_stop(cmp_timer *timer)
{
    timers_stop(timer);
}

/* The callback may stop its watch, and so comes last. */
static void on_readable(h2o_socket_t *socket, const char *error)
{
    (void)error; /* with DONT_READ h2o only notifies; the owner finds out by reading */
    cmp_watch *watch = socket->data;
    const uintptr_t before = running_enter(watch->of);
    watch->run(watch->arg);
    running_leave(before);
}

cmp_watch *loop_watch_start(loop *l, int fd, void (*run)(void *arg), void *arg)
{
    return loop_watch_start_for(l, NULL, fd, run, arg);
}

cmp_watch *loop_watch_start_for(loop *l, const running_place *of, int fd, void (*run)(void *arg),
                                void *arg)
{
    /* h2o closes what it wraps, and keeps state by descriptor: give it one of its own. */
    const int own = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    if (own < 0) {
        return NULL;
    }
    cmp_watch *watch = kit_alloc(sizeof(*watch));
    watch->socket = h2o_evloop_socket_create(l->h2o, own, H2O_SOCKET_FLAG_DONT_READ);
    watch->socket->data = watch;
    watch->of = of;
    watch->run = run;
    watch->arg = arg;
    h2o_socket_read_start(watch->socket, on_readable);
    return watch;
}

static void on_writable(h2o_socket_t *socket, const char *error)
{
    (void)error; /* likewise: writing will tell */
    cmp_watch *watch = socket->data;
    const uintptr_t before = running_enter(watch->of);
    watch->run_write(watch->arg);
    running_leave(before);
}

void loop_watch_write(cmp_watch *watch, void (*run)(void *arg))
{
    watch->run_write = run;
    if (!h2o_socket_is_writing(watch->socket)) {
        h2o_socket_notify_write(watch->socket, on_writable);
    }
}

/* Closes the copy of the descriptor. The owner's is still open, and is the owner's to close, later
 * than this or earlier. */
void loop_watch_stop(cmp_watch *watch)
{
    h2o_socket_close(watch->socket);
    free(watch);
}
