/* SPDX-License-Identifier: Apache-2.0 */
/* A worker's HTTP server: its beginning, and draining at the end.
 *
 * h2o's own graceful shutdown can be made to spin for ever by one client (a HEADERS frame without
 * END_HEADERS across the second GOAWAY), so only its first half is used: GOAWAY and `Connection:
 * close`. Closing what is idle, and what is left at the deadline, is done here. */
#include "http/server.h"

#include "base/log.h"
#include "http/acceptor.h"
#include "http/connection.h"
#include "http/handshake.h"
#include "http/hpack.h"
#include "http/linger.h"
#include "http/metered.h"
#include "http/pace.h"
#include "http/picohttp.h"
#include "http/sweep.h"

#include <cmp-kit/memory.h>

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define HANDSHAKES_AT_ONCE 16 /* about 7 ms of a turn in which nobody else is served */
#define DRAIN_SWEEP_MS     50
#define NEVER_MS           (UINT64_C(7) * 24 * 3600 * 1000)
#define PSEUDO_HEADERS     4
#define DRAIN_GRACE_MS     500 /* after GOAWAY, for requests that are on their way */
#define BODY_SLACK_BYTES   ((size_t)16 * 1024) /* h2o's limit lies above ours, so that we answer */

/* The largest body that any interface takes. */
static size_t body_max(const conf *c)
{
    int64_t most = c->top.limits.body_bytes;
    for (size_t i = 0; i < c->top.listeners.count; i++) {
        const conf_listener *l = (const conf_listener *)c->top.listeners.at + i;
        if (interface_in(l->interfaces, CMP_INTERFACE_CODES) &&
            c->top.limits.codes_body_bytes > most) {
            most = c->top.limits.codes_body_bytes;
        }
    }
    return (size_t)most;
}

/* The first line and all fields at their limits, with what stands between them. */
static size_t head_max(const conf_limits *limits)
{
    return (size_t)(limits->uri_bytes + limits->header_bytes + 4 * limits->headers) + 64;
}

/* A little more than a request may have ends in an answer that says so; far more ends the
 * connection.
 */
static void hpack_limits_set(const conf_limits *limits)
{
    const hpack_limits l = {.fields = 2 * (size_t)limits->headers + PSEUDO_HEADERS,
                            .bytes = 2 * (size_t)(limits->header_bytes + limits->uri_bytes)};
    hpack_setup(&l);
}

static void meter_limits_set(meter_limits *m, const conf_limits *limits)
{
    const conf_http2_limits *h = &limits->http2;
    *m = (meter_limits){.frames = {(uint64_t)h->frame_burst, (uint64_t)h->frame_rate},
                        .resets = {(uint64_t)h->reset_burst, (uint64_t)h->reset_rate},
                        .block_bytes = 2 * (uint64_t)(limits->header_bytes + limits->uri_bytes),
                        .continuations = (unsigned)h->continuations};
}

/* With many workers a worker's part is less than one connection may have; it gets that, but never
 * more than half of all. */
static size_t source_share(const server *s, size_t part)
{
    const size_t share = part > s->held_connection_max ? part : s->held_connection_max;
    return share < s->held_max / 2 ? share : s->held_max / 2;
}

/* A stream's request: its header block, decoded, and its body, which libh2o keeps up to its own
 * limit. */
static void sweep_limits_set(server *s, const conf *c, unsigned workers)
{
    const conf_limits *limits = &c->top.limits;
    s->request_timeout_ms = (uint64_t)limits->request_timeout_ms;
    s->write_timeout_ms = (uint64_t)limits->write_timeout_ms;
    s->request_max =
        s->config.max_request_entity_size + 2 * (size_t)(limits->header_bytes + limits->uri_bytes);
    s->held_connection_max = (size_t)limits->held_connection_bytes;
    s->held_max = (size_t)limits->held_bytes / workers;
    s->held_source_max = source_share(s, (size_t)limits->held_source_bytes / workers);
}

