/* SPDX-License-Identifier: Apache-2.0 */
/* The one part of generations that changes while they serve: the keyring. */
#include "pipeline/generation.h"

keyring *generation_keyring(generation *g)
{
    pthread_mutex_lock(&g->keyring_lock);
    keyring *k = g->keyring != NULL ? keyring_ref(g->keyring) : NULL;
    pthread_mutex_unlock(&g->keyring_lock);
    return k;
}

static void replace(generation *g, keyring *fresh)
{
    keyring *share = fresh != NULL ? keyring_ref(fresh) : NULL;
    pthread_mutex_lock(&g->keyring_lock);
    keyring *old = g->keyring;
    g->keyring = share;
    pthread_mutex_unlock(&g->keyring_lock);
    for (size_t i = 0; i < g->instance_count; i++) {
        if (g->instances[i]->keyring != fresh) {
            instance_show_keyring(g->instances[i], fresh);
        }
    }
    keyring_unref(&old);
}

/* What hangs in an old generation must not go on with keys that were revoked, nor keep them. */
void generation_replace_keyring(generation *newest, keyring *fresh)
{
    for (generation *g = newest; g != NULL; g = g->older) {
        replace(g, fresh);
    }
    keyring_unref(&fresh);
}

instance *generation_find(const generation *g, const char *name)
{
    for (size_t i = 0; i < g->instance_count; i++) {
        if (strcmp(g->instances[i]->name, name) == 0) {
            return g->instances[i];
        }
    }
    return NULL;
}
