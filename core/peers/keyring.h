/* SPDX-License-Identifier: Apache-2.0 */
/* The keyring: credentials issued to peers and received from them (9.3.2), from a file of their
 * own.
 *
 *     issued:      # we verify with these
 *       - {id: k-1, peer: b, secret: "…", hash: sha256, tid_format: uuidv7, max_skew: 5m}
 *     received:    # we sign with these
 *       - {id: ours, peer: b, secret_base64: "…", encoding: hex, not_after: 2027-01-01T00:00:00Z}
 *
 *     tokens:      # of the interface codes; see tokens.h
 *       - {name: reader, sha256: "…", allow: read}
 *
 *     pseudonym_secret: "…"   # users withheld from a peer are shown to it as a keyed pseudonym
 *
 * Exactly one of secret (the octets of the text), secret_hex, secret_base64 is given. */
#pragma once

#include "peers/tokens.h"

#include <cmp-kit/file.h>
#include <cmp/key.h>

typedef struct keyring keyring;

enum { KEY_SKEW_LEAST_MS = 1000, KEY_SKEW_MOST_MS = 86400000 }; /* of max_skew: 1 s to 1 day */

/* Reads the file; refuses one that group or others can read or write (say whose it is and the
 * mode), double ids (of all that we issued, or of what one peer gave to us), empty secrets, peers
 * that `peer_known` does not know (NULL: any). NULL with errors in the report; otherwise the
 * caller's share. No message ever holds a secret. */
keyring *keyring_load(const char *path, bool (*peer_known)(void *arg, const char *name), void *arg,
                      cmp_report *report);

/* Wipes the secrets of keys that have ended: random octets stand in their place, with which nothing
 * is signed and nothing verified, so that who asks for the key still learns that it has ended.
 * Before it is shared. */
void keyring_forget(keyring *k, int64_t now_ms);

/* Whether it would be another one if it were read and forgotten at this time: a key has ended
 * since, or the clock was set back behind that of keyring_forget. Any thread. */
bool keyring_is_over(const keyring *k, int64_t now_ms);

/* Another share of it. Any thread. */
keyring *keyring_ref(keyring *k);

/* Gives a share back, and nulls it; NULL is fine. The last one wipes all secrets. Any thread. */
void keyring_unref(keyring **k);

/* The file's mark when it was read. Lives as long as the keyring. */
const kit_file_mark *keyring_mark(const keyring *k);

/* A file's mark in visible ASCII: one program tells another by it which state it means. */
#define KEYRING_MARK_TEXT_SIZE 160
void keyring_mark_text(const kit_file_mark *m, char text[KEYRING_MARK_TEXT_SIZE]);

/* Visits keys of one use in the file's order. */
void keyring_each(const keyring *k, cmp_key_use use, void (*visit)(const cmp_key *key, void *arg),
                  void *arg);

/* The secret for pseudonyms of users, or absent. Lives as long as the keyring. */
cmp_str keyring_pseudonym_secret(const keyring *k);

/* The tokens. Live as long as the keyring. */
const tokens *keyring_tokens(const keyring *k);

/* The text names of the enumerations, ended by NULL, in their order. */
extern const char *const key_hash_names[];
extern const char *const key_encoding_names[];
extern const char *const key_tid_format_names[];
