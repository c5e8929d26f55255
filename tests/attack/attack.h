/* SPDX-License-Identifier: Apache-2.0 */
/* What all attacks share: connections to one server on loopback, frames, and the count of what came
 * of them. An attack is a row; what it does is its `turn`, which is asked whenever a connection has
 * sent all that it had to send. */
#pragma once

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum carriage {
    CARRY_TCP, /* no TLS: what a turn appends goes out as it is */
    CARRY_TLS, /* no protocol is offered, and none spoken */
    CARRY_H1,
    CARRY_H2, /* preface and SETTINGS are sent before the first turn */
} carriage;

typedef struct client client;

typedef struct attack {
    const char *name;
    const char *help;
    carriage carriage;
    unsigned connections; /* at a time, unless the command line says otherwise */
    bool reconnects;      /* a connection that ended is followed by another one */
    bool deaf;            /* never reads */
    bool no_window;       /* h2: SETTINGS_INITIAL_WINDOW_SIZE is 0 */
    unsigned turn_ms;     /* between two turns; 0: as soon as all has been sent */
    /* Appends what is to be sent next; nothing: it is asked again after the next answer, or when
     * turn_ms are over. False: there will be no more, and the connection is held. */
    bool (*turn)(client *c);
} attack;

/* What the command line says of the requests that an attack makes. */
typedef struct request_words {
    const char *authority;
    const char *target; /* path and query */
    const char *body;   /* NULL: the attack's own */
    size_t body_size;
    const char *header_name, *header_value; /* NULL: none; the name in small letters */
} request_words;

extern request_words words;

typedef enum client_state {
    CLIENT_CLOSED,
    CLIENT_CONNECTING,
    CLIENT_SHAKING_HANDS,
    CLIENT_OPEN,
} client_state;

struct client {
    const attack *attack;
    client_state state;
    unsigned index; /* which of the connections that were opened: 0, 1, … */
    unsigned step;  /* how many turns it has had */
    /* HTTP: */
    uint32_t next_stream;
    unsigned open_streams; /* requests without an answer */
    unsigned answers;
    unsigned answers_max;  /* more than these are a hidden request; 0: nobody looks */
    int64_t window;        /* what DATA may still be sent on the connection, */
    int64_t stream_window; /* and on a new stream */
    size_t unread;         /* octets of DATA that the server has no window for again yet */
    size_t body_left;      /* of the request that is being sent */
    bool leave;            /* a turn sets it: reset the connection when all has been sent */

    /* The engine's own. */
    int fd;
    SSL *ssl;
    bool finished, wants_write;
    uint64_t opened_ms, due_ms;
    uint8_t *out;
    size_t out_size, out_room, out_at;
    uint8_t *in; /* of h2: the frame that is coming */
    size_t in_size;
    unsigned matched; /* of h1: octets of a status line that were seen */
};

typedef struct outcome {
    uint64_t opened;  /* TCP, and TLS where there is one */
    uint64_t refused; /* not even that */
    uint64_t ended;   /* by the server */
    uint64_t goaways, calm, resets, answers, hidden;
    uint64_t octets_sent, octets_received;
    uint64_t longest_ms; /* that a connection lasted which the server ended */
} outcome;

extern outcome total;

/* ---- octets ---- */

void put(client *c, const void *octets, size_t size);
void put_text(client *c, const char *text);

/* ---- frames (RFC 9113, 6) ---- */

enum { DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE };
enum { CONTINUATION = 9 };
enum { ACK = 1, END_STREAM = 1, END_HEADERS = 4 };

#define FRAME_MAX 16384
/* A turn of a flood appends so much: enough to fill the server's buffers, little enough to be fair
 * to the other connections. */
#define FLOOD 16384

void put_frame(client *c, unsigned type, unsigned flags, uint32_t stream, const void *payload,
               size_t size);

/* A 32-bit number as a frame carries it. */
void put_number_frame(client *c, unsigned type, uint32_t stream, uint32_t number);

/* HEADERS of a request with these flags, on a new stream; returns its number. */
uint32_t put_request(client *c, const char *method, unsigned flags);

/* The same with a body's type and size. */
uint32_t put_post(client *c, const char *type, size_t body_size, unsigned flags);

/* A header block over HEADERS and CONTINUATIONs. `flags`: END_STREAM, END_HEADERS of the last. */
void put_block(client *c, uint32_t stream, unsigned flags, const uint8_t *block, size_t size);

/* A header block that changes no table, and so can be sent as often as one wants. Returns its
 * size. */
size_t block_of_request(const char *method, const char *type, size_t body_size, uint8_t *block,
                        size_t room);

void put_preface(client *c);
void h2_receive(client *c, const uint8_t *octets, size_t size);
void h1_receive(client *c, const uint8_t *octets, size_t size);

/* ---- the engine ---- */

typedef struct engine_options {
    const char *host;
    uint16_t port;
    const char *source; /* NULL: whatever the kernel takes */
    unsigned sources;   /* as many addresses from there on, in turn */
    unsigned connections;
    unsigned opens_max; /* connections in all */
    unsigned seconds;
    unsigned until_ended; /* stops when the server has ended so many connections; 0: it does not */
    const uint64_t *wanted; /* of `total`: goes on for a while until it is at_least; NULL: no */
    unsigned at_least;
    bool plain; /* HTTP without TLS */
} engine_options;

/* Runs an attack to its end; what came of it is in `total`. Exits on what cannot work. */
void engine_run(const attack *a, const engine_options *options);

/* ---- the attacks, a file each ---- */

extern const attack hpack_bomb_held, hpack_bomb, hpack_updates;
extern const attack rapid_reset;
extern const attack made_you_reset, made_you_reset_window, made_you_reset_priority;
extern const attack unknown_frames;
extern const attack ping_flood, settings_flood, window_update_flood, priority_flood;
extern const attack empty_data, empty_continuation;
extern const attack continuation_held;
extern const attack pipelining, pipelining_read;
extern const attack connects, silent_connections, half_handshakes, handshakes;
extern const attack key_updates;
extern const attack bodies_held;
extern const attack unread, dribble;
extern const attack json_nested, json_members;
extern const attack slow_head, slow_body, slow_body_h2, idle, idle_pings;
extern const attack bad_signatures, questions;
extern const attack smuggling;
