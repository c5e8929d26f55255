/* SPDX-License-Identifier: Apache-2.0 */
/* The keys of a program: from a keyring file, or one by one. */
#include "embed/embed.h"

#include "peers/keyring.h"

#include <cmp-kit/text.h>

#include <stdlib.h>

#define ID_MAX     128
#define SECRET_MIN 16 /* as in a keyring */

static bool is_control(const cmp_embed *e)
{
    return pthread_equal(e->control, pthread_self());
}

static bool peer_known(void *arg, const char *name)
{
    const cmp_embed *e = arg;
    bool known = e->settings.peer_count == 0;
    for (size_t i = 0; i < e->settings.peer_count && !known; i++) {
        known = cmp_str_equal(e->settings.peers[i].name, cmp_str_from(name));
    }
    return known;
}

/* ---- from a file ---- */

typedef struct collecting {
    cmp_key *keys; /* NULL: they are only counted */
    size_t count;
} collecting;

static void collect(const cmp_key *key, void *arg)
{
    collecting *c = arg;
    if (c->keys != NULL) {
        c->keys[c->count] = *key;
    }
    c->count++;
}

/* The keyring's secrets are shown, copied into the set, and wiped with the keyring. */
static host_keys *keys_of(const keyring *ring)
{
    collecting c = {.keys = NULL};
    keyring_each(ring, CMP_KEY_ISSUED, collect, &c);
    keyring_each(ring, CMP_KEY_RECEIVED, collect, &c);
    c.keys = kit_calloc(c.count, sizeof(*c.keys));
    c.count = 0;
    keyring_each(ring, CMP_KEY_ISSUED, collect, &c);
    keyring_each(ring, CMP_KEY_RECEIVED, collect, &c);
    host_keys *keys = host_keys_copy(c.keys, c.count);
    free(c.keys);
    return keys;
}

bool cmp_embed_keyring(cmp_embed *e, const char *path, cmp_embed_error *error)
{
    cmp_embed_error unread;
    error = error != NULL ? error : &unread;
    if (!is_control(e)) {
        embed_fail(error, "keys are the control thread's to change");
        return false;
    }
    cmp_report report;
    report_init(&report);
    keyring *ring = keyring_load(path, peer_known, e, &report);
    if (ring == NULL) {
        embed_fail_report(error, &report);
    } else {
        host_set_keys(&e->host, keys_of(ring));
    }
    report_dispose(&report);
    const bool good = ring != NULL;
    keyring_unref(&ring);
    return good;
}

/* ---- one by one ---- */

static bool same(const cmp_key *a, cmp_key_use use, cmp_str id, cmp_str peer)
{
    return a->use == use && cmp_str_equal(a->id, id) &&
           (use == CMP_KEY_ISSUED || cmp_str_equal(a->peer, peer));
}

static const char *fault_of(const cmp_embed *e, const cmp_key *key)
{
    if (!is_control(e)) {
        return "keys are the control thread's to change";
    }
    if (key->id.size == 0 || key->id.size > ID_MAX || !kit_ascii_visible(key->id)) {
        return "id: 1 to 128 octets of visible ASCII are expected";
    }
    if (key->peer.size == 0) {
        return "peer: a name is expected";
    }
    if (key->secret == NULL || key->secret_size < SECRET_MIN) {
        return "secret: at least 16 octets are expected";
    }
    if ((unsigned)key->use > CMP_KEY_RECEIVED || (unsigned)key->hash > CMP_HASH_SHA512 ||
        (unsigned)key->encoding > CMP_ENCODING_BASE64 ||
        (unsigned)key->tid_format > CMP_TID_UUIDV7) {
        return "use, hash, encoding or tid_format is none";
    }
    if (key->max_skew_ms != 0 && key->tid_format != CMP_TID_UUIDV7) {
        return "max_skew_ms: needs CMP_TID_UUIDV7, which alone carries a time";
    }
    if (key->not_before_ms >= key->not_after_ms) {
        return "not_after_ms: must be later than not_before_ms";
    }
    return NULL;
}

/* The set without one key, and with another; either may be none. */
static bool exchange(cmp_embed *e, cmp_key_use use, cmp_str id, cmp_str peer, const cmp_key *with)
{
    const host_keys *old = e->host.keys; /* this thread alone replaces it */
    cmp_key *keys = kit_calloc(old->count + 1, sizeof(*keys));
    size_t count = 0;
    bool found = false;
    for (size_t i = 0; i < old->count; i++) {
        if (same(&old->at[i], use, id, peer)) {
            found = true;
        } else {
            keys[count++] = old->at[i];
        }
    }
    if (with != NULL) {
        keys[count++] = *with;
    }
    if (found || with != NULL) {
        host_set_keys(&e->host, host_keys_copy(keys, count));
    }
    free(keys);
    return found;
}

bool cmp_embed_key(cmp_embed *e, const cmp_key *key, cmp_embed_error *error)
{
    const char *why = fault_of(e, key);
    if (why != NULL) {
        if (error != NULL) {
            embed_fail(error, "%s", why);
        }
        return false;
    }
    exchange(e, key->use, key->id, key->peer, key);
    return true;
}

bool cmp_embed_key_remove(cmp_embed *e, cmp_key_use use, const char *id, const char *peer)
{
    return is_control(e) && exchange(e, use, cmp_str_from(id), cmp_str_from(peer), NULL);
}
