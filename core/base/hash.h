/* SPDX-License-Identifier: Apache-2.0 */
/* One keyed hash for every table: XXH3 with a seed that is drawn when the process starts, so nobody
 * outside can aim at one bucket. */
#pragma once

#include <cmp/base.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

/* Drawn once by hash_seed_init (0 before). */
extern uint64_t hash_seed;
void hash_seed_init(void);

static inline uint64_t hash_octets(const void *at, size_t size)
{
    return XXH3_64bits_withSeed(at, size, hash_seed);
}

/* For what outlives the process: with a seed of its own. */
static inline uint64_t hash_seeded(uint64_t seed, const void *at, size_t size)
{
    return XXH3_64bits_withSeed(at, size, seed);
}

/* The same of two parts, as if they stood together. */
static inline uint64_t hash_seeded_parts(uint64_t seed, const void *first, size_t first_size,
                                         const void *second, size_t second_size)
{
    XXH3_state_t state;
    XXH3_64bits_reset_withSeed(&state, seed);
    XXH3_64bits_update(&state, first, first_size);
    XXH3_64bits_update(&state, second, second_size);
    return XXH3_64bits_digest(&state);
}

static inline uint64_t hash_str(cmp_str text)
{
    return hash_octets(text.at, text.size);
}
