/* SPDX-License-Identifier: Apache-2.0 */
/* The plugin auth_hmac: requests are signed with a shared key, HMAC(apikey, tid ‖ ici) (9.3.2). It
 * stands at the step `authenticate`, and signs what the forwarder sends. */
#include "keys.h"

#include <cmp-kit/memory.h>
#include <cmp-kit/tid.h>
#include <cmp/plugin.h>

#include <openssl/crypto.h>
#include <stdatomic.h>
#include <stdlib.h>

/* ---- descriptor ---- */

static void *hmac_create(const cmp_host *host, const void *options, void *previous,
                         cmp_report *report);
static void hmac_destroy(void *instance);
static void *hmac_worker_start(void *instance, cmp_loop *loop);
static void hmac_worker_stop(void *instance, void *worker);
static void hmac_keys_changed(void *instance);
static cmp_auth_verdict hmac_verify(void *instance, void *worker, cmp_op op,
                                    cmp_auth_answer *answer);
static cmp_sign_verdict hmac_sign(void *instance, void *worker, const cmp_outgoing *outgoing,
                                  cmp_op op, cmp_signature *signature);

/* Both answer at once, so there is nothing to cancel. */
static const cmp_auth_ops ops = {
    .size = sizeof(ops),
    .verify = hmac_verify,
    .sign = hmac_sign,
    .challenge = "MC-HMAC realm=\"mc-3\"", /* a scheme of our profile: the seed names none */
};

CMP_EXPORT const cmp_plugin cmp_plugin_descriptor = {
    CMP_PLUGIN_ABI,
    .name = "auth_hmac",
    .kind = CMP_PLUGIN_AUTH,
    .services = CMP_SERVICE_KEYRING,
    .version = "1.0",
    .summary = "digital signatures with shared keys: HMAC(apikey, tid and ici)",
    .create = hmac_create,
    .worker_start = hmac_worker_start,
    .worker_stop = hmac_worker_stop,
    .keys_changed = hmac_keys_changed,
    .destroy = hmac_destroy,
    .ops.auth = &ops,
};

/* ---- state ---- */

enum { HASH_COUNT = CMP_HASH_SHA512 + 1 };

_Static_assert(KIT_SIGNATURE_TEXT_MAX <= CMP_SIGNATURE_MAX, "a signature fits into its answer");

#define TOLD_MAX 256

typedef struct hmac_instance {
    const cmp_host *host;
    /* The peers whose clocks were spoken of, by digest of the key's id: once for all workers. Two
     * of one place take turns, and may be spoken of again. */
    atomic_uint_fast64_t told[TOLD_MAX];
} hmac_instance;

typedef struct hmac_worker {
    key_table *issued;
    key_table *received;
    keyed decoys[HASH_COUNT]; /* verify a request whose key is unknown, at the same cost */
} hmac_worker;

/* A decoy has a secret that nobody knows. Its state is missing where OpenSSL lacks the hash; no key
 * uses that hash then, and neither is the decoy asked for. */
static keyed decoy_make(const cmp_host *host, cmp_hash hash)
{
    uint8_t secret[32];
    host->random(host, secret, sizeof(secret));
    kit_signature_state *state = kit_signature_state_create(hash, secret, sizeof(secret));
    OPENSSL_cleanse(secret, sizeof(secret));
    return (keyed){.key = {.hash = hash}, .state = state};
}

static void *hmac_create(const cmp_host *host, const void *options, void *previous,
                         cmp_report *report)
{
    (void)options;
    (void)previous;
    /* What every worker will need is tried where its lack can be reported; worker_start has no
     * report. */
    keyed probe = decoy_make(host, CMP_HASH_SHA256);
    if (probe.state == NULL) {
        host->report(report, NULL, "OpenSSL does not offer HMAC with SHA-256");
        return NULL;
    }
    kit_signature_state_destroy(&probe.state);
    hmac_instance *self = kit_calloc(1, sizeof(*self));
    self->host = host;
    return self;
}

