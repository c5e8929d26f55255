/* SPDX-License-Identifier: Apache-2.0 */
/* Credentials of requests to the server; called when the store is made, and for each request. */
#include "credential.h"

#include <cmp-kit/keys.h>
#include <cmp-kit/memory.h>
#include <cmp-kit/text.h>

#include <stdlib.h>

#define BEARER "Bearer "

/* ---- the token ---- */

/* It becomes a header's value, so nothing may be in it that ends one. */
static bool take_token(remote *r, const char *text, cmp_report *report)
{
    const size_t size = strlen(text);
    if (size == 0 || !kit_ascii_visible((cmp_str){text, size})) {
        r->host->report(report, "token", "a token has visible ASCII characters only");
        return false;
    }
    r->authorization = kit_alloc(sizeof(BEARER) + size);
    memcpy(r->authorization, BEARER, sizeof(BEARER) - 1);
    memcpy(r->authorization + sizeof(BEARER) - 1, text, size);
    r->authorization[sizeof(BEARER) - 1 + size] = '\0';
    return true;
}

bool credential_open(remote *r, cmp_report *report)
{
    const options *o = r->options;
    return o->token == NULL || take_token(r, o->token, report);
}

void credential_close(remote *r)
{
    if (r->authorization != NULL) {
        explicit_bzero(r->authorization, strlen(r->authorization));
        free(r->authorization);
        r->authorization = NULL;
    }
}

/* ---- the peer's keys ---- */

struct credential_key {
    char id[CREDENTIAL_ID_MAX];
    size_t id_size;
    cmp_key key; /* neither its texts nor its secret: they are gone after the visit */
    kit_signature_state *state;
};

typedef struct taking {
    cmp_str peer;
    credential_keys *keys;
} taking;

static void take_key(const cmp_key *key, void *arg)
{
    const taking *t = arg;
    credential_keys *keys = t->keys;
    if (!cmp_str_equal(key->peer, t->peer) || key->id.size > CREDENTIAL_ID_MAX) {
        return;
    }
    kit_signature_state *state =
        kit_signature_state_create(key->hash, key->secret, key->secret_size);
    if (state == NULL) {
        return; /* OpenSSL does not offer its hash: it is as good as none */
    }
    keys->at = kit_realloc(keys->at, (keys->count + 1) * sizeof(*keys->at));
    credential_key *taken = &keys->at[keys->count++];
    *taken = (credential_key){.id_size = key->id.size, .key = *key, .state = state};
    memcpy(taken->id, key->id.at, key->id.size);
}

void credential_keys_take(credential_keys *keys, const remote *r)
{
    credential_keys_drop(keys);
    if (r->options->peer != NULL) {
        taking t = {cmp_str_from(r->options->peer), keys};
        r->host->key_each(r->host, CMP_KEY_RECEIVED, take_key, &t);
    }
}

void credential_keys_drop(credential_keys *keys)
{
    for (size_t i = 0; i < keys->count; i++) {
        kit_signature_state_destroy(&keys->at[i].state);
    }
    free(keys->at);
    *keys = (credential_keys){.count = 0};
}

/* Of those that are valid the one whose window began last, and of equals the last in the file: a
 * key that an operator adds at the end is meant to be used from now on. */
static const credential_key *newest(const credential_keys *keys, int64_t now_ms)
{
    const credential_key *found = NULL;
    for (size_t i = 0; i < keys->count; i++) {
        const cmp_key *key = &keys->at[i].key;
        if (!kit_key_not_yet(key, now_ms) && !kit_key_expired(key, now_ms) &&
            (found == NULL || key->not_before_ms >= found->key.not_before_ms)) {
            found = &keys->at[i];
        }
    }
    return found;
}

/* ---- the signature ---- */

/* HMAC(apikey, tid ‖ icis) as text. */
bool credential_sign(const remote *r, const credential_keys *keys, cmp_str icis,
                     credential_signature *signature)
{
    const int64_t now_ms = r->host->now_ms(r->host);
    const credential_key *k = newest(keys, now_ms);
    uint8_t mac[KIT_SIGNATURE_MAC_MAX];
    const cmp_str tid = {signature->tid, sizeof(signature->tid)};
    kit_uuid_v7_make(now_ms, signature->tid); /* the server may want to know how old it is */
    if (k == NULL || !kit_signature_compute(k->state, tid, icis, mac)) {
        return false;
    }
    const size_t size = kit_signature_encode(mac, k->key.hash, k->key.encoding, signature->text);
    signature->headers[0] = (cmp_pair){CMP_STR("cmp-tid"), tid};
    signature->headers[1] = (cmp_pair){CMP_STR("cmp-key-id"), {k->id, k->id_size}};
    signature->headers[2] = (cmp_pair){CMP_STR("cmp-signature"), {signature->text, size}};
    return true;
}
