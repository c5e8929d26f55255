/* SPDX-License-Identifier: Apache-2.0 */
/* The signature's arithmetic and its texts, for plugins, the operator's tool and whoever else
 * signs. EVP_MAC costs some 80 ns a request more than the low-level functions, which OpenSSL has
 * deprecated. */
#include <cmp-kit/signature.h>

#include <cmp-kit/text.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>

struct kit_signature_state {
    EVP_MAC_CTX *context;
};

typedef struct hash_info {
    const char *name; /* OpenSSL's */
    size_t size;
} hash_info;

static const hash_info hashes[] = {
    [CMP_HASH_SHA256] = {"SHA256", 32},
    [CMP_HASH_SHA1] = {"SHA1", 20},
    [CMP_HASH_SHA384] = {"SHA384", 48},
    [CMP_HASH_SHA512] = {"SHA512", 64},
};

kit_signature_state *kit_signature_state_create(cmp_hash hash, const uint8_t *secret,
                                                size_t secret_size)
{
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *context = mac != NULL ? EVP_MAC_CTX_new(mac) : NULL;
    EVP_MAC_free(mac); /* the context holds it */

    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)hashes[hash].name, 0),
        OSSL_PARAM_construct_end(),
    };
    kit_signature_state *state = OPENSSL_malloc(sizeof(*state));
    if (context == NULL || state == NULL || !EVP_MAC_init(context, secret, secret_size, params)) {
        EVP_MAC_CTX_free(context);
        OPENSSL_free(state);
        return NULL;
    }
    state->context = context;
    return state;
}

void kit_signature_state_destroy(kit_signature_state **state)
{
    if (*state != NULL) {
        EVP_MAC_CTX_free((*state)->context);
        OPENSSL_free(*state);
        *state = NULL;
    }
}

size_t kit_signature_mac_size(cmp_hash hash)
{
    return hashes[hash].size;
}

bool kit_signature_compute(kit_signature_state *state, cmp_str tid, cmp_str ici,
                           uint8_t mac[KIT_SIGNATURE_MAC_MAX])
{
    size_t size;
    /* Without a key, init goes back to the state in which the key has just been absorbed. */
    return EVP_MAC_init(state->context, NULL, 0, NULL) &&
           EVP_MAC_update(state->context, (const uint8_t *)tid.at, tid.size) &&
           EVP_MAC_update(state->context, (const uint8_t *)ici.at, ici.size) &&
           EVP_MAC_final(state->context, mac, &size, KIT_SIGNATURE_MAC_MAX);
}

/* ---- texts ---- */

bool kit_signature_parse(cmp_str text, cmp_hash hash, uint8_t mac[KIT_SIGNATURE_MAC_MAX])
{
    const size_t size = hashes[hash].size;
    /* A MAC's hex is longer than its base64, so the length tells them apart (SPEC 4). */
    if (text.size == 2 * size) {
        return kit_hex_decode(text, mac, size);
    }
    return kit_base64_decode(text, mac, size) == (ptrdiff_t)size;
}

size_t kit_signature_encode(const uint8_t *mac, cmp_hash hash, cmp_encoding encoding,
                            char text[KIT_SIGNATURE_TEXT_MAX])
{
    const size_t size = hashes[hash].size;
    if (encoding == CMP_ENCODING_BASE64) {
        return kit_base64_encode(mac, size, text);
    }
    kit_hex_encode(mac, size, text);
    return 2 * size;
}

bool kit_signature_equal(const uint8_t *a, const uint8_t *b, cmp_hash hash)
{
    return CRYPTO_memcmp(a, b, hashes[hash].size) == 0;
}
