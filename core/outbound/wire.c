/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a connection once it stands: taking calls, reading, writing, idling, and its end. */
#include "outbound/wire.h"

#include <stdlib.h>

void wire_timer_stop(wire *w)
{
    if (w->timer != NULL) {
        loop_timer_stop(w->timer);
        w->timer = NULL;
    }
}

void wire_hang_up(wire *w)
{
    /* Tells no call that its stream has gone: wire_lost has ended them before. */
    nghttp2_session_del(w->h2);
    w->h2 = NULL;
    w->alert = NULL;
    w->peer_closed = w->garbage = w->rejected_us = false;
    if (w->socket != NULL) {
        /* Closing may call back once more, for an alert: there is no wire by then. */
        w->socket->data = NULL;
        h2o_socket_close(w->socket);
        w->socket = NULL;
    }
}

void wire_free(wire *w)
{
    TAILQ_REMOVE(&w->lane->wires, w, entry);
    if (w->flushing) {
        TAILQ_REMOVE(&w->lane->owner->flushes, w, flush_entry);
    }
    wire_timer_stop(w);
    wire_hang_up(w);
    lane_wake(w->lane);
    free(w);
}

void wire_lost(wire *w, cmp_https_result result, const char *detail, bool failure)
{
    /* First: wire_release must not have a wire that loses its last call flushed, or idle. */
    w->state = WIRE_GONE;
    if (failure) {
        lane_count_failure(w->lane, detail);
    }
    while (!TAILQ_EMPTY(&w->calls)) {
        outbound_call *c = TAILQ_FIRST(&w->calls);
        if (c->sent) {
            call_finish(c, result, detail);
        } else {
            call_unprocessed(c, detail);
        }
    }
    wire_free(w);
}

/* What a read or write error means for what is under way. */
static void wire_ended(wire *w, const char *detail)
{
    if (w->alert != NULL) {
        detail = w->alert;
    }
    if (w->state != WIRE_READY) {
        wire_connect_failed(w, detail);
        return;
    }
    if (w->h2 == NULL && h1_end(w)) {
        return;
    }
    if (w->rejected_us && w->reads == 0) {
        /* Under TLS 1.3 a server refuses our certificate after we have begun to send. */
        for (outbound_call *c = TAILQ_FIRST(&w->calls); c != NULL; c = TAILQ_NEXT(c, entry)) {
            c->sent = false;
        }
    }
    wire_lost(w, CMP_HTTPS_BROKEN, detail, w->call_count > 0);
}

/* One timer is left alone while calls come and go, and looks how long it has really been: cheaper
 * than setting one for every call. */
static void on_idle(void *arg)
{
    wire *w = arg;
    w->timer = NULL;
    if (w->call_count > 0) {
        return; /* set again when it falls idle */
    }
    const uint64_t idle_ms = clock_monotonic_ms() - w->idle_since_ms;
    if (idle_ms >= w->lane->origin->idle_timeout_ms) {
        wire_lost(w, CMP_HTTPS_BROKEN, NULL, false);
        return;
    }
    const uint64_t rest = w->lane->origin->idle_timeout_ms - idle_ms;
    w->timer = loop_timer_start(w->lane->owner->loop, rest, on_idle, w);
}

void wire_idle(wire *w)
{
    w->idle_since_ms = clock_monotonic_ms();
    if (w->timer == NULL) {
        const uint64_t delay = w->lane->origin->idle_timeout_ms;
        w->timer = loop_timer_start(w->lane->owner->loop, delay, on_idle, w);
    }
}

unsigned wire_capacity(const wire *w)
{
    return w->h2 != NULL ? h2_stream_limit(w) : 1;
}

bool wire_has_room(const wire *w)
{
    /* h2o_socket_write takes one write at a time. */
    return w->state == WIRE_READY && !w->draining && !h2o_socket_is_writing(w->socket) &&
           w->call_count < wire_capacity(w);
}

void wire_take(wire *w, outbound_call *c)
{
    c->wire = w;
    c->reads = w->reads;
    TAILQ_INSERT_TAIL(&w->calls, c, entry);
    w->call_count++;
    if (w->h2 != NULL) {
        h2_take(w, c);
    } else {
        h1_take(w, c);
    }
}

