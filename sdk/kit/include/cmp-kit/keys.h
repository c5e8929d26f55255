/* Which key of the keyring is the one to use. */
#pragma once

#include <cmp/host.h>

/* Whether a key's window begins later, or ended before, that Unix time. Both ends are inside. */
static inline bool kit_key_not_yet(const cmp_key *key, int64_t now_ms)
{
    return now_ms < key->not_before_ms;
}

static inline bool kit_key_expired(const cmp_key *key, int64_t now_ms)
{
    return now_ms > key->not_after_ms;
}

/* Shows the key to sign with for the peer of that name: of those that it gave to us and that are
 * valid at that Unix time, the one whose window began last, and of equals the last in the host's
 * order. It is valid during the visit. False when there is none, and nobody was called. (While the
 * host replaces its keyring it may for once be another valid one, or none.)
 *
 * Any thread. Looks at every key: who signs each request keeps a table of his own. Needs
 * CMP_SERVICE_KEYRING. */
CMP_MUST_USE bool kit_key_for_peer(const cmp_host *host, cmp_str peer, int64_t now_ms,
                                   void (*visit)(const cmp_key *key, void *arg), void *arg);