static void hmac_destroy(void *instance)
{
    free(instance);
}

static void *hmac_worker_start(void *instance, cmp_loop *loop)
{
    (void)loop;
    const hmac_instance *self = instance;
    hmac_worker *w = kit_alloc(sizeof(*w));
    w->issued = key_table_create(self->host, CMP_KEY_ISSUED, NULL);
    w->received = key_table_create(self->host, CMP_KEY_RECEIVED, NULL);
    for (int hash = 0; hash < HASH_COUNT; hash++) {
        w->decoys[hash] = decoy_make(self->host, (cmp_hash)hash);
    }
    return w;
}

static void hmac_worker_stop(void *instance, void *worker)
{
    (void)instance;
    hmac_worker *w = worker;
    key_table_destroy(&w->issued);
    key_table_destroy(&w->received);
    for (int hash = 0; hash < HASH_COUNT; hash++) {
        kit_signature_state_destroy(&w->decoys[hash].state);
    }
    free(w);
}

static void renew_table(const cmp_host *host, cmp_key_use use, key_table **table)
{
    key_table *before = *table;
    *table = key_table_create(host, use, before);
    key_table_destroy(&before);
}

/* Between two requests, so that none has a key of the old tables in hand. */
static void renew_tables(void *instance, void *worker, void *arg)
{
    (void)arg;
    const cmp_host *host = ((const hmac_instance *)instance)->host;
    hmac_worker *w = worker;
    if (w != NULL) {
        renew_table(host, CMP_KEY_ISSUED, &w->issued);
        renew_table(host, CMP_KEY_RECEIVED, &w->received);
    }
}

static void hmac_keys_changed(void *instance)
{
    const cmp_host *host = ((const hmac_instance *)instance)->host;
    host->workers_call(host, renew_tables, NULL);
}

/* ---- verify ---- */

/* What a check found wrong: static text, or NULL. */
typedef const char *finding;

/* Looks at all of them, from the last: an early end would show in the time (see hmac_verify). */
static finding first_of(const finding *findings, size_t count)
{
    finding first = NULL;
    for (size_t i = count; i > 0; i--) {
        first = findings[i - 1] != NULL ? findings[i - 1] : first;
    }
    return first;
}

/* One signature, one fingerprint: a boundary twin (the same octets, cut elsewhere into tid and ici)
 * has the same MAC and the same key, and is the replay that it looks like. */
static void fingerprint(const keyed *k, const uint8_t *mac, uint8_t at[FINGERPRINT_SIZE])
{
    for (size_t i = 0; i < FINGERPRINT_SIZE; i++) {
        at[i] = mac[i] ^ k->id_digest[i];
    }
}

/* Only of tids with a good signature: they are the requestor's. A clock that runs ahead or behind
 * by less than max_skew is said as well, before it is too much. */
static void note_clock(hmac_instance *self, keyed *k, int64_t by_ms)
{
    int64_t ahead_ms;
    uint64_t mark;
    if (!pace_note(&k->pace, by_ms, &ahead_ms)) {
        return;
    }
    memcpy(&mark, k->id_digest, sizeof(mark));
    mark |= 1; /* 0: nobody */
    if (atomic_exchange(&self->told[mark / 2 % TOLD_MAX], mark) == mark) {
        return;
    }
    self->host->log(self->host, CMP_LOG_WARNING,
                    "the clock of %.*s (key %.*s) is %s ours by %lld s, or ours is wrong: its tids "
                    "say so",
                    (int)k->key.peer.size, k->key.peer.at, (int)k->key.id.size, k->key.id.at,
                    ahead_ms > 0 ? "ahead of" : "behind",
                    (long long)(ahead_ms > 0 ? ahead_ms : -ahead_ms) / 1000);
}

/* Does all of the work in every case, and has one way out: from outside neither the answer nor its
 * time tells an unknown key from a bad signature or an expired key. */
