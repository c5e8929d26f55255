/* SPDX-License-Identifier: Apache-2.0 */
/* See meter.h. */
#include "http/meter.h"

#define PREFACE_BYTES 24
#define HEAD_BYTES    9
#define SMALL_DATA    64 /* octets of a body below which a frame is hardly worth its head */
#define PADDING_MAX   256

/* An allowance is kept in shares, so that both an hour's worth and a millisecond's are whole. */
#define UNIT UINT64_C(3600000)

/* Frames that carry nothing come along with requests and with answers (windows, acknowledgements):
 * each request is worth four of them, and each KiB of answers one. */
#define EARNED_REQUEST (4 * UNIT)
#define OCTETS_A_FRAME 1024

/* Types and flags, by their numbers (RFC 9113, 6). */
enum {
    DATA,
    HEADERS,
    PRIORITY,
    RST_STREAM,
    SETTINGS,
    PUSH_PROMISE,
    PING,
    GOAWAY,
    WINDOW_UPDATE,
    CONTINUATION
};
enum { END_STREAM = 1, END_HEADERS = 4, PADDED = 8 };

static uint64_t without(uint64_t taken, uint64_t units)
{
    return taken > units ? taken - units : 0;
}

static bool take(uint64_t *taken, const meter_allowance *a, uint64_t count)
{
    *taken += count * UNIT;
    return *taken <= a->burst * UNIT;
}

static meter_verdict take_frame(meter *m, const meter_limits *limits)
{
    return take(&m->frames, &limits->frames, 1) ? METER_GOOD : METER_FRAMES;
}

meter_verdict meter_add_resets(meter *m, const meter_limits *limits, uint64_t count)
{
    return take(&m->resets, &limits->resets, count) ? METER_GOOD : METER_RESETS;
}

void meter_add_written(meter *m, uint64_t octets)
{
    m->frames = without(m->frames, octets * UNIT / OCTETS_A_FRAME);
}

/* Gives back what the time that has passed is worth, and lets streams grow old. */
static void pass_time(meter *m, const meter_limits *limits, uint64_t now_ms)
{
    const uint64_t passed = now_ms - m->at_ms;
    if (passed == 0) {
        return;
    }
    m->at_ms = now_ms;
    m->frames = without(m->frames, passed * limits->frames.per_hour);
    m->resets = without(m->resets, passed * limits->resets.per_hour);
    if (passed >= METER_YOUNG_MS) {
        m->marked = m->newest;
    }
    if (now_ms - m->marked_ms >= METER_YOUNG_MS) {
        m->old = m->marked;
        m->marked = m->newest;
        m->marked_ms = now_ms;
    }
}

/* ---- frames ---- */

static uint8_t type_of(const meter *m)
{
    return m->head[3];
}

static bool has_flag(const meter *m, uint8_t flag)
{
    return (m->head[4] & flag) != 0;
}

/* ---- bodies ---- */

#define ENDED UINT32_MAX

static meter_body *place_of(meter *m)
{
    return &m->bodies[m->stream / 2 % METER_BODIES];
}

static void forget_body(meter *m)
{
    if (place_of(m)->stream == m->stream) {
        *place_of(m) = (meter_body){.stream = 0};
    }
}

/* Judged by what came before: of a padded frame only its payload tells what it adds. Trailers
 * behind an end of ours are an error to libh2o, and end the connection after the answer. */
static void count_body(meter *m, const meter_limits *limits)
{
    meter_body *b = place_of(m);
    if (b->stream != m->stream) {
        *b = (meter_body){.stream = m->stream};
    }
    if (b->octets > limits->body_bytes) {
        m->cut = true;
        m->ends = b->octets != ENDED;
        m->body_cut += m->left;
        b->octets = ENDED;
    } else {
        m->padded = has_flag(m, PADDED);
        b->octets += m->left;
    }
    if (has_flag(m, END_STREAM)) {
        forget_body(m);
    }
}

