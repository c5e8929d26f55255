/* SPDX-License-Identifier: Apache-2.0 */
/* See watchdog.h. */
#include "observe/watchdog.h"

#include "base/clock.h"
#include "base/log_limit.h"
#include "observe/counters.h"

#include <cmp-kit/memory.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define TICK_MIN_MS    5
#define TICK_MAX_MS    500
#define TELL_AGAIN_MS  60000
#define TELL_END_MS    1000 /* shorter ones are told once only */
#define ABORT_GRACE_MS 1000 /* for a signal to reach a thread that the kernel holds */

struct watchdog {
    watchdog_options options;
    uint64_t tick_ms;
    pthread_t id;
    pthread_mutex_t lock;
    pthread_cond_t ending_now;
    bool ending;
    uint64_t looked_ms;
    watched *all;
};

static log_limit stalls = {
    .level = CMP_LOG_WARNING,
    .area = "watchdog",
    .what = "lines about threads that were held",
    .each = LOG_EACH_FEW,
    .all = LOG_ALL_TOGETHER,
};

/* ---- what is said ---- */

static const char stalls_help[] = "times that a thread was held too long";

static void count_stall(const running_place *place)
{
    const char *instance = place != NULL ? place->owner->instance : NULL;
    const char *owner = instance != NULL ? instance : "cmpd"; /* or a plugin that is being loaded */
    counter_add(counter_register(owner, "stalls", stalls_help), 1);
}

static void tell(const watched *t, const running_place *place)
{
    char where[RUNNING_TEXT_SIZE];
    const unsigned long long ms = t->held_ms;
    if (place == NULL) {
        log_limited(&stalls, CMP_NONE, NULL, NULL, 0,
                    "%s has not moved for %llu ms, though it is in no plugin", t->thread->name, ms);
        return;
    }
    log_limited(&stalls, cmp_str_from(place->owner->plugin), running_text(place, where), NULL, 0,
                "%s has been in %s for %llu ms", t->thread->name, where, ms);
}

/* At first as soon as it is too long, then ten times later, and at least every minute. */
static void tell_when_due(const watchdog *w, watched *t, const running_place *place)
{
    const uint64_t tenfold = t->told_ms * 10, later = t->told_ms + TELL_AGAIN_MS;
    const uint64_t due = t->told_ms == 0 ? w->options.stall_ms : tenfold < later ? tenfold : later;
    if (t->held_ms >= due) {
        if (t->told_ms == 0) {
            count_stall(place);
        }
        t->told_ms = t->held_ms;
        tell(t, place);
    }
}

static void tell_end(watched *t, uint64_t held_ms)
{
    if (t->told_ms != 0 && (t->stuck || held_ms >= TELL_END_MS)) {
        log_notice("watchdog", "%s moves again, after about %llu ms", t->thread->name,
                   (unsigned long long)held_ms);
    }
    t->told_ms = 0;
    t->stuck = false;
}

/* ---- what is done ---- */

static bool aborts(const watchdog *w, const watched *t)
{
    return w->options.abort && t->on_stuck != NULL;
}

/* In the thread itself, so that the core shows it, and the last words tell where it is. */
static void give_up(const watchdog *w, watched *t, const running_place *place)
{
    char where[RUNNING_TEXT_SIZE] = "no plugin";
    if (place != NULL) {
        running_text(place, where);
    }
    log_error("watchdog", "%s is stuck in %s, for %llu ms by now%s", t->thread->name, where,
              (unsigned long long)t->held_ms,
              aborts(w, t)          ? ": the process is aborted"
              : t->on_stuck != NULL ? ": it gets no new connections until it moves again"
                                    : "");
    if (aborts(w, t)) {
        pthread_kill(t->id, SIGABRT);
    } else if (t->on_stuck != NULL) {
        t->on_stuck(t->arg);
    }
}

/* `held_ms`: what it was at the last look. */
static void act(const watchdog *w, watched *t, const running_place *place, uint64_t held_ms)
{
    if (t->held_ms == 0) {
        tell_end(t, held_ms);
        return;
    }
    if (place != NULL && t->held_ms >= w->options.stall_ms) {
        running_stalled(place, t->held_ms, t->told_ms == 0);
    }
    tell_when_due(w, t, place);
    if (!t->stuck && t->held_ms >= w->options.stuck_ms) {
        t->stuck = true;
        give_up(w, t, place);
    } else if (t->stuck && aborts(w, t) && t->held_ms >= w->options.stuck_ms + ABORT_GRACE_MS) {
        abort();
    }
}

/* ---- what is seen ---- */

/* For how long a thread could have run, and others did (proc(5), schedstat); 0 when the kernel does
 * not tell. A machine that has too much to do is no plugin's fault. */
static uint64_t queued_ms(const watched *t)
{
    char path[64], line[128] = "";
    snprintf(path, sizeof(path), "/proc/self/task/%d/schedstat", (int)t->thread->id);
    FILE *file = fopen(path, "re");
    if (file != NULL) {
        (void)!fgets(line, sizeof(line), file);
        fclose(file);
    }
    const char *queued = strchr(line, ' '); /* behind the time that it ran */
    return queued != NULL ? strtoull(queued, NULL, 10) / 1000000 : 0;
}

/* What was told of stays held until it ends, whatever is taken off its time meanwhile: it would be
 * told of, and counted, once more. */
static uint64_t at_least_as_told(const watched *t, uint64_t ms)
{
    return ms == 0 && t->told_ms != 0 ? t->held_ms : ms;
}