void wire_release(wire *w, outbound_call *c)
{
    TAILQ_REMOVE(&w->calls, c, entry);
    w->call_count--;
    c->wire = NULL;
    if (w->call_count > 0 || w->state == WIRE_GONE) {
        return;
    }
    if (w->draining) {
        wire_want_flush(w);
    } else {
        wire_idle(w);
    }
}

/* A slow answer does not mean a dead connection: a relay may be waiting for somebody else. */
void wire_call_late(wire *w, outbound_call *c)
{
    if (w->h2 != NULL && c->sent && c->reads == w->reads) {
        h2_ping(w);
        c->pinged = true;
    }
}

void wire_call_timed_out(wire *w, outbound_call *c)
{
    const bool silent = c->sent && c->reads == w->reads;
    const bool dead = silent && (w->h2 == NULL || c->pinged);
    const bool http2 = w->h2 != NULL;
    if (http2) {
        h2_forget(w, c);
    }
    call_finish(c, CMP_HTTPS_TIMEOUT, silent ? "nothing came back" : "no whole answer in time");
    /* HTTP/1.1 has no way to give up an answer: the next call would get it. */
    if (dead || !http2) {
        wire_lost(w, CMP_HTTPS_BROKEN, "the connection gave no sign of life", dead);
    }
}

void wire_want_flush(wire *w)
{
    if (!w->flushing) {
        w->flushing = true;
        TAILQ_INSERT_TAIL(&w->lane->owner->flushes, w, flush_entry);
        outbound_wake(w->lane->owner);
    }
}

static void on_written(h2o_socket_t *socket, const char *error)
{
    wire *w = socket->data;
    if (error != NULL) {
        wire_ended(w, error);
        return;
    }
    if (w->h2 != NULL && nghttp2_session_want_write(w->h2)) {
        wire_want_flush(w);
    }
    if (w->lane->waiting_count > 0) {
        lane_wake(w->lane);
    }
}

void wire_write(wire *w, h2o_iovec_t *parts, size_t count)
{
    h2o_socket_write(w->socket, parts, count, on_written);
}

/* Nothing more can come of this connection. */
static bool wire_is_over(const wire *w)
{
    return (w->draining && w->call_count == 0) || (w->h2 != NULL && h2_ended(w));
}

void wire_flush(wire *w)
{
    outbound *o = w->lane->owner;
    if (w->h2 != NULL && !h2o_socket_is_writing(w->socket)) {
        o->scratch_size = 0;
        h2_fill(w);
        if (o->scratch_size > 0) {
            h2o_iovec_t part = h2o_iovec_init(o->scratch, o->scratch_size);
            wire_write(w, &part, 1);
        }
    }
    if (!wire_is_over(w)) {
        return;
    }
    const bool garbage = w->garbage;
    const char *detail = garbage ? "the server broke the protocol" : "the server ended HTTP/2";
    if (w->state != WIRE_READY) {
        wire_connect_failed(w, detail);
    } else {
        wire_lost(w, garbage ? CMP_HTTPS_BAD_ANSWER : CMP_HTTPS_BROKEN, detail,
                  garbage || w->call_count > 0);
    }
}

static void on_read(h2o_socket_t *socket, const char *error)
{
    wire *w = socket->data;
    if (socket->input->size > 0) {
        /* TLS's own messages, such as new tickets, are no sign that anybody works there. */
        w->reads++;
        if (!(w->h2 != NULL ? h2_input(w) : h1_input(w))) {
            return;
        }
    }
    /* h2o reports neither TLS's close nor a fatal alert as an error. */
    if (error != NULL || w->peer_closed || w->alert != NULL) {
        wire_ended(w, error != NULL ? error : "the server closed the connection");
    }
}

void wire_read_start(wire *w)
{
    h2o_socket_read_start(w->socket, on_read);
    if (w->socket->input->size > 0) {
        on_read(w->socket, NULL); /* came together with the end of the handshake */
    }
}
