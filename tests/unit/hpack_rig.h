/* SPDX-License-Identifier: Apache-2.0 */
/* Header blocks read twice: by our reader and by libh2o's own, each with a table of its own. */
#pragma once

#include "http/hpack.h"

typedef struct hpack_side {
    hpack_table table;
    h2o_req_t req; /* of the last block */
    int result, pseudo;
    size_t content_length;
    const char *error;
} hpack_side;

typedef struct hpack_rig {
    hpack_side ours, theirs;
} hpack_rig;

void hpack_rig_init(hpack_rig *r);
void hpack_rig_dispose(hpack_rig *r);

/* Reads a block on both sides, and says what differs; NULL: nothing. A result that ends the
 * connection ends both tables' use. */
const char *hpack_rig_read(hpack_rig *r, const uint8_t *block, size_t size, bool trailer);

/* Only our side. */
void hpack_side_init(hpack_side *s);
void hpack_side_read(hpack_side *s, const uint8_t *block, size_t size, bool trailer);
void hpack_side_dispose(hpack_side *s);

/* Appends an integer (RFC 7541, 5.1), or a string, Huffman-coded or not; return where they end. */
uint8_t *hpack_put_integer(uint8_t *at, uint8_t high_bits, unsigned prefix_bits, size_t value);
uint8_t *hpack_put_string(uint8_t *at, const char *text, size_t size, bool coded);
