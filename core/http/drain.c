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
#define GRACE_MS 500 /* after it was told, for requests that are on their way */

/* From now on, if it was not before. */
static void leave(connection *c)
{
    if (c->leaving_since_ms == 0) {
        c->leaving_since_ms = server_now_ms(c->sw);
    }
}

void drain_answering(connection *c, h2o_req_t *req)
{
    if (entrance_ends(c->entrance)) {
        req->http1_is_persistent = 0;
        leave(c);
        metered_goodbye(c);
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

/* h2o notices the end of the stream by itself and closes. */
static void end_in_time(const connection *c, uint64_t now)
{
    const server_worker *sw = c->sw;
    const uint64_t until_ms =
        sw->drain.ending ? sw->drain.until_ms : c->leaving_since_ms + sw->limits.drain_ms;
    if (now >= until_ms) {
        shutdown(h2o_socket_get_fd(c->socket), SHUT_RDWR);
    } else if (now >= c->leaving_since_ms + GRACE_MS && is_idle(c, now)) {
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

static void on_tick(void *arg)
{
    server_worker *sw = arg;
    const size_t leaving = sweep(sw);
    sw->drain.timer = NULL;
    if (sw->drain.ending &&
        (!is_under_way(sw) || server_now_ms(sw) >= sw->drain.until_ms + GRACE_MS)) {
        finish(sw);
    } else if (sw->drain.ending || leaving > 0) {
        sw->drain.timer = loop_timer_start(sw->worker->loop, SWEEP_MS, on_tick, sw);
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

void drain_closed(server_worker *sw)
{
    for (const entrance *e = sw->entrances; e != NULL; e = e->next) {
        if (e->closed) {
            connections_turn_away(sw, e);
        }
    }
    for (connection *c = sw->connections; c != NULL; c = c->next) {
        if (c->entrance->closed) {
            leave(c);
        }
    }
    drain_stop(sw);
    on_tick(sw);
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
        leave(c);
    }
    drain_stop(sw);
    on_tick(sw);
}
