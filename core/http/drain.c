/* SPDX-License-Identifier: Apache-2.0 */
/* See drain.h.
 *
 * h2o's own graceful shutdown can be made to spin for ever by one client (a HEADERS frame without
 * END_HEADERS across the second GOAWAY), so only its first half is used. Closing what is idle, and
 * what is left at the deadline, is done here. */
#include "http/drain.h"

#include "base/log.h"
#include "http/acceptor.h"
#include "http/entrance.h"
#include "http/h2_list.h"
#include "http/linger.h"
#include "http/metered.h"
#include "http/rounds.h"

#include <sys/socket.h>

#define HASTE_MS 50  /* between rounds, when somebody waits for the end */
#define GRACE_MS 500 /* after it was told, for requests that are on their way */

/* Who is told by GOAWAY goes by himself as soon as he has heard of it; until then he goes on
 * asking, and on a busy machine that may take a while. */
#define GRACE_OF_TOLD_MS 2000

/* For who has not asked yet, his handshake included: who has begun one means to ask. A silent one,
 * as browsers open them in advance, is not waited for as long as a handshake may take. */
#define GRACE_OF_NEW_MS 2000

/* From now on, if it was not before. */
static void leave(connection *c)
{
    if (c->leaving_since_ms == 0) {
        c->leaving_since_ms = server_now_ms(c->sw);
    }
}

/* ---- the end of connections ---- */

static bool is_idle(const connection *c, uint64_t now)
{
    const uint64_t grace_ms = c->requests == 0 ? GRACE_OF_NEW_MS : GRACE_MS;
    return c->active == 0 && c->streams == 0 && !h2o_socket_is_writing(c->socket) &&
           c->socket->input->size == 0 && now >= c->last_ms + grace_ms;
}

typedef struct limits {
    uint64_t idle_ms, all_ms; /* from when on which of them end */
} limits;

/* It may have been told to leave long before, when the operator wanted it. */
static uint64_t later(uint64_t a_ms, uint64_t b_ms)
{
    return a_ms > b_ms ? a_ms : b_ms;
}

static uint64_t idle_ends_ms(const connection *c, uint64_t from_ms)
{
    return c->told_ms != 0 ? later(from_ms, c->told_ms) + GRACE_OF_TOLD_MS : from_ms + GRACE_MS;
}

/* Where nothing ends but connections, each has the time of a drain to be told by its next answer,
 * and once more for what is under way then. */
static limits limits_of(const connection *c)
{
    const server_worker *sw = c->sw;
    const uint64_t since_ms = c->leaving_since_ms, drain_ms = sw->limits.drain_ms;
    if (sw->drain.ending) {
        const uint64_t from_ms = later(since_ms, sw->drain.since_ms);
        return (limits){idle_ends_ms(c, from_ms), sw->drain.until_ms};
    }
    if (c->entrance->closed) {
        const uint64_t from_ms = later(since_ms, c->entrance->closed_ms);
        return (limits){idle_ends_ms(c, from_ms), from_ms + drain_ms};
    }
    return (limits){since_ms + drain_ms, since_ms + 2 * drain_ms};
}

/* h2o notices the end of the stream by itself and closes. */
static void end_in_time(const connection *c)
{
    const uint64_t now = server_now_ms(c->sw);
    const limits l = limits_of(c);
    if (now >= l.all_ms) {
        c->sw->rounds.acts++;
        shutdown(h2o_socket_get_fd(c->socket), SHUT_RDWR);
    } else if (now >= l.idle_ms && is_idle(c, now)) {
        c->sw->rounds.acts++;
        /* For reading only: what it still has to send, goes. */
        shutdown(h2o_socket_get_fd(c->socket), SHUT_RD);
    }
}

static bool is_to_leave(const connection *c)
{
    return c->spent || entrance_ends(c->entrance) ||
           (c->sw->drain.asked && c->entrance != c->sw->admin);
}

static void stay(connection *c)
{
    c->leaving_since_ms = 0;
    c->told_ms = 0;
}

void drain_visit(connection *c, bool listed)
{
    if (!is_to_leave(c)) {
        stay(c);
    } else if (c->stage == GATE_TURN && entrance_ends(c->entrance)) {
        c->sw->rounds.acts++;
        h2o_socket_close(c->socket); /* nothing was read from it yet */
    } else {
        leave(c);
        if (listed && metered_has_begun(c)) { /* else in a later round */
            h2_list_goodbye(c);
        }
        end_in_time(c);
    }
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

void drain_round_end(server_worker *sw)
{
    if (sw->drain.ending &&
        (!is_under_way(sw) || server_now_ms(sw) >= sw->drain.until_ms + GRACE_MS)) {
        finish(sw);
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

uint64_t drain_pause_ms(const server_worker *sw)
{
    return sw->drain.ending || has_closed(sw) ? HASTE_MS : UINT64_MAX;
}

/* ---- the beginning ---- */

void drain_answering(connection *c, h2o_req_t *req)
{
    if (is_to_leave(c)) {
        req->http1_is_persistent = 0;
        leave(c);
        if (c->metered != NULL) {
            h2_list_goodbye(c);
        }
    }
}

void drain_ask(server_worker *sw, bool leave)
{
    sw->drain.asked = leave;
    rounds_begin(sw);
}

void drain_closed(server_worker *sw)
{
    if (has_closed(sw)) {
        rounds_begin(sw);
    }
}

void drain_worker(server_worker *sw, uint64_t patience_ms, void (*drained)(void *arg), void *arg)
{
    sw->drain.ending = true;
    sw->drain.since_ms = server_now_ms(sw);
    sw->drain.until_ms = sw->drain.since_ms + patience_ms;
    sw->drain.drained = drained;
    sw->drain.arg = arg;
    sw->context.shutdown_requested = 1; /* `Connection: close` in answers of libh2o's own, too */
    /* In this order: who has a connection by then is told. */
    acceptors_close(sw->acceptors); /* who is in the queue was let in by the kernel */
    linger_stop(sw);
    rounds_begin(sw);
}
