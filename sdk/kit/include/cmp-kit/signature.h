/* SPDX-License-Identifier: Apache-2.0 */
/* The digital signature of 9.3.2: HMAC(apikey, tid ‖ ici), and its texts on the wire.
 *
 * Needs libcrypto (-lcrypto) and no host, so that any program can sign and verify with it. Who does
 * not include this header does not get libcrypto linked in. */
#pragma once

#include <cmp/base.h>
#include <cmp/key.h>

__BEGIN_DECLS

/* Octets of the longest MAC, SHA-512's. */
#define KIT_SIGNATURE_MAC_MAX 64

/* A key made ready: its schedule is done once, and not again for each request. Used by one thread
 * at a time; make one for each worker. */
typedef struct kit_signature_state kit_signature_state;

/* A state for that key, which is the caller's: end it with kit_signature_state_destroy. The secret
 * may go away afterwards. NULL when OpenSSL does not offer the hash, or has no memory. */
CMP_MUST_USE kit_signature_state *kit_signature_state_create(cmp_hash hash, const uint8_t *secret,
                                                             size_t secret_size);

/* Wipes what is kept of the secret, frees *state and nulls it; a null state is fine. */
void kit_signature_state_destroy(kit_signature_state **state);

/* Octets of the hash's MAC. Any thread, as all below. */
size_t kit_signature_mac_size(cmp_hash hash);

/* Computes the MAC over the two values, with nothing between them (9.3.2). False when OpenSSL
 * fails; `mac` is then whatever it was. One thread at a time for each state. */
CMP_MUST_USE bool kit_signature_compute(kit_signature_state *state, cmp_str tid, cmp_str ici,
                                        uint8_t mac[KIT_SIGNATURE_MAC_MAX]);

/* Reads a signature: hex in either case, base64 or base64url, padded or not; its length says which.
 * False when it is none of them for that hash; `mac` is then whatever it was. */
CMP_MUST_USE bool kit_signature_parse(cmp_str text, cmp_hash hash,
                                      uint8_t mac[KIT_SIGNATURE_MAC_MAX]);

/* Space for every encoding of every hash, without a NUL. */
#define KIT_SIGNATURE_TEXT_MAX ((size_t)2 * KIT_SIGNATURE_MAC_MAX)

/* Writes a MAC as hex in lower case or padded base64, without a NUL; returns the text's size. */
size_t kit_signature_encode(const uint8_t *mac, cmp_hash hash, cmp_encoding encoding,
                            char text[KIT_SIGNATURE_TEXT_MAX]);

/* Compares two MACs in a time that does not depend on where they differ. */
CMP_MUST_USE bool kit_signature_equal(const uint8_t *a, const uint8_t *b, cmp_hash hash);

__END_DECLS
