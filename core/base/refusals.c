/* SPDX-License-Identifier: Apache-2.0 */
/* See refusals.h. One number for all threads: whoever is refused has cost more than that. */
#include "base/refusals.h"

#include <stdatomic.h>

const char *const refusal_words[] = {
#define X(name, word) [REFUSAL_##name] = (word),
    REFUSALS(X)
#undef X
};

static _Atomic uint64_t counts[REFUSAL_MAX];

void refusal_count(limit_refusal r)
{
    atomic_fetch_add_explicit(&counts[r], 1, memory_order_relaxed);
}

uint64_t refusal_read(limit_refusal r)
{
    return atomic_load_explicit(&counts[r], memory_order_relaxed);
}
