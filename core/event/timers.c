/* SPDX-License-Identifier: Apache-2.0 */
/* A binary heap by deadline; each timer knows its place, so stopping one costs a sift. */
#include "event/timers.h"

#include "base/clock.h"

#include <cmp-kit/memory.h>

#include <stdlib.h>
#include <sys/timerfd.h>
#include <unistd.h>

struct cmp_timer {
    timers *owner;
    uint64_t due_ms;
    size_t at; /* index in the heap */
    const running_place *of;
    void (*run)(void *arg);
    void *arg;
};

struct timers {
    int fd;
    uint64_t armed_ms; /* what the descriptor is set to; UINT64_MAX: nothing */
    cmp_timer **heap;
    size_t count, room;
};

static void place(timers *t, size_t at, cmp_timer *timer)
{
    t->heap[at] = timer;
    timer->at = at;
}

static void sift_up(timers *t, cmp_timer *timer)
{
    size_t at = timer->at;
    while (at > 0 && t->heap[(at - 1) / 2]->due_ms > timer->due_ms) {
        place(t, at, t->heap[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    place(t, at, timer);
}

static void sift_down(timers *t, cmp_timer *timer)
{
    size_t at = timer->at;
    for (;;) {
        size_t child = at * 2 + 1;
        if (child + 1 < t->count && t->heap[child + 1]->due_ms < t->heap[child]->due_ms) {
            child++;
        }
        if (child >= t->count || t->heap[child]->due_ms >= timer->due_ms) {
            break;
        }
        place(t, at, t->heap[child]);
        at = child;
    }
    place(t, at, timer);
}

/* The last one takes the free place. It may come from another branch of the heap, and belong above
 * that place as well as below. */
static void heap_remove(timers *t, const cmp_timer *timer)
{
    cmp_timer *last = t->heap[--t->count];
    if (last != timer) {
        place(t, timer->at, last);
        sift_up(t, last);
        sift_down(t, last);
    }
}

/* Takes the one that is due first. */
static cmp_timer *heap_pop(timers *t)
{
    cmp_timer *first = t->heap[0], *last = t->heap[--t->count];
    if (last != first) {
        place(t, 0, last);
        sift_down(t, last);
    }
    return first;
}

/* The descriptor is only set again when the nearest deadline comes earlier: a stopped timer costs
 * no system call, at worst one idle wake-up. */
static void arm(timers *t)
{
    if (t->count == 0 || t->heap[0]->due_ms >= t->armed_ms) {
        return;
    }
    t->armed_ms = t->heap[0]->due_ms;
    const struct itimerspec when = {.it_value = {.tv_sec = (time_t)(t->armed_ms / 1000),
                                                 .tv_nsec = (long)(t->armed_ms % 1000) * 1000000}};
    timerfd_settime(t->fd, TFD_TIMER_ABSTIME, &when, NULL);
}

timers *timers_create(void)
{
    const int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (fd < 0) {
        return NULL;
    }
    timers *t = kit_calloc(1, sizeof(*t));
    t->fd = fd;
    t->armed_ms = UINT64_MAX;
    return t;
}

void timers_destroy(timers **t_ref)
{
    timers *t = *t_ref;
    if (t == NULL) {
        return;
    }
    for (size_t i = 0; i < t->count; i++) {
        free(t->heap[i]);
    }
    free(t->heap);
    close(t->fd);
    free(t);
    *t_ref = NULL;
}

int timers_fd(const timers *t)
{
    return t->fd;
}

/* A timer is freed before it runs: its owner has dropped the pointer by the time it starts another.
 * `now` is read once, and a new timer is due later than that, so one that starts itself anew cannot
 * keep the loop here. */
void timers_run(timers *t)
{
    uint64_t expirations;
    const ssize_t got = read(t->fd, &expirations, sizeof(expirations));
    (void)got; /* the heap says what is due */
    t->armed_ms = UINT64_MAX;
    const uint64_t now = clock_monotonic_ms();
    /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): heap_pop has taken out what is freed below */
    while (t->count > 0 && t->heap[0]->due_ms <= now) {
        cmp_timer *timer = heap_pop(t);
        const cmp_timer fired = *timer;
        free(timer);
        const uintptr_t before = running_enter(fired.of);
        fired.run(fired.arg);
        running_leave(before);
    }
    arm(t);
}

cmp_timer *timers_start(timers *t, const running_place *of, uint64_t delay_ms,
                        void (*run)(void *arg), void *arg)
{
    if (t->count == t->room) {
        t->room = t->room != 0 ? t->room * 2 : 64;
        t->heap = kit_realloc(t->heap, t->room * sizeof(*t->heap));
    }
    cmp_timer *timer = kit_alloc(sizeof(*timer));
    /* One more millisecond: the clock was read rounded down, and no timer may fire early. */
    *timer = (cmp_timer){.owner = t,
                         .due_ms = clock_monotonic_ms() + delay_ms + 1,
                         .at = t->count,
                         .of = of,
                         .run = run,
                         .arg = arg};
    t->heap[t->count++] = timer;
    sift_up(t, timer);
    arm(t);
    return timer;
}

void timers_stop(cmp_timer *timer)
{
    timers *t = timer->owner;
    heap_remove(t, timer);
    free(timer);
}
