/* SPDX-License-Identifier: Apache-2.0 */
/* The one part of a generation that changes while it serves: its keyring. */
#include "pipeline/generation.h"

keyring *generation_keyring(generation *g)
{
    pthread_mutex_lock(&g->keyring_lock);
    keyring *k = g->keyring != NULL ? keyring_ref(g->keyring) : NULL;
    pthread_mutex_unlock(&g->keyring_lock);
    return k;
}

void generation_replace_keyring(generation *g, keyring *fresh)
{
    pthread_mutex_lock(&g->keyring_lock);
    keyring *old = g->keyring;
    g->keyring = fresh;
    pthread_mutex_unlock(&g->keyring_lock);
    for (size_t i = 0; i < g->instance_count; i++) {
        instance_keys_changed(&g->instances[i]);
    }
    keyring_unref(&old);
}
