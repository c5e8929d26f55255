/* SPDX-License-Identifier: Apache-2.0 */
/* See entrance.h. */
#include "http/entrance.h"

#include "http/tls.h"

#include <cmp-kit/memory.h>

#include <stdlib.h>

#define HANDSHAKES_AT_ONCE 16 /* about 7 ms of a turn in which nobody else is served */

static entrance *entrance_open(server_worker *sw, const listener *l, gate *g,
                               h2o_hostconf_t **hosts)
{
    entrance *e = kit_calloc(1, sizeof(*e));
    *e = (entrance){.sw = sw, .gate = g, .next = sw->entrances};
    e->name = cmp_str_from(kit_strdup(l->conf->name));
    e->listener = l;
    e->sources = l->sources != NULL ? sources_ref(l->sources) : NULL;
    e->accept = (h2o_accept_ctx_t){.ctx = &sw->context, .hosts = hosts};
    rate_init(&e->handshakes, sw->limits.handshakes_per_hour, 0);
    rate_set_burst(&e->handshakes, HANDSHAKES_AT_ONCE);
    sw->entrances = e;
    return e;
}

static void entrance_free(entrance *e)
{
    if (e->tenure != NULL) {
        worker_leave(e->sw->worker, e->tenure);
    }
    gate_unref(&e->gate);
    sources_unref(&e->sources);
    listener_tls_unref(&e->tls);
    free((char *)(uintptr_t)e->name.at);
    free(e);
}

entrance *entrance_find(server_worker *sw, const char *name)
{
    entrance *e = sw->entrances;
    while (e != NULL && (e->closed || e == sw->admin || strcmp(e->name.at, name) != 0)) {
        e = e->next;
    }
    return e;
}

static void use_tls(entrance *e, listener_tls *tls)
{
    listener_tls *before = e->tls;
    e->tls = tls != NULL ? listener_tls_ref(tls) : NULL;
    listener_tls_unref(&before);
}

/* What was taken of the pace before is not given back. */
static void set_pace(entrance *e)
{
    const int64_t due_ns = e->handshakes.due_ns;
    rate_init(&e->handshakes, e->sw->limits.handshakes_per_hour, 0);
    rate_set_burst(&e->handshakes, HANDSHAKES_AT_ONCE);
    e->handshakes.due_ns = due_ns;
}

static void take(server_worker *sw, const listener *l)
{
    entrance *e = entrance_find(sw, l->conf->name);
    if (e == NULL) {
        e = entrance_open(sw, l, gate_ref(sw->server->gates, l->conf->name), sw->server->hosts);
    }
    e->listener = l;
    use_tls(e, l->tls);
    set_pace(e);
}

static bool has(const generation *g, const entrance *e)
{
    for (size_t i = 0; i < g->listener_count; i++) {
        if (strcmp(g->listeners[i].conf->name, e->name.at) == 0) {
            return true;
        }
    }
    return false;
}

void entrances_close(server_worker *sw, const generation *g)
{
    for (entrance *e = sw->entrances; e != NULL; e = e->next) {
        if (!e->closed && e != sw->admin && !has(g, e)) {
            e->closed = true;
            e->closed_ms = server_now_ms(sw);
            e->tenure = sw->worker->tenure;
            worker_enter(sw->worker, e->tenure);
        }
    }
}

void entrances_take(server_worker *sw, const generation *g)
{
    for (size_t i = 0; i < g->listener_count; i++) {
        take(sw, &g->listeners[i]);
    }
}

entrance *entrance_open_admin(server_worker *sw, const listener *l, gate *g, entrance_knows *knows)
{
    sw->admin = entrance_open(sw, l, g, sw->server->admin_hosts);
    sw->admin->knows = knows;
    return sw->admin;
}

void entrances_settle(server_worker *sw)
{
    for (entrance **at = &sw->entrances; *at != NULL;) {
        entrance *e = *at;
        if (e->closed && e->connections == 0) {
            *at = e->next;
            entrance_free(e);
        } else {
            at = &e->next;
        }
    }
}

void entrances_free(server_worker *sw)
{
    for (entrance *e = sw->entrances, *next; e != NULL; e = next) {
        next = e->next;
        entrance_free(e);
    }
    sw->entrances = NULL;
}