static void take_padding_off(meter *m, uint8_t padding)
{
    meter_body *b = place_of(m);
    m->padded = false;
    if (b->stream == m->stream) {
        const uint32_t size = 1 + (uint32_t)padding;
        b->octets -= size < b->octets ? size : b->octets;
    }
}

/* Makes a frame of DATA the last of its stream, without payload. */
static void make_end(uint8_t head[HEAD_BYTES])
{
    head[0] = head[1] = head[2] = 0;
    head[4] = END_STREAM;
}

/* ---- frames by their kinds ---- */

/* HEADERS open a stream, or end one as trailers do. */
static meter_verdict on_headers(meter *m, const meter_limits *limits)
{
    if (m->stream > m->newest) {
        m->newest = m->stream;
        m->frames = without(m->frames, EARNED_REQUEST);
    }
    if (m->left > limits->block_bytes) {
        return METER_BLOCK;
    }
    if (!has_flag(m, END_HEADERS)) {
        m->block_stream = m->stream;
        m->block_bytes = m->left;
        m->continuations = 0;
    }
    return METER_GOOD;
}

/* Inside a header block. Whatever else comes there, libh2o ends the connection for it. */
static meter_verdict on_continuation(meter *m, const meter_limits *limits)
{
    if (type_of(m) != CONTINUATION) {
        return METER_GOOD;
    }
    if (m->stream != m->block_stream) {
        return METER_PROTOCOL;
    }
    if (m->continuations == limits->continuations ||
        m->block_bytes + m->left > limits->block_bytes) {
        return METER_BLOCK;
    }
    if (m->left == 0 && take_frame(m, limits) != METER_GOOD) {
        return METER_FRAMES;
    }
    m->continuations++;
    m->block_bytes += m->left;
    if (has_flag(m, END_HEADERS)) {
        m->block_stream = 0;
    }
    return METER_GOOD;
}

/* Who cancels what has long been waiting is patient, and bounded by the streams there may be. */
static meter_verdict on_reset(meter *m, const meter_limits *limits)
{
    forget_body(m);
    m->reset_count++;
    const meter_verdict v = m->stream > m->old ? meter_add_resets(m, limits, 1) : METER_GOOD;
    return v == METER_GOOD ? take_frame(m, limits) : v;
}

static bool is_small_data(const meter *m)
{
    const uint32_t padding = has_flag(m, PADDED) ? PADDING_MAX : 0;
    return m->left < SMALL_DATA + padding && !has_flag(m, END_STREAM);
}

static meter_verdict on_data(meter *m, const meter_limits *limits)
{
    if (m->left <= METER_FRAME_MAX) {
        count_body(m, limits);
    }
    return is_small_data(m) ? take_frame(m, limits) : METER_GOOD;
}

/* Judges a frame by its head. Malformed ones are left to libh2o, which ends the connection. */
static meter_verdict judge(meter *m, const meter_limits *limits)
{
    if (m->block_stream != 0) {
        return on_continuation(m, limits);
    }
    switch (type_of(m)) {
    case DATA:
        return on_data(m, limits);
    case HEADERS:
        return on_headers(m, limits);
    case PRIORITY:
        m->cut = m->left == 5 && m->stream != 0;
        return take_frame(m, limits);
    case RST_STREAM:
        return on_reset(m, limits);
    case PUSH_PROMISE:
    case CONTINUATION:
        return METER_GOOD;
    case SETTINGS:
    case PING:
    case GOAWAY:
    case WINDOW_UPDATE:
        return take_frame(m, limits);
    default:
        m->cut = m->left <= METER_FRAME_MAX;
        return take_frame(m, limits);
    }
}

static void head_end(meter *m)
{
    const uint8_t *h = m->head;
    m->left = (uint32_t)h[0] << 16 | (uint32_t)h[1] << 8 | h[2];
    m->stream = (uint32_t)(h[5] & 127) << 24 | (uint32_t)h[6] << 16 | (uint32_t)h[7] << 8 | h[8];
    m->cut = m->ends = m->padded = false;
}

