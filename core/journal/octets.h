/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers in the journal's files: little-endian, or of as few octets as they need. */
#pragma once

#include <cmp/base.h>

#include <endian.h>

/* Of a number of 64 bits, seven to the octet, the lowest first; the high bit says that there are
 * more. */
#define OCTETS_VARINT_MAX 10

static inline uint8_t *octets_put16(uint8_t *to, uint16_t number)
{
    number = htole16(number);
    return (uint8_t *)memcpy(to, &number, 2) + 2;
}

static inline uint8_t *octets_put32(uint8_t *to, uint32_t number)
{
    number = htole32(number);
    return (uint8_t *)memcpy(to, &number, 4) + 4;
}

static inline uint8_t *octets_put64(uint8_t *to, uint64_t number)
{
    number = htole64(number);
    return (uint8_t *)memcpy(to, &number, 8) + 8;
}

static inline uint8_t *octets_put_varint(uint8_t *to, uint64_t number)
{
    if (number < 0x80) {
        *to = (uint8_t)number;
        return to + 1;
    }
    if (number < 0x4000) { /* nearly all others */
        return octets_put16(to, (uint16_t)((number & 0x7F) | 0x80 | number >> 7 << 8));
    }
    while (number >= 0x80) {
        *to++ = (uint8_t)(number | 0x80);
        number >>= 7;
    }
    *to++ = (uint8_t)number;
    return to;
}

/* Copies a text without a call, as nearly all are shorter than a call is long: by pieces, the last
 * of which overlaps the one before it. */
static inline uint8_t *octets_put_text(uint8_t *to, const char *at, size_t size)
{
    if (size >= 16) {
        for (size_t done = 0; done + 16 <= size; done += 16) {
            memcpy(to + done, at + done, 16);
        }
        memcpy(to + size - 16, at + size - 16, 16);
    } else if (size >= 8) {
        memcpy(to, at, 8);
        memcpy(to + size - 8, at + size - 8, 8);
    } else if (size >= 4) {
        memcpy(to, at, 4);
        memcpy(to + size - 4, at + size - 4, 4);
    } else if (size >= 2) {
        memcpy(to, at, 2);
        memcpy(to + size - 2, at + size - 2, 2);
    } else if (size == 1) {
        *to = (uint8_t)*at;
    }
    return to + size;
}

static inline uint16_t octets_get16(const uint8_t *at)
{
    uint16_t number;
    memcpy(&number, at, 2);
    return le16toh(number);
}

static inline uint32_t octets_get32(const uint8_t *at)
{
    uint32_t number;
    memcpy(&number, at, 4);
    return le32toh(number);
}

static inline uint64_t octets_get64(const uint8_t *at)
{
    uint64_t number;
    memcpy(&number, at, 8);
    return le64toh(number);
}

/* Reads one and goes past it. False at the end, and when it is longer than it may be. */
CMP_MUST_USE static inline bool octets_get_varint(const uint8_t **at, const uint8_t *end,
                                                  uint64_t *number)
{
    *number = 0;
    for (unsigned shift = 0; *at < end && shift < 64; shift += 7) {
        const uint8_t octet = *(*at)++;
        *number |= (uint64_t)(octet & 0x7F) << shift;
        if ((octet & 0x80) == 0) {
            return true;
        }
    }
    return false;
}
