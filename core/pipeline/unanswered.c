/* SPDX-License-Identifier: Apache-2.0 */
/* See unanswered.h. Only operations that are not answered at once cost a look at the clock. */
#include "pipeline/unanswered.h"

#include "base/clock.h"
#include "base/log_limit.h"
#include "observe/counters.h"

#define TICK_MS   1000
#define OVERDUE_S 3 /* since it was asked, and it is unwanted: longer than any cancel takes */

static log_limit overdue = {
    .level = CMP_LOG_WARNING,
    .what = "lines about operations that are not answered",
    .each = LOG_EACH_MINUTE,
    .all = LOG_ALL_TOGETHER,
};

static log_limit recovered = {
    .level = CMP_LOG_NOTICE,
    .what = "lines about operations that were answered late",
    .each = LOG_EACH_MINUTE,
    .all = LOG_ALL_TOGETHER,
};

static log_limit not_asked = {
    .level = CMP_LOG_WARNING,
    .what = "operations that were not begun",
    .each = LOG_EACH_MINUTE,
    .all = LOG_ALL_TOGETHER,
};

static unsigned get(const _Atomic unsigned *value)
{
    return atomic_load_explicit(value, memory_order_relaxed);
}

/* Only the desk's thread writes, so no read-modify-write is needed. */
static void set(_Atomic unsigned *value, unsigned to)
{
    atomic_store_explicit(value, to, memory_order_relaxed);
}

static instance_load *load_of(const desk *d, const instance *i)
{
    return &i->loads[d->worker];
}

/* ---- transactions that an instance holds ----
 *
 * A list of codes asks a store for up to 256 at once, and is one transaction. */

/* Of its transaction, at its instance. NULL: it is the only one. */
static ask_together *together_of(const ask *a)
{
    ask_together *t = a->together;
    while (t != NULL && t->of != NULL && t->of != a->instance) {
        t++;
    }
    return t;
}

static void hold(instance_load *l, const ask *a)
{
    ask_together *t = together_of(a);
    if (t != NULL) {
        t->of = a->instance;
    }
    if (t == NULL || t->under_way++ == 0) {
        set(&l->held, get(&l->held) + 1);
    }
}

static void let_go(instance_load *l, const ask *a)
{
    ask_together *t = together_of(a);
    if (t == NULL || --t->under_way == 0) {
        set(&l->held, get(&l->held) - 1);
    }
}

/* ---- each operation ---- */

void unanswered_begin(desk *d, ask *a)
{
    instance_load *l = load_of(d, a->instance);
    set(&l->under_way, get(&l->under_way) + 1);
    hold(l, a);
    a->since_s = d->seconds;
    a->since_us = clock_monotonic_us();
    a->counted = true;
    a->unwanted = a->overdue = false;
    TAILQ_INSERT_TAIL(&d->unanswered, a, entry);
}

void unanswered_end(desk *d, ask *a)
{
    if (!a->counted) {
        return; /* it was answered within the call, or by a job's own */
    }
    instance_load *l = load_of(d, a->instance);
    a->counted = false;
    let_go(l, a);
    TAILQ_REMOVE(&d->unanswered, a, entry);
    histogram_add(a->instance->figures.took_us, clock_monotonic_us() - a->since_us);
    /* What a cancel says is in time; a job that was abandoned before it began was not asked. */
    if (a->unwanted && d->cancelling != a && a->state != ASK_IDLE) {
        counter_add(a->instance->figures.late, 1);
    }
    if (a->overdue) {
        set(&l->overdue, get(&l->overdue) - 1);
        if (get(&l->overdue) == 0) {
            log_limited(&recovered, cmp_str_from(a->instance->name), NULL, NULL, 0,
                        "plugin %s has answered the last of them to worker %u",
                        a->instance->plugin->name, d->worker);
        }
    }
    /* Last of all, and for others to see: from here on the instance may be destroyed. */
    atomic_store_explicit(&l->under_way, get(&l->under_way) - 1, memory_order_release);
}

void unanswered_unwanted(ask *a)
{
    a->unwanted = true;
}

bool unanswered_too_many(const desk *d, const ask *a)
{
    const instance *i = a->instance;
    const ask_together *t = together_of(a);
    const unsigned held = get(&load_of(d, i)->held);
    if (d->share == 0 || held < d->share || (t != NULL && t->under_way > 0)) {
        return false;
    }
    counter_add(i->not_asked, 1);
    log_limited(&not_asked, cmp_str_from(i->name), NULL, NULL, 0,
                "plugin %s is not asked: it holds %u transactions of worker %u, which is three "
                "quarters of limits.transactions",
                i->plugin->name, held, d->worker);
    return true;
}

/* ---- those that do not come back ---- */

/* Of all workers, as far as they have looked. */
static void tell_overdue(const instance *i)
{
    unsigned count = 0, oldest_s = 0;
    for (unsigned w = 0; w < i->site->worker_count; w++) {
        const instance_load *l = &i->loads[w];
        const unsigned its_oldest_s = get(&l->overdue) > 0 ? get(&l->oldest_s) : 0;
        count += get(&l->overdue);
        oldest_s = its_oldest_s > oldest_s ? its_oldest_s : oldest_s;
    }
    log_limited(&overdue, cmp_str_from(i->name), NULL, NULL, 0,
                "plugin %s has not answered %u operations that nobody waits for any more, the "
                "first of them for %u s",
                i->plugin->name, count, oldest_s);
}

/* They lie in the order in which they were asked, so the first one of an instance is its oldest. */
static void on_tick(void *arg)
{
    desk *d = arg;
    ask *a;
    d->seconds++;
    TAILQ_FOREACH(a, &d->unanswered, entry)
    {
        const unsigned age_s = d->seconds - a->since_s;
        instance_load *l = load_of(d, a->instance);
        if (!a->unwanted || age_s < OVERDUE_S) {
            continue;
        }
        if (!a->overdue) {
            a->overdue = true;
            set(&l->overdue, get(&l->overdue) + 1);
        }
        if (l->looked_s != d->seconds) {
            l->looked_s = d->seconds;
            set(&l->oldest_s, age_s);
        }
    }
    TAILQ_FOREACH(a, &d->unanswered, entry)
    {
        instance_load *l = load_of(d, a->instance);
        if (a->overdue && l->looked_s == d->seconds) {
            l->looked_s = 0; /* once for each instance */
            tell_overdue(a->instance);
        }
    }
    d->tick = loop_timer_start(d->loop, TICK_MS, on_tick, d);
}

void unanswered_tell(const instance *i)
{
    const unsigned count = instance_under_way(i);
    if (count > 0) {
        log_warning(i->name, "plugin %s still hangs: it has not answered %u operations",
                    i->plugin->name, count);
    }
}

/* ---- life ---- */

/* As the pool has it: something is left for others from two on. */
void unanswered_share(desk *d, unsigned transactions)
{
    d->share = transactions > 1 ? transactions - (transactions + 3) / 4 : transactions;
}

void unanswered_start(desk *d)
{
    TAILQ_INIT(&d->unanswered);
    d->tick = loop_timer_start(d->loop, TICK_MS, on_tick, d);
}

void unanswered_stop(desk *d)
{
    if (d->tick != NULL) {
        loop_timer_stop(d->tick);
        d->tick = NULL;
    }
}