/* ---- octets ---- */

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

bool meter_has_preface(const meter *m)
{
    return m->preface_size == PREFACE_BYTES;
}

/* How many of the next octets belong together: of the preface, of a head, or of a payload. */
static size_t next_part(meter *m, const uint8_t *in, size_t size)
{
    size_t part;
    if (m->preface_size < PREFACE_BYTES) {
        part = smaller(size, PREFACE_BYTES - m->preface_size);
        m->preface_size = (uint8_t)(m->preface_size + part);
        return part;
    }
    if (m->head_size == HEAD_BYTES) {
        part = smaller(size, m->left);
        m->left -= (uint32_t)part;
        if (m->padded && part > 0) {
            take_padding_off(m, in[0]);
        }
    } else {
        part = smaller(size, HEAD_BYTES - (size_t)m->head_size);
        memcpy(m->head + m->head_size, in, part);
        m->head_size = (uint8_t)(m->head_size + part);
        if (m->head_size == HEAD_BYTES) {
            head_end(m);
        }
    }
    return part;
}

meter_verdict meter_read(meter *m, const meter_limits *limits, uint8_t *at, size_t size,
                         uint64_t now_ms, ptrdiff_t *kept)
{
    const uint8_t *in = at, *const end = at + size;
    uint8_t *out = at;
    meter_verdict v = METER_GOOD;
    pass_time(m, limits, now_ms);
    while (in < end && v == METER_GOOD) {
        const bool in_head = m->head_size < HEAD_BYTES;
        const size_t part = next_part(m, in, (size_t)(end - in));
        if (in_head || !m->cut) {
            if (out != in) {
                memmove(out, in, part);
            }
            out += part;
        }
        in += part;
        if (in_head && m->head_size == HEAD_BYTES) {
            v = judge(m, limits);
            m->cut_count += m->cut;
            if (m->ends && v == METER_GOOD) {
                make_end(out - HEAD_BYTES);
            } else if (m->cut || v != METER_GOOD) {
                out -= HEAD_BYTES;
            }
        }
        if (m->head_size == HEAD_BYTES && m->left == 0) {
            m->head_size = 0;
            m->settled = m->block_stream;
        }
    }
    *kept = out - at;
    return v;
}

/* ---- the end ---- */

size_t meter_refusal(const meter *m, meter_verdict v, uint8_t frame[METER_REFUSAL_MAX])
{
    static const uint8_t on_idle_stream[] = {0,   0,   5, PRIORITY, 0, 127, 255,
                                             255, 255, 0, 0,        0, 0,   0};
    static const uint8_t push[] = {0, 0, 0, PUSH_PROMISE, 0, 0, 0, 0, 0};
    if (v == METER_PROTOCOL) {
        memcpy(frame, push, sizeof(push));
        return sizeof(push);
    }
    if (m->settled == 0) {
        memcpy(frame, on_idle_stream, sizeof(on_idle_stream));
        return sizeof(on_idle_stream);
    }
    const uint32_t stream = m->settled;
    const uint8_t block_end[] = {0,
                                 0,
                                 0,
                                 CONTINUATION,
                                 END_HEADERS,
                                 (uint8_t)(stream >> 24),
                                 (uint8_t)(stream >> 16),
                                 (uint8_t)(stream >> 8),
                                 (uint8_t)stream};
    memcpy(frame, block_end, sizeof(block_end));
    return sizeof(block_end);
}

const char *meter_verdict_text(meter_verdict v)
{
    static const char *const texts[METER_VERDICTS] = {
        "",
        "too many frames that carry nothing",
        "too many streams reset",
        "a header block of too many octets or frames",
        "a header block that becomes too large",
        "a header block that goes on on another stream",
    };
    return texts[v];
}