static cmp_auth_verdict hmac_verify(void *instance, void *worker, cmp_op op,
                                    cmp_auth_answer *answer)
{
    const cmp_host *host = ((const hmac_instance *)instance)->host;
    hmac_worker *w = worker;
    const cmp_str id = host->txn_param(host, op, CMP_PARAM_APIKEYID);
    const cmp_str text = host->txn_param(host, op, CMP_PARAM_SIGNATURE);
    const cmp_str tid = host->txn_param(host, op, CMP_PARAM_TID);
    const cmp_str ici = host->txn_param(host, op, CMP_PARAM_ICI);
    const int64_t now_ms = host->txn_now_ms(host, op);

    /* 9.3.2: the stored key is found by the apikeyid, and the signature validated with it. */
    keyed *found = key_table_find(w->issued, id);
    keyed *k = found != NULL ? found : &w->decoys[key_table_hash_for(w->issued, id)];
    const cmp_key *key = &k->key;

    uint8_t theirs[KIT_SIGNATURE_MAC_MAX] = {0}, ours[KIT_SIGNATURE_MAC_MAX] = {0};
    const bool readable = kit_signature_parse(text, key->hash, theirs);
    const bool computed = kit_signature_compute(k->state, tid, ici, ours);
    const bool equal = kit_signature_equal(theirs, ours, key->hash);
    const kit_tid shape = kit_tid_read(tid);

    const finding findings[] = {
        id.at == NULL ? "no apikeyid" : NULL,
        text.at == NULL ? "no signature" : NULL,
        found == NULL ? "unknown apikeyid" : NULL,
        readable || text.size == 0 || memchr(text.at, ' ', text.size) == NULL
            ? NULL
            : "signature has spaces: its + were not sent as %2B, which a form needs",
        readable ? NULL : "signature is neither hex nor base64 of the key's hash",
        computed ? NULL : "OpenSSL failed",
        /* Before the signature: the secret of one that has ended is gone, and nothing fits. */
        kit_key_expired(key, now_ms) ? "key has expired" : NULL,
        equal ? NULL : "bad signature",
        kit_key_not_yet(key, now_ms) ? "key is not valid yet" : NULL,
        kit_tid_fault(&shape, key, now_ms),
    };
    const finding reason = first_of(findings, sizeof(findings) / sizeof(findings[0]));
    *answer = (cmp_auth_answer){
        .peer = reason == NULL ? key->peer : CMP_NONE,
        .credential = reason == NULL ? key->id : CMP_NONE,
        .once = key->repeat_identical ? CMP_ONCE_IDENTICAL : CMP_ONCE_ONLY,
        .reason = reason,
    };
    fingerprint(k, ours, answer->fingerprint);
    if (found != NULL && equal && shape.version_7) {
        note_clock(instance, k, shape.time_ms - now_ms);
    }
    return reason == NULL ? CMP_AUTH_ACCEPT : CMP_AUTH_REJECT;
}

/* ---- sign ---- */

/* With the key that the recipient gave to us (9.3.2), never with one that we issued. What the
 * answer points to is the table's, and stays until control is back in the loop. */
static cmp_sign_verdict hmac_sign(void *instance, void *worker, const cmp_outgoing *outgoing,
                                  cmp_op op, cmp_signature *signature)
{
    (void)op; /* it answers at once */
    const cmp_host *host = ((const hmac_instance *)instance)->host;
    hmac_worker *w = worker;
    keyed *k = key_table_current(w->received, outgoing->peer, host->now_ms(host));
    if (k == NULL) {
        return CMP_SIGN_NO_KEY;
    }
    uint8_t mac[KIT_SIGNATURE_MAC_MAX];
    if (!kit_signature_compute(k->state, outgoing->tid, outgoing->ici, mac)) {
        return CMP_SIGN_UNAVAILABLE;
    }
    signature->apikeyid = k->key.id;
    signature->size = kit_signature_encode(mac, k->key.hash, k->key.encoding, signature->text);
    return CMP_SIGN_DONE;
}
