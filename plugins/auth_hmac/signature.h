/* The digital signature of 9.3.2: HMAC(apikey, tid ‖ ici), and its texts on the wire.
 *
 * Needs OpenSSL and no host, so that any program can sign and verify with this one file. */
#pragma once

#include <cmp/base.h>
#include <cmp/key.h>

#define SIGNATURE_MAC_MAX 64 /* octets of the longest MAC, SHA-512's */

/* A key made ready: its schedule is done once, and not again for each request. One thread at a
 * time. */
typedef struct signature_state signature_state;

/* NULL when OpenSSL does not offer the hash. The secret may go away afterwards; what is kept of it
 * is wiped by signature_state_destroy, which accepts a null state and nulls the pointer. */
signature_state *signature_state_create(cmp_hash hash, const uint8_t *secret, size_t secret_size);
void signature_state_destroy(signature_state **state);

/* Octets of the hash's MAC. */
size_t signature_mac_size(cmp_hash hash);

/* Computes the MAC over the two values, with nothing between them. False when OpenSSL fails. */
bool signature_compute(signature_state *state, cmp_str tid, cmp_str ici,
                       uint8_t mac[SIGNATURE_MAC_MAX]);

/* Reads a signature: hex in either case, base64 or base64url, padded or not; its length says which.
 * False when it is none of them for that hash; `mac` is then whatever it was. */
bool signature_parse(cmp_str text, cmp_hash hash, uint8_t mac[SIGNATURE_MAC_MAX]);

/* Space for every encoding of every hash, without a NUL. */
#define SIGNATURE_TEXT_MAX ((size_t)2 * SIGNATURE_MAC_MAX)

/* Writes a MAC as hex in lower case or padded base64, and returns the text's size. */
size_t signature_encode(const uint8_t *mac, cmp_hash hash, cmp_encoding encoding,
                        char text[SIGNATURE_TEXT_MAX]);

/* Compares two MACs in a time that does not depend on where they differ. */
bool signature_equal(const uint8_t *a, const uint8_t *b, cmp_hash hash);