server *server_create(const conf *c, unsigned workers, int64_t connections_max, int descriptors_end)
{
    if (!picohttp_in_place()) {
        log_error("http", "libh2o reads HTTP/1 by itself: it does not call phr_parse_request and "
                          "phr_decode_chunked by name, as Debian's does");
        return NULL;
    }
    server *s = kit_calloc(1, sizeof(*s));
    const conf_limits *limits = &c->top.limits;
    h2o_config_init(&s->config);
    s->config.server_name = h2o_iovec_init(H2O_STRLIT("cmpd"));
    s->config.max_request_entity_size = body_max(c) + BODY_SLACK_BYTES;
    s->config.http1.req_timeout = NEVER_MS; /* see sweep.h */
    s->config.http1.upgrade_to_http2 = 0;
    s->config.http2.max_streams_for_priority = 0; /* see meter_refusal */
    s->config.http2.idle_timeout = (uint64_t)limits->request_timeout_ms;
    /* One catch-all host for life; a request's listener is known by its connection. */
    s->hosts[0] =
        h2o_config_register_host(&s->config, h2o_iovec_init(H2O_STRLIT("default")), 65535);
    front_register(h2o_config_register_path(s->hosts[0], "/", 0));
    fallback_register(&s->hosts[0]->fallback_path);
    s->admin_hosts[0] =
        h2o_config_register_host(&s->config, h2o_iovec_init(H2O_STRLIT("admin")), 65535);
    hpack_limits_set(limits);
    sweep_limits_set(s, c, workers);
    s->gates = gates_create(c, connections_max);
    s->descriptors_end = descriptors_end;
    s->handshakes_per_hour = limits->handshakes;
    s->handshake_timeout_ms = (uint64_t)limits->handshake_timeout_ms;
    meter_limits_set(&s->meter_limits, limits);
    handshake_setup();
    metered_setup();
    sweep_setup();
    picohttp_limit(head_max(limits));
    return s;
}

