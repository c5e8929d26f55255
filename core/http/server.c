/* SPDX-License-Identifier: Apache-2.0 */
/* A worker's HTTP server: from its beginning, over one generation after the other, to its end. */
#include "http/server.h"

#include "base/log.h"
#include "http/acceptor.h"
#include "http/drain.h"
#include "http/entrance.h"
#include "http/handshake.h"
#include "http/metered.h"
#include "http/pace.h"
#include "http/picohttp.h"
#include "http/rounds.h"
#include "http/sweep.h"

#include <cmp-kit/memory.h>

#include <stdlib.h>

#define NEVER_MS (UINT64_C(7) * 24 * 3600 * 1000)

/* What libh2o is told once. Limits come with each generation, to each worker's copy: see
 * take_limits.
 */
static void configure(server *s)
{
    h2o_config_init(&s->config);
    s->config.server_name = h2o_iovec_init(H2O_STRLIT("cmpd"));
    s->config.http1.req_timeout = NEVER_MS; /* see sweep.h */
    s->config.http1.upgrade_to_http2 = 0;
    s->config.http2.max_streams_for_priority = 0; /* see meter_refusal */
    /* One catch-all host for life; a request's listener is known by its connection. */
    s->hosts[0] =
        h2o_config_register_host(&s->config, h2o_iovec_init(H2O_STRLIT("default")), 65535);
    front_register(h2o_config_register_path(s->hosts[0], "/", 0));
    fallback_register(&s->hosts[0]->fallback_path);
    s->admin_hosts[0] =
        h2o_config_register_host(&s->config, h2o_iovec_init(H2O_STRLIT("admin")), 65535);
}

server *server_create(unsigned workers, int descriptors_end)
{
    if (!picohttp_in_place()) {
        log_error("http", "libh2o reads HTTP/1 by itself: it does not call phr_parse_request and "
                          "phr_decode_chunked by name, as Debian's does");
        return NULL;
    }
    server *s = kit_calloc(1, sizeof(*s));
    s->gates = gates_create();
    s->workers = workers;
    s->descriptors_end = descriptors_end;
    configure(s);
    hpack_setup();
    handshake_setup();
    metered_setup();
    sweep_setup();
    return s;
}

h2o_hostconf_t *server_admin_host(server *s)
{
    return s->admin_hosts[0];
}

void server_answer_metrics(server *s, server_answer *answer, void *arg)
{
    s->metrics = answer;
    s->metrics_arg = arg;
}

void server_adopt(server *s, generation *g, int64_t connections_max)
{
    gates_configure(s->gates, g->conf, connections_max);
    for (size_t i = 0; i < g->listener_count; i++) {
        gate *at = gate_ref(s->gates, g->listeners[i].conf->name);
        g->listeners[i].sources = sources_ref(gate_sources(at));
        gate_unref(&at);
    }
}

gates *server_gates(server *s)
{
    return s->gates;
}

void server_destroy(server **s)
{
    if (*s != NULL) {
        h2o_config_dispose(&(*s)->config);
        gates_destroy(&(*s)->gates);
        free(*s);
        *s = NULL;
    }
}

/* ---- a worker's ---- */

static void on_turn_end(void *arg)
{
    server_worker *sw = arg;
    worker_turn_end(sw->worker); /* may send answers */
    metered_turn_end(sw);
    pace_turn_end(sw);
    sweep_turn_end(sw);
    entrances_settle(sw);
    /* The clock is read once a turn, by whoever asks first. */
    sw->now_us = 0;
}

/* The drain comes last: it may close. */
static void visit(connection *c, bool listed)
{
    sweep_visit(c);
    drain_visit(c, listed);
}

static void on_round_end(server_worker *sw)
{
    sweep_end(sw);
    drain_round_end(sw);
}

static uint64_t pause_ms(server_worker *sw)
{
    const uint64_t sweep_ms = sweep_pause_ms(sw), drain_ms = drain_pause_ms(sw);
    return sweep_ms < drain_ms ? sweep_ms : drain_ms;
}

static const rounds_work work = {
    .begin = sweep_begin,
    .visit_begin = sweep_visit_begin,
    .request = sweep_request,
    .visit = visit,
    .end = on_round_end,
    .pause_ms = pause_ms,
};

server_worker *server_worker_start(server *s, worker *w)
{
    server_worker *sw = kit_calloc(1, sizeof(*sw));
    sw->server = s;
    sw->worker = w;
    sw->config = s->config;
    h2o_context_init(&sw->context, loop_h2o(w->loop), &sw->config);
    loop_on_turn_end(w->loop, on_turn_end, sw);
    sw->acceptors = acceptors_create(sw);
    sweep_start(sw);
    rounds_start(sw, &work);
    return sw;
}

static void take_limits(server_worker *sw, const conf *c)
{
    sw->limits = server_limits_of(c, sw->server->workers);
    sw->config.max_request_entity_size = sw->limits.body_max;
    sw->context.http2.idle_timeout.timeout = sw->limits.request_timeout_ms;
    hpack_set_limits(&sw->limits.hpack);
    picohttp_set_limit(sw->limits.head_max);
}

/* The order matters: what closes keeps the tenure that it has, and the first request finds every
 * instance started. */
void server_worker_take(server_worker *sw, generation *g, sockets_hand *hand)
{
    entrances_close(sw, g);
    worker_take(sw->worker, g);
    take_limits(sw, g->conf);
    entrances_take(sw, g);
    if (hand != NULL) {
        server_worker_listen(sw, hand);
    }
    drain_closed(sw);
}

void server_worker_listen(server_worker *sw, sockets_hand *hand)
{
    acceptors_take(sw->acceptors, hand);
    sockets_hand_destroy(&hand);
}

void server_worker_listen_admin(server_worker *sw, const listener *l, int fd,
                                bool (*knows)(const generation *g, int fd))
{
    gate *g = gate_ref_admin(sw->server->gates);
    acceptors_add(sw->acceptors, entrance_open_admin(sw, l, g, knows), fd, ACCEPTOR_URGENT);
}

void server_worker_withdraw(server_worker *sw)
{
    acceptors_withdraw(sw->acceptors);
}

void server_worker_keep_sockets(server_worker *sw, bool keep)
{
    acceptors_keep(sw->acceptors, keep);
}

void server_worker_ask_to_leave(server_worker *sw, bool leave)
{
    drain_ask(sw, leave);
}

void server_worker_drain(server_worker *sw, uint64_t patience_ms, void (*drained)(void *arg),
                         void *arg)
{
    drain_worker(sw, patience_ms, drained, arg);
}

void server_worker_destroy(server_worker **sw_ref)
{
    server_worker *sw = *sw_ref;
    *sw_ref = NULL;
    rounds_stop(sw);
    if (sw->pace.timer != NULL) {
        loop_timer_stop(sw->pace.timer);
    }
    if (sw->connection_count != 0) {
        return; /* connections that were cut off still point to it, and the process is about to end
                 */
    }
    loop_on_turn_end(sw->worker->loop, worker_turn_end, sw->worker);
    h2o_context_dispose(&sw->context);
    acceptors_destroy(&sw->acceptors);
    entrances_free(sw);
    free(sw);
}
