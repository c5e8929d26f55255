/* SPDX-License-Identifier: Apache-2.0 */
/* An event loop that is turned by hand: timers by whatever clock its owner has, descriptors, and
 * messages from other threads. The plugin ABI's cmp_loop, in hosts that are no daemon.
 *
 * Everything here but host_loop_post belongs to the loop's own thread. */
#pragma once

#include <cmp/host.h>

#include <pthread.h>
#include <stdatomic.h>
#include <sys/queue.h>

struct cmp_timer {
    cmp_loop *loop;
    void (*run)(void *arg); /* NULL: it has fired or was stopped */
    void *arg;
    int64_t due_ms;
    TAILQ_ENTRY(cmp_timer) entry;
};

struct cmp_watch {
    cmp_loop *loop;
    void (*run)(void *arg); /* NULL: it was stopped */
    void (*run_write)(void *arg);
    void *arg;
    int fd;
    TAILQ_ENTRY(cmp_watch) entry;
};

typedef struct host_message {
    void (*run)(void *arg);
    void *arg;
    STAILQ_ENTRY(host_message) entry;
} host_message;

struct cmp_loop {
    void *owner;                    /* of who made it */
    int64_t (*now_ms)(void *owner); /* the clock of its timers; only goes on */
    bool keeps;                     /* what has ended, so that it is known when it is used again */
    void (*misuse)(void *owner, const char *service, const char *how);

    TAILQ_HEAD(host_timers, cmp_timer) timers, past_timers; /* by their time */
    TAILQ_HEAD(host_watches, cmp_watch) watches, past_watches;
    unsigned timer_count, watch_count;
    unsigned polling; /* turns that are going on, one inside the other */
    int epoll_fd, wake_fd;
    pthread_mutex_t lock;
    STAILQ_HEAD(, host_message) posted; /* under the lock */
    atomic_uint posted_count;
};

/* Begins one. `misuse` is told what the plugin does that no loop bears; it may end the process, and
 * nothing is done when it returns. False with errno when the kernel has no descriptors. */
CMP_MUST_USE bool host_loop_init(cmp_loop *l, void *owner, int64_t (*now_ms)(void *owner),
                                 void (*misuse)(void *owner, const char *service, const char *how),
                                 bool keeps);

/* Timers and watches that are left are forgotten, messages are not run. */
void host_loop_dispose(cmp_loop *l);

/* Runs `run(arg)` on the loop's thread, soon and in order. Any thread. */
void host_loop_post(cmp_loop *l, void (*run)(void *arg), void *arg);

/* Runs the messages that are there, those too that they post; how many there were. */
unsigned host_loop_run_posted(cmp_loop *l);

/* Runs the first of them; false: there is none. */
bool host_loop_run_one(cmp_loop *l);

/* How many messages wait. Any thread. */
unsigned host_loop_posted(const cmp_loop *l);

/* Frees timers and watches that have ended, unless a turn is going on that may still look at them,
 * or all are kept. */
void host_loop_sweep(cmp_loop *l);

/* Waits up to `wait_ms` (-1: for ever) for descriptors and messages; calls back for descriptors
 * that are ready; sweeps. Messages and timers are not run. */
void host_loop_poll(cmp_loop *l, int wait_ms);

/* Fires the timer that is due next, if that is at `until_ms` or before. */
bool host_loop_fire(cmp_loop *l, int64_t until_ms);

/* For how long to wait until there is something to do, at most `wait_ms` (-1: any time); -1: until
 * a descriptor is ready. */
int host_loop_wait_ms(const cmp_loop *l, int wait_ms);

/* Waits so long, and does all that there is to do. */
void host_loop_turn(cmp_loop *l, int wait_ms);

/* When the next timer is due; INT64_MAX: there is none. */
int64_t host_loop_due_ms(const cmp_loop *l);

/* The services of CMP_SERVICE_LOOP, workers_call excepted. */
void host_loop_services(cmp_host *table);
