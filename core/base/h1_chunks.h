/* SPDX-License-Identifier: Apache-2.0 */
/* Reads chunked bodies (RFC 9112, 7.1), of requests as of answers. Strict: whoever reads a size
 * differently than the sender meant it takes a part of the body for the next message. */
#pragma once

#include "base/h1_lines.h"

/* The state of one body; begins zeroed. */
typedef struct h1_chunks {
    uint64_t left;  /* octets of the chunk's data that are still to come */
    uint32_t extra; /* octets of extensions and trailers so far */
    uint8_t state;
    uint8_t digits; /* of the chunk's size */
} h1_chunks;

/* Reads on: at most one piece of the body (into *data, which may be empty) for *used octets. Call
 * again while octets are left and it answers H1_MORE. */
h1_progress h1_read_chunked(h1_chunks *c, cmp_str in, size_t *used, cmp_str *data);
