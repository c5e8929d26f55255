/* SPDX-License-Identifier: Apache-2.0 */
/* See servers.h. libcmp-test's servers belong to one thread, and answer when the test says so. */
#include "servers.h"

#include "asking.h"
#include "outbound/request_check.h"

#include <cmp-kit/memory.h>

#include <stdatomic.h>
#include <stdlib.h>

#define ANSWER_MS 1 /* others have their turn meanwhile */

struct cmp_origin {
    host *host;
    atomic_uint under_way;
};

struct cmp_call {
    cmp_origin *origin;
    cmp_timer *timer;
    void (*done)(void *arg, const cmp_https_answer *answer);
    void *arg;
};

static cmp_origin *service_origin_open(const cmp_host *table, const cmp_origin_options *options,
                                       char *error, size_t error_size)
{
    (void)options, (void)error, (void)error_size;
    cmp_origin *o = kit_calloc(1, sizeof(*o));
    o->host = host_of(table);
    return o;
}

static void service_origin_close(cmp_origin *o)
{
    if (o->under_way > 0) {
        o->host->misuse(o->host, "origin_close", "while a request is under way");
    }
    free(o);
}

/* Whether it is the loop of the worker whose thread this is. */
static bool is_here(const host *h, const cmp_loop *l)
{
    for (size_t i = 0; i < HOST_WORKERS_MAX; i++) {
        const host_worker *w = h->workers[i];
        if (w != NULL && &w->loop == l) {
            return pthread_equal(w->thread, pthread_self()) != 0;
        }
    }
    return false;
}

static void end(cmp_call *c)
{
    c->origin->under_way--;
    free(c);
}

static void on_answer(void *arg)
{
    cmp_call *c = arg;
    const cmp_call over = *c;
    end(c); /* before: the plugin may close the server from within */
    over.done(over.arg, &asking_empty);
}

static cmp_call *service_https_start(const cmp_host *table, cmp_loop *loop, cmp_origin *origin,
                                     const cmp_https_request *request,
                                     void (*done)(void *arg, const cmp_https_answer *answer),
                                     void *arg)
{
    host *h = host_of(table);
    char why[REQUEST_FAULT_MAX];
    cmp_https_request ours;
    if (!is_here(h, loop)) {
        h->misuse(h, "https_start", "on another loop than that of the worker that calls");
        return NULL;
    }
    abi_read(h->older, ABI_cmp_https_request, &ours, request);
    if (!request_check(&ours, why)) {
        h->misuse(h, "https_start", why);
    }
    cmp_call *c = kit_alloc(sizeof(*c));
    *c = (cmp_call){.origin = origin, .done = done, .arg = arg};
    c->timer = table->timer_start(loop, ANSWER_MS, on_answer, c);
    origin->under_way++;
    return c;
}

static void service_https_cancel(cmp_call *c)
{
    c->origin->host->table.timer_stop(c->timer);
    end(c);
}

void servers_services(host *h)
{
    cmp_host *table = &h->table;
    table->services |= CMP_SERVICE_HTTPS;
    table->origin_open = service_origin_open;
    table->origin_close = service_origin_close;
    table->https_start = service_https_start;
    table->https_cancel = service_https_cancel;
}
