/* SPDX-License-Identifier: Apache-2.0 */
/* See drain.h.
 *
 * h2o's own graceful shutdown can be made to spin for ever by one client (a HEADERS frame without
 * END_HEADERS across the second GOAWAY), so only its first half is used. Closing what is idle, and
 * what is left at the deadline, is done here. */
#include "http/drain.h"

#include "base/log.h"
#include "http/acceptor.h"
#include "http/connection.h"
#include "http/entrance.h"
#include "http/linger.h"
#include "http/metered.h"

#include <sys/socket.h>

#define SWEEP_MS 50
#define SLOW_MS  500 /* between sweeps, when nobody waits for the end */
#define GRACE_MS 500 /* after it was told, for requests that are on their way */

/* From now on, if it was not before. */
static void leave(connection *c)
{
    if (c->leaving_since_ms == 0) {
        c->leaving_since_ms = server_now_ms(c->sw);
    }
}

/* ---- the end of connections ---- */

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
    sw->config.http2.callbacks.foreach_request(&sw->context, on_open_stream, NULL);
}

static bool is_idle(const connection *c, uint64_t now)
{
    return c->active == 0 && c->streams == 0 && !h2o_socket_is_writing(c->socket) &&
           c->socket->input->size == 0 && now >= c->last_ms + GRACE_MS;
}

typedef struct limits {
    uint64_t idle_ms, all_ms; /* from when on which of them end */
} limits;

/* Where nothing ends but connections, each has the time of a drain to be told by its next answer,
 * and once more for what is under way then. */
static limits limits_of(const connection *c)
{
    const server_worker *sw = c->sw;
    const uint64_t since_ms = c->leaving_since_ms, drain_ms = sw->limits.drain_ms;
    if (sw->drain.ending) {
        return (limits){since_ms + GRACE_MS, sw->drain.until_ms};
    }
    if (c->entrance->closed) { /* perhaps long after the operator had it leave */
        const uint64_t closed_ms = c->entrance->closed_ms;
        const uint64_t from_ms = since_ms > closed_ms ? since_ms : closed_ms;
        return (limits){from_ms + GRACE_MS, from_ms + drain_ms};
    }
    return (limits){since_ms + drain_ms, since_ms + 2 * drain_ms};
}

/* h2o notices the end of the stream by itself and closes. */
static void end_in_time(const connection *c, uint64_t now)
{
    const limits l = limits_of(c);
    if (now >= l.all_ms) {
        shutdown(h2o_socket_get_fd(c->socket), SHUT_RDWR);
    } else if (now >= l.idle_ms && is_idle(c, now)) {
        /* For reading only: what it still has to send, goes. */
        shutdown(h2o_socket_get_fd(c->socket), SHUT_RD);
    }
}

/* How many there are that are to leave. */
static size_t sweep(server_worker *sw)
{
    const uint64_t now = server_now_ms(sw);
    size_t leaving = 0;
    metered_goodbyes(sw);
    count_streams(sw);
    for (const connection *c = sw->connections; c != NULL; c = c->next) {
        if (c->leaving_since_ms != 0) {
            leaving++;
            end_in_time(c, now);
        }
    }
    return leaving;
}

static bool is_under_way(const server_worker *sw)
{
    return sw->connection_count != 0 || worker_under_way(sw->worker) != 0;
}

static void finish(server_worker *sw)
{
    if (is_under_way(sw)) {
        log_warning("http", "worker %u: %zu connections and %u transactions cut off",
                    sw->worker->index, sw->connection_count, worker_under_way(sw->worker));
    }
    sw->drain.drained(sw->drain.arg);
}

static void go_on(server_worker *sw);

static void on_tick(void *arg)
{
    server_worker *sw = arg;
    const size_t leaving = sweep(sw);
    sw->drain.timer = NULL;
    if (sw->drain.ending &&
        (!is_under_way(sw) || server_now_ms(sw) >= sw->drain.until_ms + GRACE_MS)) {
        finish(sw);
    } else if (sw->drain.ending || leaving > 0) {
        go_on(sw);
    }
}

static bool has_closed(const server_worker *sw)
{
    const entrance *e = sw->entrances;
    while (e != NULL && !e->closed) {
        e = e->next;
    }
    return e != NULL;
}

static void go_on(server_worker *sw)
{
    if (sw->drain.timer == NULL) {
        const uint64_t ms = sw->drain.ending || has_closed(sw) ? SWEEP_MS : SLOW_MS;
        sw->drain.timer = loop_timer_start(sw->worker->loop, ms, on_tick, sw);
    }
}

void drain_stop(server_worker *sw)
{
    if (sw->drain.timer != NULL) {
        loop_timer_stop(sw->drain.timer);
        sw->drain.timer = NULL;
    }
}

/* ---- the beginning ---- */

static bool is_to_leave(const connection *c)
{
    return entrance_ends(c->entrance) || (c->sw->drain.asked && c->entrance != c->sw->admin);
}

static void begin(server_worker *sw)
{
    for (connection *c = sw->connections; c != NULL; c = c->next) {
        if (is_to_leave(c)) {
            leave(c);
        }
    }
    drain_stop(sw);
    on_tick(sw);
}

void drain_answering(connection *c, h2o_req_t *req)
{
    if (is_to_leave(c)) {
        req->http1_is_persistent = 0;
        leave(c);
        metered_goodbye(c);
        go_on(c->sw);
    }
}

void drain_ask(server_worker *sw, bool leave)
{
    sw->drain.asked = leave;
    for (connection *c = sw->connections; c != NULL && !leave; c = c->next) {
        if (!is_to_leave(c)) {
            c->leaving_since_ms = 0;
            c->told = false;
        }
    }
    begin(sw);
}

void drain_closed(server_worker *sw)
{
    for (const entrance *e = sw->entrances; e != NULL; e = e->next) {
        if (e->closed) {
            connections_turn_away(sw, e);
        }
    }
    begin(sw);
}

void drain_worker(server_worker *sw, uint64_t patience_ms, void (*drained)(void *arg), void *arg)
{
    sw->drain.ending = true;
    sw->drain.until_ms = server_now_ms(sw) + patience_ms;
    sw->drain.drained = drained;
    sw->drain.arg = arg;
    sw->context.shutdown_requested = 1; /* `Connection: close` in answers of libh2o's own, too */
    /* In this order: who has a connection by then is told. */
    acceptors_close(sw->acceptors); /* who is in the queue was let in by the kernel */
    connections_turn_away(sw, NULL);
    linger_stop(sw);
    for (connection *c = sw->connections; c != NULL; c = c->next) {
        c->leaving_since_ms = 0; /* another drain has other limits */
    }
    begin(sw);
}
