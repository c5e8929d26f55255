/* SPDX-License-Identifier: Apache-2.0 */
/* HPACK's Huffman code (RFC 7541, 5.2 and appendix B): two symbols a look-up where they are short.
 */
#pragma once

#include <cmp/base.h>

/* What characters a decoded string has. */
enum {
    HPACK_NOT_IN_NAME = 1,  /* no lower-case token (RFC 9113, 8.2.1) */
    HPACK_NOT_IN_VALUE = 2, /* a control character other than a tab */
};

/* Builds the tables; once, before any thread decodes. More than once does no harm. */
void hpack_huffman_setup(void);

/* Octets that the decoder may write for `size` coded ones: the shortest code has five bits, and it
 * writes in pairs. */
static inline size_t hpack_huffman_room(size_t size)
{
    return size * 8 / 5 + 2;
}

/* Decodes into `out`, which has hpack_huffman_room(size) octets, and adds what the characters are
 * to `classes`. Returns the decoded size, or SIZE_MAX: a code that is cut off, the end-of-string
 * symbol, or padding that is too long or not all ones. */
size_t hpack_huffman_decode(const uint8_t *in, size_t size, char *out, unsigned *classes);

/* What one octet is. */
unsigned hpack_class_of(uint8_t octet);
