/* SPDX-License-Identifier: Apache-2.0 */
/* The key of now, for pseudonyms: one for each period, and a new one when its file was destroyed.
 */
#include "journal/internal.h"

#include "base/log.h"
#include "base/secret.h"

#include <cmp-kit/memory.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Workers may still use an old one: they live as long as the journal. */
typedef struct key_entry {
    pseudonym_key key;
    struct key_entry *older;
} key_entry;

static void use(journal *j, const pseudonym_key *key)
{
    key_entry *e = kit_alloc(sizeof(*e));
    *e = (key_entry){.key = *key, .older = j->keys};
    j->keys = e;
    atomic_store_explicit(&j->key, &e->key, memory_order_release);
}

static bool make(journal *j, int64_t now_ms)
{
    pseudonym_key key;
    if (!pseudonym_key_make(j->folder, now_ms, j->o.period_ms, &key)) {
        return false;
    }
    use(j, &key);
    secret_wipe(&key, sizeof(key));
    return true;
}

static bool is_now(const pseudonym_key *key, int64_t now_ms)
{
    return now_ms >= key->from_ms && now_ms < key->until_ms;
}

/* Those of segments that were all removed. */
static void remove_old(journal *j, const pseudonym_keys *keys, int64_t now_ms)
{
    for (size_t i = 0; i < keys->count; i++) {
        if (keys->at[i].until_ms + j->o.keep_ms < now_ms) {
            if (!pseudonym_key_destroy(j->folder, &keys->at[i])) {
                log_warning("journal", "the key %08x is too old, and cannot be removed: %s",
                            keys->at[i].id, strerror(errno));
            }
        }
    }
}

bool keys_begin(journal *j, int64_t now_ms)
{
    if (j->o.pseudonyms == 0) {
        return true;
    }
    pseudonym_keys keys;
    if (!pseudonym_keys_read(j->folder, &keys)) {
        return false;
    }
    const pseudonym_key *found = NULL;
    for (size_t i = 0; i < keys.count; i++) {
        found = is_now(&keys.at[i], now_ms) ? &keys.at[i] : found;
    }
    if (found != NULL) {
        use(j, found);
    }
    remove_old(j, &keys, now_ms);
    pseudonym_keys_free(&keys);
    return found != NULL || make(j, now_ms);
}

/* Without a key there are no pseudonyms: better none than such that outlive their period. */
void keys_turn(journal *j, int64_t now_ms)
{
    if (j->o.pseudonyms == 0) {
        return;
    }
    const pseudonym_key *key = atomic_load_explicit(&j->key, memory_order_relaxed);
    if (key != NULL && is_now(key, now_ms) && pseudonym_key_kept(j->folder, key)) {
        return;
    }
    const bool had = key != NULL;
    if (keys_begin(j, now_ms)) {
        return;
    }
    atomic_store_explicit(&j->key, NULL, memory_order_release);
    if (had) {
        log_error("journal", "the key of the pseudonyms cannot be made: %s; records have none",
                  strerror(errno));
    }
}

void keys_dispose(journal *j)
{
    for (key_entry *e = j->keys, *older; e != NULL; e = older) {
        older = e->older;
        secret_wipe(e, sizeof(*e));
        free(e);
    }
    j->keys = NULL;
}
