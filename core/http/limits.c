/* SPDX-License-Identifier: Apache-2.0 */
/* See limits.h. */
#include "http/limits.h"

#define PSEUDO_HEADERS 4

/* The largest body that any interface takes. */
static size_t body_bytes(const conf *c)
{
    int64_t most = c->top.limits.body_bytes;
    for (size_t i = 0; i < c->top.listeners.count; i++) {
        const conf_listener *l = (const conf_listener *)c->top.listeners.at + i;
        if (interface_in(l->interfaces, CMP_INTERFACE_CODES) &&
            c->top.limits.codes_body_bytes > most) {
            most = c->top.limits.codes_body_bytes;
        }
    }
    return (size_t)most;
}

/* The first line and all fields at their limits, with what stands between them. */
static size_t head_max(const conf_limits *limits)
{
    return (size_t)(limits->uri_bytes + limits->header_bytes + 4 * limits->headers) + 64;
}

/* A little more than a request may have ends in an answer that says so; far more ends the
 * connection. */
static hpack_limits hpack_limits_of(const conf *c)
{
    const conf_limits *limits = &c->top.limits;
    return (hpack_limits){.fields = 2 * (size_t)limits->headers + PSEUDO_HEADERS,
                          .bytes = 2 * (size_t)(limits->header_bytes + limits->uri_bytes),
                          .body_bytes = body_bytes(c)};
}

static meter_limits meter_limits_of(const conf *c)
{
    const conf_limits *limits = &c->top.limits;
    const conf_http2_limits *h = &limits->http2;
    return (meter_limits){.frames = {(uint64_t)h->frame_burst, (uint64_t)h->frame_rate},
                          .resets = {(uint64_t)h->reset_burst, (uint64_t)h->reset_rate},
                          .block_bytes = 2 * (uint64_t)(limits->header_bytes + limits->uri_bytes),
                          .continuations = (unsigned)h->continuations,
                          .body_bytes = body_bytes(c)};
}

/* With many workers a worker's part is less than one connection may have; it gets that, but never
 * more than half of all. */
static size_t source_share(const server_limits *l, size_t part)
{
    const size_t share = part > l->held_connection_max ? part : l->held_connection_max;
    return share < l->held_max / 2 ? share : l->held_max / 2;
}

server_limits server_limits_of(const conf *c, unsigned workers)
{
    const conf_limits *from = &c->top.limits;
    server_limits l = {
        .handshake_timeout_ms = (uint64_t)from->handshake_timeout_ms,
        .handshakes_per_hour = from->handshakes,
        .request_timeout_ms = (uint64_t)from->request_timeout_ms,
        .write_timeout_ms = (uint64_t)from->write_timeout_ms,
        .drain_ms = (uint64_t)c->top.drain_ms,
        .head_max = head_max(from),
        /* The frame with which a body goes over is let through: meter.h. */
        .body_max = body_bytes(c) + METER_FRAME_MAX,
        .hpack = hpack_limits_of(c),
        .meter = meter_limits_of(c),
        .held_connection_max = (size_t)from->held_connection_bytes,
        .held_max = (size_t)from->held_bytes / workers,
    };
    /* A stream's request: its header block, decoded, and its body, which libh2o keeps up to its own
     * limit. */
    l.request_max = l.body_max + 2 * (size_t)(from->header_bytes + from->uri_bytes);
    l.held_source_max = source_share(&l, (size_t)from->held_source_bytes / workers);
    return l;
}
