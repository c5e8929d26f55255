/* SPDX-License-Identifier: Apache-2.0 */
/* See siphash.h; names are the paper's. */
#include "journal/siphash.h"

#include "journal/octets.h"

static inline uint64_t turn(uint64_t x, unsigned bits)
{
    return x << bits | x >> (64 - bits);
}

static inline void sip_rounds(siphash *s, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        s->v0 += s->v1;
        s->v1 = turn(s->v1, 13) ^ s->v0;
        s->v0 = turn(s->v0, 32);
        s->v2 += s->v3;
        s->v3 = turn(s->v3, 16) ^ s->v2;
        s->v0 += s->v3;
        s->v3 = turn(s->v3, 21) ^ s->v0;
        s->v2 += s->v1;
        s->v1 = turn(s->v1, 17) ^ s->v2;
        s->v2 = turn(s->v2, 32);
    }
}

static inline void take(siphash *s, uint64_t word)
{
    s->v3 ^= word;
    sip_rounds(s, 2);
    s->v0 ^= word;
}

/* The size is of all, with the first eight. */
static uint64_t last_word(const uint8_t *at, size_t size)
{
    const size_t rest = size % 8;
    uint64_t word = (uint64_t)(size + 8) << 56;
    if (rest > 0 && size >= 8) { /* with some of the word before, which goes */
        return word | octets_get64(at + size - 8) >> (8 * (8 - rest));
    }
    for (size_t i = 0; i < rest; i++) {
        word |= (uint64_t)at[i] << (8 * i);
    }
    return word;
}

siphash siphash_begin(const uint8_t key[16], const uint8_t first[8])
{
    const uint64_t k0 = octets_get64(key), k1 = octets_get64(key + 8);
    siphash s = {.v0 = k0 ^ UINT64_C(0x736f6d6570736575),
                 .v1 = k1 ^ UINT64_C(0x646f72616e646f6d),
                 .v2 = k0 ^ UINT64_C(0x6c7967656e657261),
                 .v3 = k1 ^ UINT64_C(0x7465646279746573)};
    take(&s, octets_get64(first));
    return s;
}

uint64_t siphash_end(const siphash *begun, const uint8_t *at, size_t size)
{
    siphash s = *begun;
    for (size_t i = 0; i + 8 <= size; i += 8) {
        take(&s, octets_get64(at + i));
    }
    take(&s, last_word(at, size));
    s.v2 ^= 0xFF;
    sip_rounds(&s, 4);
    return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}