h2o_hostconf_t *server_admin_host(server *s)
{
    return s->admin_hosts[0];
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

static entrance *entrance_at(server_worker *sw, size_t at, const listener *l, gate *g,
                             h2o_hostconf_t **hosts)
{
    entrance *e = &sw->entrances[at];
    *e = (entrance){.sw = sw, .listener = l, .gate = g};
    e->accept = (h2o_accept_ctx_t){.ctx = &sw->context, .hosts = hosts, .ssl_ctx = l->tls};
    rate_init(&e->handshakes, sw->server->handshakes_per_hour, 0);
    rate_set_burst(&e->handshakes, HANDSHAKES_AT_ONCE);
    return e;
}

void server_worker_listen_admin(server_worker *sw, const listener *l, int fd)
{
    server *s = sw->server;
    const size_t last = sw->worker->tenure->generation->listener_count;
    acceptors_add(sw->acceptors, entrance_at(sw, last, l, gates_admin(s->gates), s->admin_hosts),
                  fd, true);
}

static void on_turn_end(void *arg)
{
    server_worker *sw = arg;
    worker_turn_end(sw->worker); /* may send answers */
    metered_turn_end(sw);
    pace_turn_end(sw);
    /* The clock is read once a turn, by whoever asks first. */
    sw->now_ms = 0;
}

server_worker *server_worker_start(server *s, worker *w, sockets *listening)
{
    server_worker *sw = kit_calloc(1, sizeof(*sw));
    const generation *g = w->tenure->generation;
    sw->server = s;
    sw->worker = w;
    h2o_context_init(&sw->context, loop_h2o(w->loop), &s->config);
    loop_on_turn_end(w->loop, on_turn_end, sw);
    sw->entrances = kit_calloc(g->listener_count + 1, sizeof(*sw->entrances)); /* + admin */
    sw->acceptors = acceptors_create(sw, listening->count + 1);
    for (size_t i = 0; i < g->listener_count; i++) {
        entrance_at(sw, i, &g->listeners[i], gates_listener(s->gates, i), s->hosts);
    }
    for (size_t i = 0; i < listening->count; i++) {
        int *fd = &listening->at[w->index * listening->count + i];
        acceptors_add(sw->acceptors, &sw->entrances[listening->listener[i]], *fd, false);
        *fd = -1;
    }
    sweep_start(sw);
    return sw;
}

void server_worker_withdraw(server_worker *sw)
{
    acceptors_withdraw(sw->acceptors);
}

/* ---- the end ---- */

/* GOAWAY to every h2 connection that there is now; `Connection: close` to HTTP/1 from now on. */
static void say_goodbye(server_worker *sw)
{
    sw->context.http2._graceful_shutdown_timeout.cb = NULL; /* h2o does it once only otherwise */
    h2o_context_request_shutdown(&sw->context);
    h2o_timeout_unlink(&sw->context.http2._graceful_shutdown_timeout);
}

static int on_open_stream(h2o_req_t *req, void *arg)
{
    (void)arg;
    connection_of(req->conn)->streams++;
    return 0;
}

/* Streams on which a body is still coming, or an answer is held back by flow control. */
static void count_streams(server_worker *sw)
{
    for (connection *c = sw->connections; c != NULL; c = c->next) {
        c->streams = 0;
    }
    sw->server->config.http2.callbacks.foreach_request(&sw->context, on_open_stream, NULL);
}

static bool is_idle(const connection *c, uint64_t now)
{
    return c->active == 0 && c->streams == 0 && !h2o_socket_is_writing(c->socket) &&
           c->socket->input->size == 0 && now >= c->last_ms + DRAIN_GRACE_MS;
}

static void drain_finish(server_worker *sw)
{
    if (sw->drain_timer != NULL) {
        loop_timer_stop(sw->drain_timer);
        sw->drain_timer = NULL;
    }
    sw->drained(sw->drained_arg);
}

/* Ends idle connections from the grace on, and all at the deadline. h2o notices the end of the
 * stream by itself and closes. */
static void on_drain_sweep(void *arg)
{
    server_worker *sw = arg;
    sw->drain_timer = NULL;
    const uint64_t now = server_now_ms(sw);
    const bool late = now >= sw->drain_until_ms;
    if (!sw->goodbye_again && now >= sw->drain_sweep_from_ms) {
        sw->goodbye_again = true; /* for those whose handshake was under way the first time */
        say_goodbye(sw);
    }
    count_streams(sw);
    for (const connection *c = sw->connections; c != NULL; c = c->next) {
        if (late) {
            shutdown(h2o_socket_get_fd(c->socket), SHUT_RDWR);
        } else if (now >= sw->drain_sweep_from_ms && is_idle(c, now)) {
            /* For reading only: what it still has to send, goes. */
            shutdown(h2o_socket_get_fd(c->socket), SHUT_RD);
        }
    }
    const bool nothing_left = sw->connection_count == 0 && worker_under_way(sw->worker) == 0;
    if (nothing_left || now >= sw->drain_until_ms + DRAIN_GRACE_MS) {
        if (!nothing_left) {
            log_warning("http", "worker %u: %zu connections and %u transactions cut off",
                        sw->worker->index, sw->connection_count, worker_under_way(sw->worker));
        }
        drain_finish(sw);
        return;
    }
    sw->drain_timer = loop_timer_start(sw->worker->loop, DRAIN_SWEEP_MS, on_drain_sweep, sw);
}

void server_worker_drain(server_worker *sw, uint64_t patience_ms, void (*drained)(void *arg),
                         void *arg)
{
    sw->draining = true;
    /* In this order: a goodbye reaches all who have a connection by then. */
    acceptors_close(sw->acceptors); /* who is in the queue was let in by the kernel */
    connections_turn_away(sw);
    linger_stop(sw);
    say_goodbye(sw);
    const uint64_t now = server_now_ms(sw);
    sw->drain_until_ms = now + patience_ms;
    sw->drain_sweep_from_ms = now + DRAIN_GRACE_MS;
    sw->drained = drained;
    sw->drained_arg = arg;
    on_drain_sweep(sw);
}

void server_worker_destroy(server_worker **sw_ref)
{
    server_worker *sw = *sw_ref;
    *sw_ref = NULL;
    sweep_stop(sw);
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
    free(sw->entrances);
    free(sw);
}
