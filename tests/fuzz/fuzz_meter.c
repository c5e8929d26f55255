/* SPDX-License-Identifier: Apache-2.0 */
/* Octets of a client, the first of which says into what parts they are cut: the meter comes to the
 * same however they are cut, reads and writes nothing else, and what libh2o gets is what a plain
 * walk over whole frames leaves of them. */
#include "http/meter.h"

#include <stdlib.h>

#define NOW_MS UINT64_C(1000000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const meter_limits limits = {.frames = {8, 3600},
                                    .resets = {4, 3600},
                                    .block_bytes = 100,
                                    .continuations = 2,
                                    .body_bytes = UINT32_MAX - 1};

/* With these bodies are made to end, which the plain walk knows nothing of. */
static const meter_limits short_bodies = {.frames = {8, 3600},
                                          .resets = {4, 3600},
                                          .block_bytes = 100,
                                          .continuations = 2,
                                          .body_bytes = 20};

static void must(bool holds)
{
    if (!holds) {
        abort();
    }
}

/* As libh2o has it: what is left of earlier parts lies before those that come. `*out` is what was
 * kept of all. */
static meter_verdict read_in_parts(const meter_limits *by, const uint8_t *data, size_t size,
                                   size_t part, uint8_t *out, size_t *out_size)
{
    meter m = {.at_ms = 0};
    meter_verdict v = METER_GOOD;
    *out_size = 0;
    while (size > 0 && v == METER_GOOD) {
        const size_t now = part < size ? part : size;
        memcpy(out + *out_size, data, now);
        ptrdiff_t kept;
        v = meter_read(&m, by, out + *out_size, now, NOW_MS, &kept);
        must(kept >= -8 && kept <= (ptrdiff_t)now);
        *out_size = (size_t)((ptrdiff_t)*out_size + kept);
        data += now;
        size -= now;
    }
    uint8_t frame[METER_REFUSAL_MAX];
    must(meter_refusal(&m, v, frame) <= sizeof(frame));
    return v;
}

static bool has_stream(const uint8_t *head)
{
    return ((head[5] & 127) | head[6] | head[7] | head[8]) != 0;
}

static bool is_cut(const uint8_t *head, size_t payload)
{
    return payload <= 16384 && (head[3] > 9 || (head[3] == 2 && payload == 5 && has_stream(head)));
}

/* Whether a header block is open behind a frame. */
static bool block_behind(const uint8_t *head, bool in_block)
{
    const bool of_block = in_block ? head[3] == 9 : head[3] == 1 && has_stream(head);
    return of_block ? (head[4] & 4) == 0 : in_block;
}

/* What a verdict leaves is the head of what would have been kept without it. */
static void compare_with_walk(const uint8_t *data, size_t size, const uint8_t *out, size_t out_size,
                              bool good)
{
    size_t at = size < 24 ? size : 24, done = 0;
    bool in_block = false;
    must(memcmp(out, data, at < out_size ? at : out_size) == 0);
    done = at;
    while (size - at >= 9 && done < out_size) {
        const uint8_t *head = data + at;
        const size_t payload = (size_t)head[0] << 16 | (size_t)head[1] << 8 | head[2];
        const size_t whole = 9 + payload < size - at ? 9 + payload : size - at;
        if (in_block || !is_cut(head, payload)) {
            const size_t most = whole < out_size - done ? whole : out_size - done;
            must(memcmp(out + done, head, most) == 0);
            done += most;
        }
        in_block = block_behind(head, in_block);
        at += whole;
    }
    must(!good || at == size || size - at < 9 || done == out_size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) {
        return 0;
    }
    const size_t part = 1 + data[0];
    data++;
    size--;
    uint8_t *whole = malloc(size), *parts = malloc(size);
    size_t whole_size, parts_size;
    meter_verdict v = METER_GOOD;
    for (unsigned i = 0; i < 2; i++) {
        const meter_limits *by = i == 0 ? &short_bodies : &limits;
        v = read_in_parts(by, data, size, size, whole, &whole_size);
        must(read_in_parts(by, data, size, part, parts, &parts_size) == v);
        must(whole_size == parts_size && memcmp(whole, parts, whole_size) == 0);
    }
    compare_with_walk(data, size, whole, whole_size, v == METER_GOOD);
    free(whole);
    free(parts);
    return 0;
}
