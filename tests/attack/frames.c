/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/2 by the frame, in both directions, and as much of HTTP/1.1 as counting answers takes. */
#include "attack.h"

#include <err.h>
#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <string.h>

#define PREFACE           "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
#define ENHANCE_YOUR_CALM 11 /* RFC 9113, 7 */
#define BLOCK_MAX         16384
#define WINDOW            65535 /* as a connection begins: 6.9.2 */

static uint32_t number_at(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

void put_frame(client *c, unsigned type, unsigned flags, uint32_t stream, const void *payload,
               size_t size)
{
    const uint8_t head[9] = {(uint8_t)(size >> 16),   (uint8_t)(size >> 8),
                             (uint8_t)size,           (uint8_t)type,
                             (uint8_t)flags,          (uint8_t)(stream >> 24),
                             (uint8_t)(stream >> 16), (uint8_t)(stream >> 8),
                             (uint8_t)stream};
    put(c, head, sizeof(head));
    if (size > 0) {
        put(c, payload, size);
    }
}

void put_number_frame(client *c, unsigned type, uint32_t stream, uint32_t number)
{
    const uint8_t payload[4] = {(uint8_t)(number >> 24), (uint8_t)(number >> 16),
                                (uint8_t)(number >> 8), (uint8_t)number};
    put_frame(c, type, 0, stream, payload, sizeof(payload));
}

void put_preface(client *c)
{
    static const uint8_t no_window[6] = {0, NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 0, 0, 0, 0};
    put_text(c, PREFACE);
    put_frame(c, SETTINGS, 0, 0, no_window, c->attack->no_window ? sizeof(no_window) : 0);
}

/* ---- requests ---- */

static nghttp2_nv pair(const char *name, const char *value)
{
    return (nghttp2_nv){(uint8_t *)name, (uint8_t *)value, strlen(name), strlen(value),
                        NGHTTP2_NV_FLAG_NO_INDEX};
}

size_t block_of_request(const char *method, const char *type, size_t body_size, uint8_t *block,
                        size_t room)
{
    char size_text[32];
    nghttp2_nv pairs[7] = {pair(":method", method), pair(":scheme", "https"),
                           pair(":authority", words.authority), pair(":path", words.target)};
    size_t count = 4;
    if (type != NULL) {
        snprintf(size_text, sizeof(size_text), "%zu", body_size);
        pairs[count++] = pair("content-type", type);
        pairs[count++] = pair("content-length", size_text);
    }
    if (words.header_name != NULL) {
        pairs[count++] = pair(words.header_name, words.header_value);
    }
    nghttp2_hd_deflater *deflater;
    if (nghttp2_hd_deflate_new(&deflater, 0) != 0) {
        errx(1, "out of memory");
    }
    const ssize_t size = nghttp2_hd_deflate_hd(deflater, block, room, pairs, count);
    nghttp2_hd_deflate_del(deflater);
    if (size < 0) {
        errx(1, "the request's head is too large");
    }
    /* It begins with the table's size, which is of use to nobody when no table is used. */
    const size_t update = size > 0 && (block[0] & 0xe0) == 0x20 ? 1 : 0;
    memmove(block, block + update, (size_t)size - update);
    return (size_t)size - update;
}

static uint32_t new_stream(client *c)
{
    const uint32_t stream = c->next_stream;
    c->next_stream += 2;
    c->open_streams++;
    return stream;
}

uint32_t put_request(client *c, const char *method, unsigned flags)
{
    static uint8_t block[BLOCK_MAX];
    static size_t size; /* a program makes one kind of request only */
    if (size == 0) {
        size = block_of_request(method, NULL, 0, block, sizeof(block));
    }
    const uint32_t stream = new_stream(c);
    put_frame(c, HEADERS, flags, stream, block, size);
    return stream;
}

uint32_t put_post(client *c, const char *type, size_t body_size, unsigned flags)
{
    static uint8_t block[BLOCK_MAX];
    static size_t size;
    if (size == 0) {
        size = block_of_request("POST", type, body_size, block, sizeof(block));
    }
    const uint32_t stream = new_stream(c);
    put_frame(c, HEADERS, flags, stream, block, size);
    return stream;
}

void put_block(client *c, uint32_t stream, unsigned flags, const uint8_t *block, size_t size)
{
    unsigned type = HEADERS;
    unsigned first = flags & END_STREAM;
    do {
        const size_t part = size < FRAME_MAX ? size : FRAME_MAX;
        const unsigned last = part == size ? flags & END_HEADERS : 0;
        put_frame(c, type, first | last, stream, block, part);
        block += part;
        size -= part;
        type = CONTINUATION;
        first = 0;
    } while (size > 0);
}

/* ---- what comes back ---- */

static void on_settings(client *c, const uint8_t *payload, size_t size)
{
    for (size_t i = 0; i + 6 <= size; i += 6) {
        if (payload[i] == 0 && payload[i + 1] == NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE) {
            c->stream_window = number_at(payload + i + 2);
        }
    }
    put_frame(c, SETTINGS, ACK, 0, NULL, 0);
}

static void on_stream_over(client *c)
{
    c->open_streams -= c->open_streams > 0;
}

static void on_data(client *c, size_t size)
{
    c->unread += size;
    if (c->unread > WINDOW / 2) {
        put_number_frame(c, WINDOW_UPDATE, 0, (uint32_t)c->unread);
        c->unread = 0;
    }
}

static void on_frame(client *c, const uint8_t *head, const uint8_t *payload, size_t size)
{
    const unsigned type = head[3], flags = head[4];
    const uint32_t stream = number_at(head + 5) & 0x7fffffff;
    if (type == HEADERS) {
        total.answers++;
        c->answers++;
    } else if (type == RST_STREAM) {
        total.resets++;
        on_stream_over(c);
    } else if (type == GOAWAY && size >= 8) {
        total.goaways++;
        total.calm += number_at(payload + 4) == ENHANCE_YOUR_CALM;
    } else if (type == SETTINGS && (flags & ACK) == 0) {
        on_settings(c, payload, size);
    } else if (type == WINDOW_UPDATE && stream == 0 && size == 4) {
        c->window += number_at(payload) & 0x7fffffff;
    }
    if (type == DATA) {
        on_data(c, size);
    }
    if ((type == HEADERS || type == DATA) && (flags & END_STREAM) != 0) {
        on_stream_over(c);
    }
}

/* Takes octets until a frame is whole. */
void h2_receive(client *c, const uint8_t *octets, size_t size)
{
    while (size > 0) {
        size_t wanted = 9;
        if (c->in_size >= 9) {
            wanted += (size_t)c->in[0] << 16 | (size_t)c->in[1] << 8 | c->in[2];
        }
        if (wanted > FRAME_MAX + 9) {
            errx(1, "the server does not speak HTTP/2");
        }
        const size_t missing = wanted - c->in_size, part = size < missing ? size : missing;
        memcpy(c->in + c->in_size, octets, part);
        c->in_size += part;
        octets += part;
        size -= part;
        const size_t payload =
            c->in_size < 9 ? 1 : (size_t)c->in[0] << 16 | (size_t)c->in[1] << 8 | c->in[2];
        if (c->in_size == 9 + payload) {
            on_frame(c, c->in, c->in + 9, payload);
            c->in_size = 0;
        }
    }
}

/* Counts status lines. Nothing of ours answers with one in a body. */
void h1_receive(client *c, const uint8_t *octets, size_t size)
{
    static const char line[] = "HTTP/1.1 ";
    for (size_t i = 0; i < size; i++) {
        if (octets[i] != (uint8_t)line[c->matched]) {
            c->matched = octets[i] == 'H';
        } else if (++c->matched == sizeof(line) - 1) {
            c->matched = 0;
            c->answers++;
            total.answers++;
            on_stream_over(c);
        }
    }
}
