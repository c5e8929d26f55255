/* SPDX-License-Identifier: Apache-2.0 */
/* Slots and handles of operations, and what is said of handles that are not good. */
#include "pipeline/desk.h"

#include "base/log_limit.h"
#include "observe/counters.h"

#include <cmp-kit/memory.h>

#include <stdlib.h>

#define SLAB_SIZE 64
#define NO_SLOT   UINT32_MAX /* of an operation on the pool: no desk finds it */

struct ask_slab {
    ask at[SLAB_SIZE];
};

static _Thread_local desk *here;   /* whose thread this is; NULL: no desk's */
static _Thread_local ask *on_pool; /* what this thread of the pool works for */

static log_limit misuses = {
    .level = CMP_LOG_ERROR,
    .what = "stale operations",
    .each = LOG_EACH_FEW,
    .all = LOG_ALL_TOGETHER,
};

void desk_enter(desk *d)
{
    here = d;
}

const desk *desk_here(void)
{
    return here;
}

static void slab_add(desk *d)
{
    struct ask_slab *slab = kit_calloc(1, sizeof(*slab));
    d->slabs = kit_realloc(d->slabs, (d->slab_count + 1) * sizeof(*d->slabs));
    d->slabs[d->slab_count] = slab;
    for (uint32_t i = SLAB_SIZE; i-- > 0;) {
        ask *a = &slab->at[i];
        a->op = (cmp_op){.worker = d->worker, .slot = d->slab_count * SLAB_SIZE + i};
        a->next_idle = d->idle;
        d->idle = a;
    }
    d->slab_count++;
}

ask *desk_take(desk *d)
{
    if (d->idle == NULL) {
        slab_add(d);
    }
    ask *a = d->idle;
    d->idle = a->next_idle;
    return a;
}

void desk_give(desk *d, ask *a)
{
    a->state = ASK_IDLE;
    a->asker = NULL;
    a->request = NULL;
    a->next_idle = d->idle;
    d->idle = a;
}

void desk_renew(desk *d, ask *a)
{
    a->op.generation = ++d->generation;
    a->data = NULL;
    a->consumed = 0;
}

void desk_name_job(desk *d, ask *job)
{
    job->op = (cmp_op){.worker = d->worker, .slot = NO_SLOT, .generation = ++d->generation};
}

void desk_dispose(desk *d)
{
    for (uint32_t i = 0; i < d->slab_count; i++) {
        free(d->slabs[i]);
    }
    free(d->slabs);
    d->slabs = NULL;
    d->slab_count = 0;
    d->idle = NULL;
    if (here == d) {
        here = NULL;
    }
}

void desk_lend_thread(ask *job)
{
    on_pool = job;
}

/* ---- handles ---- */

static bool under_way(const ask *a)
{
    return a->state == ASK_CALLING || a->state == ASK_WAITING || a->state == ASK_ABANDONED;
}

/* Why the handle is not good, in words for the log. */
static const char *fault_of(const instance *caller, cmp_op op)
{
    if (instance_blocks(caller) && op.slot == NO_SLOT) {
        return "with an operation whose call is not under way on this thread";
    }
    if (on_pool != NULL || here == NULL || op.worker != here->worker) {
        return "on another thread than the operation's";
    }
    if (op.slot >= here->slab_count * SLAB_SIZE || op.generation == 0 ||
        op.generation > here->generation) {
        return "with an operation that never was";
    }
    const ask *a = &here->slabs[op.slot / SLAB_SIZE]->at[op.slot % SLAB_SIZE];
    if (a->op.generation != op.generation) {
        return "with an operation that was over long ago";
    }
    if (a->instance != caller) {
        return "with an operation of another instance";
    }
    return "with an operation that was over already";
}

void desk_misuse(instance *caller, const char *service, const char *how)
{
    counter_add(caller->stale_operations, 1);
    log_limited(&misuses, cmp_str_from(caller->name), service, NULL, 0,
                "called %s %s: it changes nothing", service, how);
}

static ask *find(const instance *caller, cmp_op op)
{
    ask *a = on_pool;
    if (a == NULL) {
        const desk *d = here;
        if (d == NULL || op.worker != d->worker || op.slot / SLAB_SIZE >= d->slab_count) {
            return NULL;
        }
        a = &d->slabs[op.slot / SLAB_SIZE]->at[op.slot % SLAB_SIZE];
    }
    const bool good = a->op.generation == op.generation && a->op.slot == op.slot &&
                      a->op.worker == op.worker && a->instance == caller && under_way(a);
    return good ? a : NULL;
}

ask *desk_find(const cmp_host *host, cmp_op op, const char *service)
{
    ask *a = find(host->core, op);
    if (a == NULL) {
        desk_misuse(host->core, service, fault_of(host->core, op));
    }
    return a;
}

void desk_each(const instance *caller, void (*visit)(const ask *a, void *arg), void *arg)
{
    if (on_pool != NULL) {
        visit(on_pool, arg); /* a thread of the pool works for one instance at a time */
        return;
    }
    for (uint32_t i = 0; here != NULL && i < here->slab_count * SLAB_SIZE; i++) {
        const ask *a = &here->slabs[i / SLAB_SIZE]->at[i % SLAB_SIZE];
        if (a->instance == caller && under_way(a)) {
            visit(a, arg);
        }
    }
}
