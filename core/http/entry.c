/* SPDX-License-Identifier: Apache-2.0 */
/* Who gets in: between the listening sockets and TLS. The gate, the sources and the crowd have
 * their say; then it waits for its turn. */
#include "http/entry.h"

#include "base/clock.h"
#include "http/balancer.h"
#include "http/connection.h"
#include "http/crowd.h"
#include "http/entrance.h"
#include "http/handshake.h"
#include "http/held.h"

#include <sys/socket.h>
#include <unistd.h>

#define STRANGERS_MAX 4

/* ---- who is let in ---- */

/* Makes one connection that is idle leave for a new one: of one source, or of any. */
static bool make_room(entrance *e, const uint8_t *source)
{
    connection *c = crowd_weakest(&e->crowd, source, server_now_ms(e->sw));
    if (c == NULL) {
        return false;
    }
    gate_tell(e->gate, GATE_DISPLACED, c->source);
    /* Now, not when it has closed: the place is for the one that waits for it. */
    connection_give_up_place(c);
    if (c->stage == GATE_OPEN) {
        shutdown(h2o_socket_get_fd(c->socket), SHUT_RDWR); /* h2o's protocol has it, and closes */
    } else {
        h2o_socket_close(c->socket);
    }
    return true;
}

/* Whether a source may have one more; `entry` says from when on. */
static bool admit(entrance *e, const uint8_t source[16], sources_entry *entry)
{
    const server_worker *sw = e->sw;
    sources *all = e->sources;
    *entry = (sources_entry){.wait_ms = 0};
    if (all == NULL || listener_has_balancer(e->listener, source)) {
        return true;
    }
    const int64_t now_us = clock_monotonic_us();
    const int64_t patience_ms = (int64_t)sw->limits.handshake_timeout_ms / 2;
    const sources_verdict verdict = sources_enter(all, source, now_us, patience_ms, entry);
    if (verdict == SOURCES_TOO_FAST) {
        gate_tell(e->gate, GATE_FAST, source);
        return false;
    }
    if (verdict == SOURCES_TOO_MANY && !make_room(e, source)) {
        gate_tell(e->gate, GATE_MANY, source);
        sources_leave(all, source);
        return false;
    }
    return true;
}

/* ---- what becomes of it then ---- */

static void begin(connection *c)
{
    c->last_ms = server_now_ms(c->sw);
    if (c->entrance->tls != NULL) {
        connection_move(c, GATE_HANDSHAKE);
    } else {
        connection_is_open(c);
    }
    handshake_start(c);
}

static void on_pace(void *arg)
{
    connection *c = arg;
    c->entry_timer = NULL;
    begin(c);
}

static void await_turn(connection *c, int64_t wait_ms, void (*then)(void *arg))
{
    if (c->stage != GATE_TURN) {
        gate_tell(c->entrance->gate, GATE_WAITED, c->source);
        connection_move(c, GATE_TURN);
    }
    c->entry_timer = loop_timer_start(c->sw->worker->loop, (uint64_t)wait_ms, then, c);
}

/* Handshakes begin at the listener's pace. It is asked for when nothing else is waited for: one
 * source whose turns lie in the future must not have used it up for the others. */
static void on_turn(void *arg)
{
    connection *c = arg;
    const server_worker *sw = c->sw;
    int64_t wait_ms = 0;
    c->entry_timer = NULL;
    if (c->entrance->tls != NULL && !entrance_ends(c->entrance)) {
        wait_ms = rate_reserve(&c->entrance->handshakes, clock_monotonic_us(),
                               (int64_t)sw->limits.handshake_timeout_ms / 2);
    }
    if (wait_ms < 0) {
        gate_tell(c->entrance->gate, GATE_BUSY, c->source);
        h2o_socket_close(c->socket);
    } else if (wait_ms > 0) {
        await_turn(c, wait_ms, on_pace);
    } else {
        begin(c);
    }
}

/* It is let in, but not before its source's turn, and its listener's. Nothing is read until then: a
 * handshake is the dearest thing that a stranger can ask for. */
static void enter(connection *c, int64_t wait_ms)
{
    gate_tell(c->entrance->gate, GATE_ACCEPTED, c->source);
    crowd_add(&c->entrance->crowd, c);
    if (!listener_has_balancer(c->entrance->listener, c->source)) { /* which stands for many */
        held_source_known(c);
    }
    /* At the end there is no time to wait for a turn: who was in the kernel's queue is served at
     * once. */
    if (wait_ms > 0 && !entrance_ends(c->entrance)) {
        await_turn(c, wait_ms, on_turn);
    } else {
        on_turn(c);
    }
}

/* A place at the gate, if need be of one who is idle. */
static bool place(entrance *e, const uint8_t source[16])
{
    if (gate_enter(e->gate) || (make_room(e, NULL) && gate_enter(e->gate))) {
        return true;
    }
    gate_tell(e->gate, GATE_FULL, source);
    return false;
}

/* Its source is known now, by its balancer. */
static void on_header(connection *c)
{
    sources_entry entry;
    if (!admit(c->entrance, c->source, &entry)) {
        h2o_socket_close(c->socket);
        return;
    }
    c->counted = entry.counted;
    enter(c, entry.wait_ms);
}

/* Who has no right there may come in only to be told so: a few at a time, so that no crowd of them
 * keeps out those who have one. */
static bool is_stranger(const entrance *e, int fd)
{
    return e->knows != NULL && !e->knows(e->sw->worker->tenure->generation, fd);
}

void entry_open(entrance *e, int fd, const endpoint *from)
{
    uint8_t source[16];
    sources_entry entry = {.wait_ms = 0};
    endpoint_octets(from, source);
    const bool stranger = is_stranger(e, fd);
    if (stranger && e->strangers >= STRANGERS_MAX) {
        gate_tell(e->gate, GATE_MANY, source);
        close(fd);
        return;
    }
    /* The balancer's address is let in without a limit: the client's own is asked for when its
     * header has told. */
    const bool header = e->listener->conf->balancers.by == CONF_BALANCERS_PROXY &&
                        listener_has_balancer(e->listener, source);
    if (!header && !admit(e, source, &entry)) {
        close(fd);
        return;
    }
    if (!place(e, source)) {
        if (entry.counted) {
            sources_leave(e->sources, source);
        }
        close(fd);
        return;
    }
    connection *c = connection_make(e, fd, source, entry.counted);
    c->stranger = stranger;
    e->strangers += stranger;
    if (header) {
        balancer_await(c, on_header);
    } else {
        enter(c, entry.wait_ms);
    }
}
