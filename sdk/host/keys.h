/* SPDX-License-Identifier: Apache-2.0 */
/* A set of keys that a host shows to its plugin: never changed, only replaced. */
#pragma once

#include <cmp/key.h>

#include <stdatomic.h>

typedef struct host_keys {
    atomic_uint shares;
    cmp_key *at; /* texts and secrets are the set's own */
    size_t count;
} host_keys;

/* A copy of those keys, and the caller's share of it; a key whose `id` is absent is left out. */
host_keys *host_keys_copy(const cmp_key *keys, size_t count);

host_keys *host_keys_ref(host_keys *k);

/* Gives a share back, and nulls it; the last one wipes the secrets. */
void host_keys_unref(host_keys **k);
