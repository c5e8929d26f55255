/* SPDX-License-Identifier: Apache-2.0 */
/* See sweep.h. What libh2o keeps shows in public fields of its requests, one by one; so octets are
 * added up as they come, and only when the sum might be too much it is counted what is still there.
 */
#include "http/sweep.h"

#include "base/log_limit.h"
#include "base/log_source.h"
#include "base/refusals.h"
#include "http/connection.h"
#include "http/held.h"
#include "observe/counters.h"

#include <linux/tcp.h> /* glibc has an older struct tcp_info */
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>

#define TICKS         8 /* looks within a limit: how late one may be noticed */
#define TICK_MIN_MS   20
#define TICK_MAX_MS   500
#define IDLE_GRACE_MS 1000 /* libh2o's own limit comes first, as it says GOAWAY */
#define TAKE_MIN      1024 /* octets a second that a client has to take; chosen, not measured */
#define CLOCK_JUMP_MS 500  /* the wall clock was set, not only slewed */

typedef enum cause { LATE, UNREAD, HELD, HELD_SOURCE, CAUSES } cause;

static const char *const texts[CAUSES] = {
    [LATE] = "a request was not whole in time",
    [UNREAD] = "answers were not read",
    [HELD] = "too much of it was kept waiting here",
    [HELD_SOURCE] = "too much of its source was kept waiting here",
};

static log_limit ended = {
    .level = CMP_LOG_NOTICE,
    .area = "http",
    .what = "connections that were ended for being slow",
    .each = LOG_EACH_MINUTE,
    .all = LOG_ALL_TOGETHER,
};

static unsigned count_ended[CAUSES], count_idle;

void sweep_setup(void)
{
    static const char *const names[CAUSES] = {[LATE] = "ended_late",
                                              [UNREAD] = "ended_unread",
                                              [HELD] = "ended_held",
                                              [HELD_SOURCE] = "ended_held_source"};
    for (int i = 0; i < CAUSES; i++) {
        count_ended[i] = counter_register("connections", names[i], texts[i]);
    }
    count_idle = counter_register("connections", "ended_idle", "Idle connections that were closed");
}

/* ---- the end ---- */

/* libh2o notices the end of both directions by itself, and closes. */
static void cut(connection *c)
{
    c->cut = true;
    c->sw->rounds.acts++;
    shutdown(h2o_socket_get_fd(c->socket), SHUT_RDWR);
}

static void end(connection *c, cause why)
{
    if (c->cut) {
        return;
    }
    char source[LOG_SOURCE_SIZE];
    const log_field fields[] = {{"listener", c->entrance->name}, log_source(c->source, source)};
    counter_add(count_ended[why], 1);
    log_limited(&ended, CMP_NONE, texts[why], fields, 2, "connection ended: %s", texts[why]);
    cut(c);
}

/* ---- what HTTP/2 requests there are ---- */

static bool is_set(const struct timeval *t)
{
    return t->tv_sec != 0;
}

static int64_t age_ms(const struct timeval *since, const struct timeval *now)
{
    return ((int64_t)now->tv_sec - since->tv_sec) * 1000 + (now->tv_usec - since->tv_usec) / 1000;
}

/* libh2o's stamps are the wall clock's: when that is set, they are set along. */
static void shift(struct timeval *t, int64_t by_ms)
{
    if (is_set(t)) {
        t->tv_sec += by_ms / 1000;
    }
}

static bool is_whole(const h2o_req_t *req)
{
    return is_set(&req->processed_at.at);
}

/* Octets of the answer, as far as they are known. */
static size_t answer_octets(const h2o_req_t *req)
{
    return req->res.content_length != SIZE_MAX ? req->res.content_length : 0;
}

static void look_at_unfinished(connection *c, h2o_req_t *req, const struct timeval *now)
{
    const int64_t limit_ms = (int64_t)c->sw->limits.request_timeout_ms;
    c->unfinished++;
    if (!is_set(&req->timestamps.request_begin_at)) { /* its header block is not whole */
        req->timestamps.request_begin_at = *now;
    }
    if (age_ms(&req->timestamps.request_begin_at, now) >= limit_ms) {
        end(c, LATE);
    }
}

static void look_at_answered(connection *c, const h2o_req_t *req, const struct timeval *now)
{
    const size_t octets = answer_octets(req);
    const int64_t limit_ms =
        (int64_t)c->sw->limits.write_timeout_ms + (int64_t)(octets / TAKE_MIN) * 1000;
    c->untaken += octets;
    if (age_ms(&req->timestamps.response_start_at, now) >= limit_ms) {
        end(c, UNREAD);
    }
}

int sweep_request(h2o_req_t *req, void *sw)
{
    const struct timeval *now = h2o_get_timestamp(&((server_worker *)sw)->context, NULL, NULL);
    connection *c = connection_of(req->conn);
    c->streams++;
    if (!is_whole(req)) {
        look_at_unfinished(c, req, now);
    } else if (is_set(&req->timestamps.response_start_at)) {
        look_at_answered(c, req, now);
    }
    return 0;
}

void sweep_visit_begin(connection *c)
{
    c->streams = c->unfinished = 0;
    if (c->metered != NULL || !h2o_socket_is_writing(c->socket)) {
        c->untaken = 0;
    }
}

/* ---- the wall clock ---- */

static int64_t wall_ahead_ms(const struct timeval *wall, uint64_t now_ms)
{
    return (int64_t)wall->tv_sec * 1000 + wall->tv_usec / 1000 - (int64_t)now_ms;
}

