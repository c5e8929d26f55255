/* SPDX-License-Identifier: Apache-2.0 */
/* What one client may spend on HTTP/2, counted in front of libh2o, which counts nothing.
 *
 * It walks the frames that libh2o is about to parse, looks at their heads alone, and cuts out those
 * that say nothing to a server like this one: unknown ones and PRIORITY (RFC 9113, 5.3.2). What a
 * header block becomes is bounded where it is decoded (hpack.h).
 *
 * To a body that is too long libh2o says REFUSED_STREAM, which asks the client to try again. So a
 * body is made to end in front of libh2o, one frame after it has gone over: then its request can be
 * answered. */
#pragma once

#include <cmp/base.h>

/* Why a connection ends. */
typedef enum meter_verdict {
    METER_GOOD,
    METER_FRAMES,   /* too many frames that carry nothing */
    METER_RESETS,   /* too many streams were reset, by either side */
    METER_BLOCK,    /* a header block of too many octets or frames */
    METER_FIELDS,   /* one that decodes to too much: hpack.h */
    METER_PROTOCOL, /* a header block goes on on another stream, which libh2o would not mind */
    METER_VERDICTS
} meter_verdict;

/* An allowance: so many at once, and so many an hour. */
typedef struct meter_allowance {
    uint64_t burst, per_hour;
} meter_allowance;

typedef struct meter_limits {
    meter_allowance frames, resets;
    uint64_t block_bytes;
    unsigned continuations; /* of one header block */
    uint64_t body_bytes;    /* beyond which a body is made to end; below 4 GiB */
} meter_limits;

#define METER_FRAME_MAX ((size_t)16384) /* libh2o ends a connection for a longer one */

/* A body that is not whole. Whose place another takes is counted from 0 again; libh2o's own limit
 * remains. */
#define METER_BODIES 128 /* more than libh2o allows streams at a time */
typedef struct meter_body {
    uint32_t stream;
    uint32_t octets; /* UINT32_MAX: libh2o has been told of its end */
} meter_body;

/* One connection's. Starts as zeros, at the preface. */
typedef struct meter {
    uint64_t at_ms;          /* of the last octets */
    uint64_t frames, resets; /* what is taken of the allowances (meter.c: UNIT) */

    /* the frame that is being read */
    uint32_t left; /* octets of its payload still to come */
    uint32_t stream;
    uint8_t head[9], head_size; /* 9: complete */
    uint8_t preface_size;       /* 24: complete */
    bool cut;                   /* its payload, and its head */
    bool ends;                  /* its head stays, as the end of its stream */
    bool padded;                /* the next octet says how much of it is padding */

    /* the header block that is being read */
    uint32_t block_stream; /* 0: none is */
    uint32_t settled;      /* the same, as far as libh2o can know: before an unfinished frame */
    uint64_t block_bytes;
    unsigned continuations;

    /* which streams were opened just now, and which before */
    uint32_t newest, marked, old; /* those up to `old` are older than METER_YOUNG_MS */
    uint64_t marked_ms;

    meter_body bodies[METER_BODIES]; /* by their streams' numbers */

    uint32_t cut_count, reset_count; /* for counters, whose owner zeroes them */
    uint64_t body_cut;               /* octets of DATA in all, for which libh2o opens no window */
} meter;

#define METER_YOUNG_MS 500

/* Reads `size` octets that have just come, at `at`, and closes the gaps of frames that are cut out.
 * The head of such a frame may have begun before `at`: those octets still lie there, as libh2o
 * could do nothing with them, and may be changed. `*kept` is how much of it all libh2o gets, from
 * `at` on; down to -8 when octets before `at` are taken back. Unless the verdict is METER_GOOD,
 * that is what came before the frame that was too much, and what it asks for is meter_refusal.
 * `now_ms` only goes on.
 */
meter_verdict meter_read(meter *m, const meter_limits *limits, uint8_t *at, size_t size,
                         uint64_t now_ms, ptrdiff_t *kept);

/* Whether all of the client's preface has come. */
bool meter_has_preface(const meter *m);

/* Streams that libh2o has just reset because of what this client sent. */
meter_verdict meter_add_resets(meter *m, const meter_limits *limits, uint64_t count);

/* Octets that have been written to this client: whoever takes much may say much about windows. */
void meter_add_written(meter *m, uint64_t octets);

/* Writes the frame with which libh2o ends the connection as the verdict wants it, and returns its
 * size: it is to come behind what was kept. libh2o answers PRIORITY on an idle stream with
 * ENHANCE_YOUR_CALM, as long as its max_streams_for_priority is 0, and a client's PUSH_PROMISE with
 * PROTOCOL_ERROR. Inside a header block only its end will do, which the decoder must then refuse
 * (hpack_refuse). */
#define METER_REFUSAL_MAX 14
size_t meter_refusal(const meter *m, meter_verdict v, uint8_t frame[METER_REFUSAL_MAX]);

const char *meter_verdict_text(meter_verdict v);
