/* SPDX-License-Identifier: Apache-2.0 */
/* See hash.h. */
#include "base/hash.h"

#include <openssl/rand.h>
#include <stdlib.h>

uint64_t hash_seed;

/* Without a seed that nobody knows, whoever chooses ICIs or users could make all of them meet in
 * one bucket. Better no process than such a one. */
void hash_seed_init(void)
{
    if (RAND_bytes((unsigned char *)&hash_seed, sizeof(hash_seed)) != 1) {
        abort();
    }
}