static int shift_request(h2o_req_t *req, void *jump_ms)
{
    shift(&req->timestamps.request_begin_at, *(const int64_t *)jump_ms);
    shift(&req->timestamps.response_start_at, *(const int64_t *)jump_ms);
    return 0;
}

/* How far the wall clock has gone beside the other one since the last look is how far the stamps of
 * all requests are wrong. */
static void look_at_clock(server_worker *sw)
{
    const struct timeval *wall = h2o_get_timestamp(&sw->context, NULL, NULL);
    const int64_t ahead_ms = wall_ahead_ms(wall, server_now_ms(sw));
    int64_t jump_ms = ahead_ms - sw->wall_ahead_ms;
    sw->wall_ahead_ms = ahead_ms;
    if (jump_ms > CLOCK_JUMP_MS || jump_ms < -CLOCK_JUMP_MS) {
        sw->config.http2.callbacks.foreach_request(&sw->context, shift_request, &jump_ms);
    }
}

/* ---- memory ---- */

static void end_held(connection *c, bool source)
{
    refusal_count(REFUSAL_HELD);
    end(c, source ? HELD_SOURCE : HELD);
}

static void account(connection *c, size_t octets)
{
    if (held_add(c, octets)) {
        c->sw->held.too_much = true;
    }
}

void sweep_received(connection *c, size_t octets)
{
    c->received += octets;
    account(c, octets);
}

void sweep_answered(connection *c, size_t octets)
{
    c->untaken += octets;
    account(c, octets);
}

/* All connections in one turn: what comes meanwhile must not be as much as they hold already. No
 * more often than once a turn, in which no more can have come than the kernel held for us. */
void sweep_turn_end(server_worker *sw)
{
    if (!sw->held.too_much) {
        return;
    }
    look_at_clock(sw);
    for (connection *c = sw->connections; c != NULL; c = c->next) {
        sweep_visit_begin(c);
    }
    sw->config.http2.callbacks.foreach_request(&sw->context, sweep_request, sw);
    sw->held.too_much = held_look(sw, end_held);
}

/* ---- time ---- */

/* Octets that the client's kernel has taken; 0 where nobody counts them. libh2o's bytes_written
 * counts what it was given to write, whoever takes it. */
static uint64_t octets_taken(const connection *c)
{
    struct tcp_info info = {0};
    socklen_t size = sizeof(info);
    const int got = getsockopt(h2o_socket_get_fd(c->socket), IPPROTO_TCP, TCP_INFO, &info, &size);
    return got == 0 ? info.tcpi_bytes_acked : 0;
}

/* Something waits to be written: within each write_timeout enough of it has to go. */
static void look_at_writing(connection *c, uint64_t now_ms)
{
    const uint64_t limit_ms = c->sw->limits.write_timeout_ms;
    if (!h2o_socket_is_writing(c->socket)) {
        c->writing_since_ms = 0;
        return;
    }
    if (c->writing_since_ms == 0) {
        c->writing_since_ms = now_ms;
        c->taken = octets_taken(c);
    } else if (now_ms - c->writing_since_ms >= limit_ms) {
        const uint64_t taken = octets_taken(c);
        if (taken - c->taken < TAKE_MIN * limit_ms / 1000) {
            end(c, UNREAD);
        }
        c->writing_since_ms = now_ms;
        c->taken = taken;
    }
}

static void close_idle(connection *c)
{
    counter_add(count_idle, 1);
    cut(c);
}

/* A request is whole when its handler is called; its time begins when the one before was answered.
 */
static void look_at_http1(connection *c, uint64_t now_ms)
{
    if (c->active > 0 || h2o_socket_is_writing(c->socket)) {
        c->last_ms = now_ms;
    } else if (now_ms - c->last_ms >= c->sw->limits.request_timeout_ms) {
        if (c->socket->input->size > 0) {
            end(c, LATE);
        } else {
            close_idle(c);
        }
    }
}

static void look_at_http2(connection *c, uint64_t now_ms)
{
    if (c->streams > 0) {
        c->last_ms = now_ms;
    } else if (now_ms - c->last_ms >= c->sw->limits.request_timeout_ms + IDLE_GRACE_MS) {
        close_idle(c);
    }
}

uint64_t sweep_pause_ms(const server_worker *sw)
{
    const server_limits *l = &sw->limits;
    const uint64_t shortest =
        l->request_timeout_ms < l->write_timeout_ms ? l->request_timeout_ms : l->write_timeout_ms;
    const uint64_t ms = shortest / TICKS;
    return ms < TICK_MIN_MS ? TICK_MIN_MS : ms > TICK_MAX_MS ? TICK_MAX_MS : ms;
}

void sweep_begin(server_worker *sw)
{
    look_at_clock(sw);
}

void sweep_visit(connection *c)
{
    const uint64_t now_ms = server_now_ms(c->sw);
    if (c->stage == GATE_OPEN && !c->cut) {
        look_at_writing(c, now_ms);
        if (c->metered != NULL) {
            look_at_http2(c, now_ms);
        } else {
            look_at_http1(c, now_ms);
        }
    }
    if (held_settle(c)) {
        end_held(c, false);
    }
}

void sweep_end(server_worker *sw)
{
    sw->held.too_much = held_judge(sw, end_held) || sw->held.too_much;
}

void sweep_start(server_worker *sw)
{
    struct timeval wall;
    gettimeofday(&wall, NULL); /* libh2o's is not read before the first turn */
    sw->wall_ahead_ms = wall_ahead_ms(&wall, server_now_ms(sw));
}
