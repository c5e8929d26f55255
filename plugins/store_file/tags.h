/* SPDX-License-Identifier: Apache-2.0 */
/* The tags of one line of the index, compared all at once. */
#pragma once

#include <stdint.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#define LINE_SLOTS 8

/* Which of the tags are `tag`: bit 2 * i stands for the i-th. */
static inline unsigned tags_equal_plain(const uint16_t tags[LINE_SLOTS], uint16_t tag)
{
    unsigned bits = 0;
    for (unsigned i = 0; i < LINE_SLOTS; i++) {
        bits |= (unsigned)(tags[i] == tag) << (2 * i);
    }
    return bits;
}

/* The same; `tags` lies at a multiple of 16. No branch depends on where the tag is, so the
 * processor guesses right, and goes on to the next miss while it waits for one. */
static inline unsigned tags_equal(const uint16_t tags[LINE_SLOTS], uint16_t tag)
{
#if defined(__SSE2__)
    const __m128i equal =
        _mm_cmpeq_epi16(_mm_load_si128((const __m128i *)tags), _mm_set1_epi16((short)tag));
    return (unsigned)_mm_movemask_epi8(equal) & 0x5555; /* a bit for each octet of a tag */
#else
    return tags_equal_plain(tags, tag);
#endif
}
