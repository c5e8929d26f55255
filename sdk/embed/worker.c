/* SPDX-License-Identifier: Apache-2.0 */
/* Threads of a program that ask. */
#include "embed/embed.h"

#include "base/clock.h"
#include "host/worker.h"

#include <stdlib.h>

#define OP_ROOM 2048 /* a request with all of its parameters takes less, as a rule */
#define WAIT_MS 100  /* until it is said again that the plugin does not end an operation */

static int64_t worker_ms(void *w)
{
    (void)w;
    return (int64_t)clock_monotonic_ms();
}

cmp_embed_worker *cmp_embed_attach(cmp_embed *e, cmp_embed_error *error)
{
    cmp_embed_error unread;
    error = error != NULL ? error : &unread;
    if ((e->settings.flags & CMP_EMBED_CHECK) != 0) {
        embed_fail(error, "it was opened to be checked only (CMP_EMBED_CHECK)");
        return NULL;
    }
    cmp_embed_worker *w = kit_calloc(1, sizeof(*w));
    w->embed = e;
    TAILQ_INIT(&w->calls);
    if (!host_worker_begin(&e->host, &w->worker, worker_ms, false)) {
        embed_fail(error, "there are %d workers already, or no descriptors left", HOST_WORKERS_MAX);
        free(w);
        return NULL;
    }
    w->worker.op_room = OP_ROOM;
    return w;
}

/* Those whom nobody waits for: a handle of theirs may still come back. */
static void await_operations(cmp_embed_worker *w)
{
    uint64_t said_ms = clock_monotonic_ms();
    while (w->worker.pending > 0) {
        cmp_embed_turn(w, WAIT_MS);
        if (clock_monotonic_ms() - said_ms > w->embed->settings.timeout_ms) {
            said_ms = clock_monotonic_ms();
            embed_log(w->embed, CMP_LOG_ERROR,
                      "%u operations that were cancelled are not completed: the worker waits",
                      w->worker.pending);
        }
    }
}

static void await_jobs(cmp_embed_worker *w)
{
    do {
        host_pool_drain(w->embed->pool, &w->worker.loop);
    } while (host_loop_run_posted(&w->worker.loop) > 0);
}

void cmp_embed_detach(cmp_embed_worker **ref)
{
    cmp_embed_worker *w = *ref;
    *ref = NULL;
    if (w == NULL) {
        return;
    }
    for (cmp_embed_call *c; (c = TAILQ_FIRST(&w->calls)) != NULL;) {
        embed_give_up(c);
    }
    await_operations(w);
    await_jobs(w);
    host_worker_stop(&w->worker);
    await_jobs(w);
    host_worker_dispose(&w->worker);
    free(w);
}

int cmp_embed_fd(const cmp_embed_worker *w)
{
    return w->worker.loop.epoll_fd;
}

int cmp_embed_wait_ms(const cmp_embed_worker *w)
{
    return w->lookups ? 0 : host_loop_wait_ms(&w->worker.loop, -1);
}

void cmp_embed_turn(cmp_embed_worker *w, int wait_ms)
{
    embed_turn_end(w);
    host_loop_turn(&w->worker.loop, wait_ms);
    embed_turn_end(w);
}
