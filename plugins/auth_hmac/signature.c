/* The signature's arithmetic and its texts, shared by the plugin and the operator's tool. EVP_MAC
 * costs some 80 ns a request more than the low-level functions, which OpenSSL has deprecated. */
#include "signature.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>

struct signature_state {
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

signature_state *signature_state_create(cmp_hash hash, const uint8_t *secret, size_t secret_size)
{
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *context = mac != NULL ? EVP_MAC_CTX_new(mac) : NULL;
    EVP_MAC_free(mac); /* the context holds it */

    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)hashes[hash].name, 0),
        OSSL_PARAM_construct_end(),
    };
    signature_state *state = OPENSSL_malloc(sizeof(*state));
    if (context == NULL || state == NULL || !EVP_MAC_init(context, secret, secret_size, params)) {
        EVP_MAC_CTX_free(context);
        OPENSSL_free(state);
        return NULL;
    }
    state->context = context;
    return state;
}

void signature_state_destroy(signature_state **state)
{
    if (*state != NULL) {
        EVP_MAC_CTX_free((*state)->context);
        OPENSSL_free(*state);
        *state = NULL;
    }
}

size_t signature_mac_size(cmp_hash hash)
{
    return hashes[hash].size;
}

bool signature_compute(signature_state *state, cmp_str tid, cmp_str ici,
                       uint8_t mac[SIGNATURE_MAC_MAX])
{
    size_t size;
    /* Without a key, init goes back to the state in which the key has just been absorbed. */
    return EVP_MAC_init(state->context, NULL, 0, NULL) &&
           EVP_MAC_update(state->context, (const uint8_t *)tid.at, tid.size) &&
           EVP_MAC_update(state->context, (const uint8_t *)ici.at, ici.size) &&
           EVP_MAC_final(state->context, mac, &size, SIGNATURE_MAC_MAX);
}

/* ---- texts ---- */

#define NO_DIGIT 0xFF

static const uint8_t hex_values[256] = {
    ['0'] = 1,  ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,  ['6'] = 7,  ['7'] = 8,
    ['8'] = 9,  ['9'] = 10, ['a'] = 11, ['b'] = 12, ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16,
    ['A'] = 11, ['B'] = 12, ['C'] = 13, ['D'] = 14, ['E'] = 15, ['F'] = 16,
};

/* The table holds each digit's value plus one, so that what is no digit is 0 there and NO_DIGIT
 * here. */
static unsigned hex_value(char c)
{
    return (uint8_t)(hex_values[(uint8_t)c] - 1);
}

static bool hex_parse(cmp_str text, uint8_t *mac)
{
    unsigned wrong = 0;
    for (size_t i = 0; i < text.size / 2; i++) {
        const unsigned high = hex_value(text.at[2 * i]), low = hex_value(text.at[2 * i + 1]);
        wrong |= high | low;
        mac[i] = (uint8_t)(high << 4 | low);
    }
    return wrong < 16;
}

static unsigned base64_value(char c)
{
    if (c >= 'A' && c <= 'Z') {
        return (unsigned)(c - 'A');
    }
    if (c >= 'a' && c <= 'z') {
        return (unsigned)(c - 'a') + 26;
    }
    if (c >= '0' && c <= '9') {
        return (unsigned)(c - '0') + 52;
    }
    if (c == '+' || c == '-') {
        return 62;
    }
    return c == '/' || c == '_' ? 63 : NO_DIGIT;
}

/* Reads `size` octets from as many digits as they take; bits left over must be zero. */
static bool base64_parse(const char *digits, uint8_t *mac, size_t size)
{
    unsigned held = 0, bits = 0, wrong = 0;
    for (size_t done = 0; done < size; digits++) {
        const unsigned value = base64_value(*digits);
        wrong |= value;
        held = held << 6 | (value & 63);
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            mac[done++] = (uint8_t)(held >> bits);
        }
    }
    return wrong < 64 && (held & ((1U << bits) - 1)) == 0;
}

bool signature_parse(cmp_str text, cmp_hash hash, uint8_t mac[SIGNATURE_MAC_MAX])
{
    const size_t size = hashes[hash].size;
    const size_t digits = (size * 4 + 2) / 3, padded = (size + 2) / 3 * 4;
    if (text.size == 2 * size) {
        return hex_parse(text, mac);
    }
    if (text.size != digits && text.size != padded) {
        return false;
    }
    for (size_t i = digits; i < text.size; i++) {
        if (text.at[i] != '=') {
            return false;
        }
    }
    return base64_parse(text.at, mac, size);
}

static size_t hex_write(const uint8_t *mac, size_t size, char *text)
{
    for (size_t i = 0; i < size; i++) {
        text[2 * i] = "0123456789abcdef"[mac[i] >> 4];
        text[2 * i + 1] = "0123456789abcdef"[mac[i] & 15];
    }
    return 2 * size;
}

size_t signature_encode(const uint8_t *mac, cmp_hash hash, cmp_encoding encoding,
                        char text[SIGNATURE_TEXT_MAX])
{
    const size_t size = hashes[hash].size;
    if (encoding == CMP_ENCODING_HEX) {
        return hex_write(mac, size, text);
    }
    /* EVP_EncodeBlock ends its text with a NUL, for which `text` need not have room. */
    unsigned char padded[(SIGNATURE_MAC_MAX + 2) / 3 * 4 + 1];
    const size_t length = (size_t)EVP_EncodeBlock(padded, mac, (int)size);
    memcpy(text, padded, length);
    return length;
}

bool signature_equal(const uint8_t *a, const uint8_t *b, cmp_hash hash)
{
    return CRYPTO_memcmp(a, b, hashes[hash].size) == 0;
}
