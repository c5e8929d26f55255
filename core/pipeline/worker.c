/* SPDX-License-Identifier: Apache-2.0 */
/* See worker.h. */
#include "pipeline/worker.h"

#include "pipeline/cache.h"
#include "pipeline/unanswered.h"

#include <cmp-kit/memory.h>

#include <stdlib.h>

/* ---- the end of a turn ---- */

void worker_expect_turn_end(worker *w, instance *store)
{
    instance_load *l = &store->loads[w->index];
    if (!l->pending) {
        l->pending = true;
        l->next_pending = w->pending;
        w->pending = store;
    }
}

/* So a store can ask for all look-ups of a turn together: one connection to a database gave 4,800 a
 * second one by one, and 21,500 by 32. */
void worker_turn_end(void *arg)
{
    worker *w = arg;
    while (w->pending != NULL) { /* a batch may bring look-ups that are pending again */
        instance *store = w->pending;
        instance_load *l = &store->loads[w->index];
        /* Before the call: a store that answers at once brings look-ups that wait again. */
        w->pending = l->next_pending;
        l->pending = false;
        if (store->plugin->ops.store->turn_end != NULL && !instance_blocks(store)) {
            const uintptr_t before = instance_enter(store, RUNNING_TURN_END);
            store->plugin->ops.store->turn_end(store->self, store->worker_state[w->index]);
            running_leave(before);
        }
    }
}

/* ---- generations ---- */

static void enter(worker *w, instance *i)
{
    if (i->loads[w->index].tenures++ > 0) {
        return; /* carried over */
    }
    if (i->caches != NULL) {
        i->caches[w->index] = cache_create(&i->cache_settings, &i->loads[w->index].cached);
    }
    instance_worker_start(i, w->index, w->loop);
}

/* Nobody waits for its look-ups any more, and it may be gone when the turn ends. */
static void forget_pending(worker *w, const instance *i)
{
    instance **at = &w->pending;
    while (*at != NULL && *at != i) {
        at = &(*at)->loads[w->index].next_pending;
    }
    if (*at != NULL) {
        (*at)->loads[w->index].pending = false;
        *at = (*at)->loads[w->index].next_pending;
    }
}

static void free_cache(void *arg)
{
    cache *c = arg;
    cache_destroy(&c);
}

static void leave(worker *w, instance *i)
{
    if (--i->loads[w->index].tenures > 0) {
        return;
    }
    forget_pending(w, i);
    instance_worker_stop(i, w->index);
    if (i->caches != NULL) {
        cache *c = i->caches[w->index];
        i->caches[w->index] = NULL;
        i->loads[w->index].cached.entries = i->loads[w->index].cached.size_bytes = 0;
        /* Elsewhere: a full one has as many blocks of memory as codes. */
        loop_post(w->process->control, free_cache, c);
    }
}

/* Instances in the opposite order: they may use others until the end. */
static void tenure_end(worker *w, tenure *t)
{
    generation *g = t->generation;
    for (size_t i = g->instance_count; i-- > 0;) {
        leave(w, g->instances[i]);
    }
    free(t);
    loop_post(w->process->control, w->process->let_go, g);
}

/* Those behind the newest that no transaction is of. */
static void on_unused(void *arg)
{
    worker *w = arg;
    if (w->tenure == NULL) {
        return; /* all were let go meanwhile */
    }
    for (tenure **at = &w->tenure->older; *at != NULL;) {
        tenure *t = *at;
        if (t->transactions == 0) {
            *at = t->older;
            tenure_end(w, t);
        } else {
            at = &t->older;
        }
    }
}

void worker_take(worker *w, generation *g)
{
    tenure *t = kit_calloc(1, sizeof(*t));
    *t = (tenure){.generation = g, .older = w->tenure};
    for (size_t i = 0; i < g->instance_count; i++) {
        enter(w, g->instances[i]);
    }
    w->tenure = t;
    worker_take_keyring(w);
    unanswered_share(&w->desk, (unsigned)g->conf->top.limits.transactions);
    on_unused(w);
}

/* Not here and now, in the depth of a plugin's call: instances are stopped. */
void worker_leave(worker *w, tenure *t)
{
    w->transactions--;
    if (--t->transactions == 0 && t != w->tenure) {
        loop_post(w->loop, on_unused, w);
    }
}

void worker_let_go(worker *w)
{
    while (w->tenure != NULL) {
        tenure *t = w->tenure;
        w->tenure = t->older;
        tenure_end(w, t);
    }
}

/* ---- life ---- */

void worker_init(worker *w, unsigned index, loop *l, process *p)
{
    *w = (worker){.index = index,
                  .loop = l,
                  .outbound = outbound_create(l, p->pool),
                  .process = p,
                  .desk = {.worker = index, .loop = l, .pool = p->pool}};
    desk_enter(&w->desk);
    unanswered_start(&w->desk);
    loop_on_turn_end(l, worker_turn_end, w);
}

void worker_take_keyring(void *arg)
{
    worker *w = arg;
    if (w->tenure == NULL) {
        return; /* it has ended; nobody asks any more */
    }
    keyring_unref(&w->keyring);
    w->keyring = generation_keyring(w->tenure->generation);
}

void worker_disconnect(worker *w)
{
    outbound_destroy(&w->outbound);
}

void worker_dispose(worker *w)
{
    keyring_unref(&w->keyring);
    unanswered_stop(&w->desk);
    desk_dispose(&w->desk);
}
