/* SPDX-License-Identifier: Apache-2.0 */
/* When a key of the keyring may be used. */
#pragma once

#include <cmp/host.h>

__BEGIN_DECLS

/* Whether a key's window begins later, or ended before, that Unix time. Both ends are inside. */
static inline bool kit_key_not_yet(const cmp_key *key, int64_t now_ms)
{
    return now_ms < key->not_before_ms;
}

static inline bool kit_key_expired(const cmp_key *key, int64_t now_ms)
{
    return now_ms > key->not_after_ms;
}

__END_DECLS
