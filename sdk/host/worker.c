/* SPDX-License-Identifier: Apache-2.0 */
/* See worker.h. */
#include "host/worker.h"

#include "host/ops.h"

#include <stdlib.h>

static void worker_misuse(void *owner, const char *service, const char *how)
{
    const host_worker *w = owner;
    w->host->misuse(w->host, service, how);
}

/* A number that nobody has; handles of who had it before stay stale. False: there is none. */
static bool take_number(host *h, host_worker *w)
{
    pthread_mutex_lock(&h->lock);
    uint32_t at = 0;
    while (at < HOST_WORKERS_MAX && h->workers[at] != NULL) {
        at++;
    }
    if (at < HOST_WORKERS_MAX) {
        w->number = at + 1;
        w->generation = h->generations[at];
        h->workers[at] = w;
    }
    pthread_mutex_unlock(&h->lock);
    return at < HOST_WORKERS_MAX;
}

bool host_worker_begin(host *h, host_worker *w, int64_t (*worker_ms)(void *w), bool keeps)
{
    *w = (host_worker){.host = h, .thread = pthread_self()};
    if (!host_loop_init(&w->loop, w, worker_ms, worker_misuse, keeps) || !take_number(h, w)) {
        host_loop_dispose(&w->loop);
        return false;
    }
    if (h->plugin->worker_start != NULL && !host_blocks(h)) {
        w->state = h->plugin->worker_start(h->instance, &w->loop);
    }
    w->running = true;
    return true;
}

/* What was posted to it is run: who waits for it would wait for ever. Nobody can post any more once
 * its number is free. */
void host_worker_stop(host_worker *w)
{
    host *h = w->host;
    host_loop_run_posted(&w->loop);
    if (h->plugin->worker_stop != NULL && !host_blocks(h)) {
        h->plugin->worker_stop(h->instance, w->state);
    }
    w->state = NULL;
    w->running = false;
    pthread_mutex_lock(&h->lock);
    h->workers[w->number - 1] = NULL;
    h->generations[w->number - 1] = w->generation;
    pthread_mutex_unlock(&h->lock);
    host_loop_run_posted(&w->loop);
}

void host_worker_dispose(host_worker *w)
{
    host_loop_dispose(&w->loop);
    for (uint32_t i = 0; i < w->op_count; i++) {
        host_pieces_free(&w->ops[i]->pieces);
        kit_arena_reset(&w->ops[i]->memory);
        free(w->ops[i]);
    }
    free(w->ops);
    w->ops = NULL;
    w->op_count = 0;
}