/* The time since the call that goes on was seen first; 0 when there is none. */
static uint64_t call_ms(const watchdog *w, watched *t, uint64_t now)
{
    const bool goes_on = running_mark(t->thread);
    if (running_at(t->thread) == NULL) {
        t->marked_ms = 0;
        return 0;
    }
    if (!goes_on || t->marked_ms == 0) {
        t->marked_ms = now;
        t->queued_ms = queued_ms(t);
        return 0;
    }
    const uint64_t since = now - t->marked_ms;
    if (since < w->options.stall_ms) {
        return at_least_as_told(t, 0);
    }
    const uint64_t queued = queued_ms(t) - t->queued_ms;
    return at_least_as_told(t, since > queued + w->options.stall_ms ? since - queued : 0);
}

/* The time by which the next turn of its loop is late. */
static uint64_t late_ms(const watchdog *w, watched *t, uint64_t now)
{
    const uint64_t turns = loop_turns(t->loop);
    if (turns != t->turns || t->turned_ms == 0) {
        t->turns = turns;
        t->turned_ms = now;
        return 0;
    }
    const uint64_t since = now - t->turned_ms;
    const bool late = since > WATCHDOG_TURN_MS + w->options.stall_ms;
    return at_least_as_told(t, late ? since - WATCHDOG_TURN_MS : 0);
}

static void look_at(const watchdog *w, watched *t, uint64_t now)
{
    const uint64_t call = call_ms(w, t, now), late = late_ms(w, t, now);
    const uint64_t before = t->held_ms;
    t->held_ms = call > late ? call : late;
    act(w, t, running_at(t->thread), before);
}

/* When this thread itself was not woken in time the process was stopped, or the machine: that time
 * is nobody's. */
static void look(watchdog *w)
{
    const uint64_t now = clock_monotonic_ms();
    const uint64_t slept = w->looked_ms != 0 ? now - w->looked_ms : 0;
    const uint64_t lost = slept > 2 * w->tick_ms ? slept - w->tick_ms : 0;
    w->looked_ms = now;
    for (watched *t = w->all; t != NULL; t = t->next) {
        if (lost != 0 && t->marked_ms != 0) {
            t->marked_ms += lost;
            t->queued_ms = queued_ms(t);
        }
        if (lost != 0 && t->turned_ms != 0) {
            t->turned_ms += lost;
        }
        look_at(w, t, now);
    }
}

static void wait_for_tick(watchdog *w)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += (long)w->tick_ms * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_cond_timedwait(&w->ending_now, &w->lock, &until);
}

static void *thread_main(void *arg)
{
    watchdog *w = arg;
    running_thread_begin("the watchdog", "cmpd/watchdog");
    pthread_mutex_lock(&w->lock);
    while (!w->ending) {
        look(w);
        wait_for_tick(w);
    }
    pthread_mutex_unlock(&w->lock);
    running_thread_end();
    return NULL;
}

/* ---- life ---- */

static void watchdog_free(watchdog *w)
{
    pthread_cond_destroy(&w->ending_now);
    pthread_mutex_destroy(&w->lock);
    free(w);
}

/* Twice in the time that a call may take, so that none is told of much later. */
static uint64_t tick_ms(uint64_t stall_ms)
{
    const uint64_t half = stall_ms / 2;
    return half < TICK_MIN_MS ? TICK_MIN_MS : half > TICK_MAX_MS ? TICK_MAX_MS : half;
}

watchdog *watchdog_start(const watchdog_options *o)
{
    watchdog *w = kit_calloc(1, sizeof(*w));
    counter_register("cmpd", "stalls", stalls_help); /* there from the beginning */
    w->options = *o;
    w->tick_ms = tick_ms(o->stall_ms);
    pthread_mutex_init(&w->lock, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&w->ending_now, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (!running_thread_start(&w->id, thread_main, w)) {
        watchdog_free(w);
        return NULL;
    }
    return w;
}

void watchdog_stop(watchdog **w_ref)
{
    watchdog *w = *w_ref;
    if (w == NULL) {
        return;
    }
    pthread_mutex_lock(&w->lock);
    w->ending = true;
    pthread_cond_signal(&w->ending_now);
    pthread_mutex_unlock(&w->lock);
    pthread_join(w->id, NULL);
    watchdog_free(w);
    *w_ref = NULL;
}

void watchdog_add(watchdog *w, watched *t)
{
    t->by = w;
    t->thread = &running_here;
    t->id = pthread_self();
    pthread_mutex_lock(&w->lock);
    t->next = w->all;
    w->all = t;
    pthread_mutex_unlock(&w->lock);
}

void watchdog_remove(watched *t)
{
    watchdog *w = t->by;
    if (w == NULL) {
        return;
    }
    pthread_mutex_lock(&w->lock);
    watched **link = &w->all;
    while (*link != t) {
        link = &(*link)->next;
    }
    *link = t->next;
    pthread_mutex_unlock(&w->lock);
    t->by = NULL;
}

void watchdog_each(watchdog *w, void (*visit)(const watched_state *s, void *arg), void *arg)
{
    pthread_mutex_lock(&w->lock);
    for (watched *t = w->all; t != NULL; t = t->next) {
        const watched_state s = {.name = t->thread->name,
                                 .longest = loop_longest_turn(t->loop),
                                 .held_ms = t->held_ms,
                                 .stuck = t->stuck,
                                 .place = running_at(t->thread)};
        visit(&s, arg);
    }
    pthread_mutex_unlock(&w->lock);
}
