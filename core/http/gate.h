/* SPDX-License-Identifier: Apache-2.0 */
/* How many connections there may be: a gate for each listener, with a share that is its own, and
 * what is left in common. Also what became of them, in numbers and in the log. For all workers, and
 * from one configuration to the next: a gate belongs to a listener's name. */
#pragma once

#include "conf/conf.h"
#include "peers/sources.h"

typedef struct gate gate;
typedef struct gates gates;

/* Where a connection stands. */
typedef enum gate_stage {
    GATE_HEADER,    /* a balancer has to say whose it is */
    GATE_TURN,      /* it waits for its source's turn, or for the listener's */
    GATE_HANDSHAKE, /* TLS */
    GATE_OPEN,
    GATE_STAGES
} gate_stage;

extern const char *const gate_stage_names[]; /* by gate_stage */

/* X(enumerator, counter's name, help, words of the log line or NULL) */
#define GATE_EVENTS(X)                                                                             \
    X(ACCEPTED, "accepted", "connections that were let in", NULL)                                  \
    X(WAITED, "waited", "connections that had to wait for their turn", NULL)                       \
    X(DISPLACED, "displaced", "connections without a request that gave way to new ones",           \
      "closed while it was idle, for a new one: there are as many as may be")                      \
    X(FULL, "refused_full", "connections refused as the listener had none left",                   \
      "refused: all connections of the listener, and those for all, are in use")                   \
    X(MANY, "refused_many", "connections refused as their address had too many",                   \
      "refused: this address has as many as it may")                                               \
    X(FAST, "refused_fast", "connections refused as their address opened too many a time",         \
      "refused: this address opens them too fast")                                                 \
    X(BUSY, "refused_busy", "connections refused as too many waited for their handshake",          \
      "refused: too many wait for their handshake")                                                \
    X(HEADER_BAD, "refused_header", "connections of balancers refused for their PROXY header",     \
      "of a balancer refused: it does not begin with a PROXY header")                              \
    X(HEADER_LATE, "late_header", "connections of balancers without a PROXY header in time",       \
      "of a balancer closed: no PROXY header came in time")

typedef enum gate_event {
#define X(name, word, help, text) GATE_##name,
    GATE_EVENTS(X)
#undef X
        GATE_EVENT_COUNT
} gate_event;

/* The admin socket's gate, and no other yet. */
gates *gates_create(void);
void gates_destroy(gates **g);

/* A gate for each listener of the configuration: the one that there is for its name, or a new one.
 * `connections_max` are for all listeners together. Gates of other names keep nothing for
 * themselves, and go when nobody uses them any more. Control thread. */
void gates_configure(gates *g, const conf *c, int64_t connections_max);

/* The gate of a listener, for the caller to use until gate_unref; one that is configured no longer
 * has no share. Any thread, here and below. */
gate *gate_ref(gates *g, const char *listener);
gate *gate_ref_admin(gates *g);
void gate_unref(gate **g);

/* What one address may there; lives as long as the gate. NULL when it never was configured. */
sources *gate_sources(const gate *g);

/* Takes a place for a connection: of the gate's share, then of those in common. False: none is
 * free. It is in GATE_HEADER at first, by gate_move in others: without TLS the stage of handshakes
 * is skipped. */
bool gate_enter(gate *g);
void gate_leave(gate *g, gate_stage stage);
void gate_move(gate *g, gate_stage from, gate_stage to);

/* Counts it, and says it in the log: once a minute at most for each listener and event. */
void gate_tell(const gate *g, gate_event event, const uint8_t source[16]);

/* For those who ask: how things stand now. */
typedef struct gate_state {
    const char *listener;
    int64_t share;
    int64_t stages[GATE_STAGES];
} gate_state;

/* Connections that all listeners have together, and may have; without the admin socket's. */
typedef struct gates_taken {
    int64_t used, max;
} gates_taken;

gates_taken gates_taken_get(gates *g);

/* In the configuration's order, then those whose last connections have not ended, then the admin
 * socket's. */
void gates_each(gates *g, void (*visit)(const gate_state *state, void *arg), void *arg);
