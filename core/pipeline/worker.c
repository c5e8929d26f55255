/* SPDX-License-Identifier: Apache-2.0 */
/* See worker.h. */
#include "pipeline/worker.h"

#include "pipeline/cache.h"
#include "pipeline/unanswered.h"

#include <cmp-kit/memory.h>

#include <stdlib.h>

void worker_expect_turn_end(worker *w, size_t store)
{
    w->store_pending[store] = true;
    w->any_pending = true;
}

/* So a store can ask for all look-ups of a turn together: one connection to a database gave 4,800 a
 * second one by one, and 21,500 by 32. */
void worker_turn_end(void *arg)
{
    worker *w = arg;
    const chain *stores = &w->generation->stores;
    while (w->any_pending) { /* a batch may bring look-ups that are pending again */
        w->any_pending = false;
        for (size_t i = 0; i < stores->count; i++) {
            const instance *store = stores->at[i];
            const bool pending = w->store_pending[i];
            /* Before the call: a store that answers at once brings look-ups that wait again. */
            w->store_pending[i] = false;
            if (pending && store->plugin->ops.store->turn_end != NULL && !instance_blocks(store)) {
                const uintptr_t before = instance_enter(store, RUNNING_TURN_END);
                store->plugin->ops.store->turn_end(store->self, store->worker_state[w->index]);
                running_leave(before);
            }
        }
    }
}

void worker_init(worker *w, unsigned index, loop *l, generation *g, process *p)
{
    *w = (worker){.index = index,
                  .loop = l,
                  .generation = g,
                  .keyring = generation_keyring(g),
                  .outbound = outbound_create(l, p->pool),
                  .process = p,
                  .desk = {.worker = index, .loop = l, .pool = p->pool},
                  .store_pending = kit_calloc(g->stores.count, sizeof(bool))};
    desk_enter(&w->desk);
    unanswered_start(&w->desk, (unsigned)g->conf->top.limits.transactions);
    loop_on_turn_end(l, worker_turn_end, w);
    for (size_t i = 0; i < g->stores.count; i++) {
        instance *store = g->stores.at[i];
        if (store->caches != NULL) {
            store->caches[index] = cache_create(&store->cache_settings);
        }
    }
}

void worker_take_keyring(void *arg)
{
    worker *w = arg;
    keyring_unref(&w->keyring);
    w->keyring = generation_keyring(w->generation);
}

void worker_disconnect(worker *w)
{
    outbound_destroy(&w->outbound);
}

void worker_dispose(worker *w)
{
    for (size_t i = 0; i < w->generation->stores.count; i++) {
        instance *store = w->generation->stores.at[i];
        if (store->caches != NULL) {
            cache *c = store->caches[w->index];
            store->caches[w->index] = NULL;
            cache_destroy(&c);
        }
    }
    keyring_unref(&w->keyring);
    unanswered_stop(&w->desk);
    desk_dispose(&w->desk);
    free(w->store_pending);
    w->store_pending = NULL;
}
