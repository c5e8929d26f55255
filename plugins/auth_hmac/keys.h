/* SPDX-License-Identifier: Apache-2.0 */
/* One worker's keys, each with its schedule done, found by the octets that a request brings. */
#pragma once

#include "pace.h"

#include <cmp-kit/keys.h>
#include <cmp-kit/signature.h>
#include <cmp/host.h>

#define FINGERPRINT_SIZE ((size_t)16)

/* A key of the keyring, ready for use: all of it but the secret, which the state has absorbed. */
typedef struct keyed {
    cmp_key key; /* texts are the table's */
    kit_signature_state *state;
    uint8_t id_digest[FINGERPRINT_SIZE]; /* tells keys apart in fingerprints; the same everywhere */
    uint8_t secret_digest[FINGERPRINT_SIZE]; /* tells whether it is another secret */
    pace pace;                               /* of the requestor's clock */
    struct keyed *next;                      /* in the bucket */
} keyed;

typedef struct key_table key_table;

/* Prepares all keys of one use: issued ones are found by their id, received ones by the peer. A key
 * whose hash OpenSSL does not offer is logged and left out. The table belongs to the caller, and to
 * one thread. Ending it wipes what was derived of secrets.
 *
 * `before` (NULL: none) is the table of before: of keys that are still the same it gives away what
 * was prepared, which takes five times as long as to find that out, and knows them no more. */
key_table *key_table_create(const cmp_host *host, cmp_key_use use, key_table *before);
void key_table_destroy(key_table **table);

/* The issued key of that id, whether it is valid now or not; NULL when there is none. */
keyed *key_table_find(const key_table *table, cmp_str id);

/* The received key to sign with for that peer: of those valid now the one whose validity began
 * last, and of equals the last in the file. NULL when there is none. */
keyed *key_table_current(const key_table *table, cmp_str peer, int64_t now_ms);

/* The hash of some key, always the same for the same octets; SHA-256 when there is no key. */
cmp_hash key_table_hash_for(const key_table *table, cmp_str id);
