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

/* ---- the signature ---- */

/* HMAC(apikey, tid ‖ icis) as text; its size, 0 when OpenSSL fails. The key is made ready for each
 * request anew: one request carries many look-ups, and a newer key counts at once. */
static size_t compute(const cmp_key *key, cmp_str tid, cmp_str icis,
                      char text[KIT_SIGNATURE_TEXT_MAX])
{
    uint8_t mac[KIT_SIGNATURE_MAC_MAX];
    kit_signature_state *state =
        kit_signature_state_create(key->hash, key->secret, key->secret_size);
    const bool good = state != NULL && kit_signature_compute(state, tid, icis, mac);
    kit_signature_state_destroy(&state);
    return good ? kit_signature_encode(mac, key->hash, key->encoding, text) : 0;
}

typedef struct signing {
    credential_signature *signature;
    cmp_str icis;
    bool done;
} signing;

/* What is sent is copied: the key is gone after the visit. */
static void sign(const cmp_key *key, void *arg)
{
    signing *s = arg;
    credential_signature *to = s->signature;
    const cmp_str tid = {to->tid, sizeof(to->tid)};
    const size_t size = compute(key, tid, s->icis, to->text);
    if (size > 0 && key->id.size <= sizeof(to->id)) {
        memcpy(to->id, key->id.at, key->id.size);
        to->headers[0] = (cmp_pair){CMP_STR("cmp-tid"), tid};
        to->headers[1] = (cmp_pair){CMP_STR("cmp-key-id"), {to->id, key->id.size}};
        to->headers[2] = (cmp_pair){CMP_STR("cmp-signature"), {to->text, size}};
        s->done = true;
    }
}

bool credential_sign(const remote *r, cmp_str icis, credential_signature *signature)
{
    const int64_t now_ms = r->host->now_ms(r->host);
    signing s = {.signature = signature, .icis = icis};
    kit_uuid_v7_make(now_ms, signature->tid); /* the server may want to know how old it is */
    return kit_key_for_peer(r->host, cmp_str_from(r->options->peer), now_ms, sign, &s) && s.done;
}
