/* SPDX-License-Identifier: Apache-2.0 */
/* One connection to an origin: made in connect.c, kept in wire.c, spoken on in h2.c or h1.c. */
#pragma once

#include "base/h1_chunks.h"
#include "outbound/h1_read.h"
#include "outbound/internal.h"

#include <nghttp2/nghttp2.h>

typedef enum wire_state {
    WIRE_RESOLVING,
    WIRE_CONNECTING,
    WIRE_HANDSHAKE,
    WIRE_GREETING, /* h2: until the server's settings are there */
    WIRE_READY,
    WIRE_GONE, /* being taken apart */
} wire_state;

typedef enum h1_part {
    H1_PART_HEAD,
    H1_PART_LENGTH,
    H1_PART_CHUNKED,
    H1_PART_UNTIL_CLOSE,
} h1_part;

struct wire {
    TAILQ_ENTRY(wire) entry; /* of the lane */
    TAILQ_ENTRY(wire) flush_entry;
    bool flushing; /* in outbound.flushes */
    lane *lane;
    uint64_t id;
    wire_state state;
    bool probe;
    bool draining;     /* takes no more calls, is closed when the last one ends */
    bool garbage;      /* the server broke the protocol */
    bool peer_closed;  /* TLS close_notify came */
    const char *alert; /* the server's fatal TLS alert; NULL: none */
    bool rejected_us;  /* that alert is about our certificate */
    h2o_socket_t *socket;
    cmp_timer *timer; /* connecting: this address's share; ready: idle */
    uint64_t connect_until_ms;
    uint64_t idle_since_ms;
    unsigned address_next, addresses_left;
    const char *failure; /* of the address that was tried last */
    uint64_t reads;      /* that brought something */
    struct call_list calls;
    unsigned call_count;

    nghttp2_session *h2; /* NULL: HTTP/1.1 */
    bool pinging;

    h1_part part;
    size_t scanned;
    uint64_t left;
    bool keep;
    h1_chunks chunks;
};

/* connect.c. Begins a connection. False when it failed at once (what there was to tell is told). */
bool wire_open(lane *l, bool probe);
void wire_resolved(wire *w, const char *failure);
void wire_on_tls_info(const SSL *ssl, int where, int value);

/* The connection could not be made: tells the lane and frees the wire. */
void wire_connect_failed(wire *w, const char *detail);

/* It can carry calls now. */
void wire_ready(wire *w);

/* wire.c. Frees a wire. What was sent on it ends with `result`, what was not is tried elsewhere.
 * `failure`: the circuit counts it. */
void wire_lost(wire *w, cmp_https_result result, const char *detail, bool failure);

/* Takes the wire out of its lane and frees it; no call is left on it. */
void wire_free(wire *w);

bool wire_has_room(const wire *w);
unsigned wire_capacity(const wire *w);

/* Sends a call; for call_put_on. */
void wire_take(wire *w, outbound_call *c);

/* A call has left the wire. */
void wire_release(wire *w, outbound_call *c);

/* Half of a call's time is over; and all of it. */
void wire_call_late(wire *w, outbound_call *c);
void wire_call_timed_out(wire *w, outbound_call *c);

void wire_want_flush(wire *w);
void wire_flush(wire *w);
void wire_read_start(wire *w);
void wire_write(wire *w, h2o_iovec_t *parts, size_t count);

/* Nothing is under way: it is closed when that lasts. */
void wire_idle(wire *w);

/* Closes the socket, and ends what was spoken on it. */
void wire_hang_up(wire *w);
void wire_timer_stop(wire *w);

/* h2.c */
void h2_start(wire *w);
void h2_take(wire *w, outbound_call *c);
CMP_MUST_USE bool h2_input(wire *w); /* false: the wire is gone */
void h2_fill(wire *w);               /* puts what is to be written into the scratch */
bool h2_ended(const wire *w);
void h2_forget(wire *w, outbound_call *c); /* its answer is no longer wanted */
void h2_ping(wire *w);
unsigned h2_stream_limit(const wire *w);
void *h2_callbacks_create(void);
void h2_callbacks_destroy(void *callbacks);

/* h1.c */
void h1_take(wire *w, outbound_call *c);
CMP_MUST_USE bool h1_input(wire *w); /* false: the wire is gone */
bool h1_end(wire *w);                /* the server has closed: true when that ended an answer */
