/* SPDX-License-Identifier: Apache-2.0 */
/* SipHash-2-4 (Aumasson and Bernstein, 2012): a keyed function for short inputs that is as good as
 * random to whoever has not the key. libcrypto's takes longer to set up than to run. */
#pragma once

#include <cmp/base.h>

/* Where it is after the first eight octets, which many inputs have in common. As secret as the
 * key. */
typedef struct siphash {
    uint64_t v0, v1, v2, v3;
} siphash;

siphash siphash_begin(const uint8_t key[16], const uint8_t first[8]);

/* Of those and the octets behind them. */
uint64_t siphash_end(const siphash *begun, const uint8_t *at, size_t size);
