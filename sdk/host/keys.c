/* SPDX-License-Identifier: Apache-2.0 */
/* See keys.h. */
#include "host/keys.h"

#include "base/secret.h"

#include <cmp-kit/memory.h>

#include <stdlib.h>

static cmp_str copy(cmp_str text)
{
    return text.at != NULL ? (cmp_str){memcpy(kit_alloc(text.size), text.at, text.size), text.size}
                           : CMP_NONE;
}

host_keys *host_keys_copy(const cmp_key *keys, size_t count)
{
    host_keys *k = kit_calloc(1, sizeof(*k));
    atomic_init(&k->shares, 1);
    k->at = kit_calloc(count, sizeof(*k->at));
    for (size_t i = 0; i < count; i++) {
        if (keys[i].id.at != NULL) {
            cmp_key *key = &k->at[k->count++];
            *key = keys[i];
            key->id = copy(keys[i].id);
            key->peer = copy(keys[i].peer);
            key->secret = secret_copy(keys[i].secret, keys[i].secret_size);
        }
    }
    return k;
}

host_keys *host_keys_ref(host_keys *k)
{
    atomic_fetch_add(&k->shares, 1);
    return k;
}

void host_keys_unref(host_keys **ref)
{
    host_keys *k = *ref;
    *ref = NULL;
    if (k == NULL || atomic_fetch_sub(&k->shares, 1) != 1) {
        return;
    }
    for (size_t i = 0; i < k->count; i++) {
        uint8_t *secret = (uint8_t *)(uintptr_t)k->at[i].secret;
        secret_free(&secret, k->at[i].secret_size);
        free((char *)(uintptr_t)k->at[i].id.at);
        free((char *)(uintptr_t)k->at[i].peer.at);
    }
    free(k->at);
    free(k);
}
