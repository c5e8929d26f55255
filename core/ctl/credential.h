/* SPDX-License-Identifier: Apache-2.0 */
/* The key that a command works with: from a keyring, or from a file that holds one secret. */
#pragma once

#include "ctl/args.h"
#include "peers/keyring.h"

#include <cmp/key.h>
#include <jansson.h>

/* What the operator has said; members not given are NULL. */
typedef struct credential_choice {
    const char *keys, *id, *peer; /* a keyring, and a key of it: by its id, as the peer's newest,
                                    or both when several peers gave us one of that id */
    const char *secret_file, *hash;
} credential_choice;

/* Its rows on the command line: of the options' member `key`. `order` is the use that an id
 * means when it has both, and the other one. */
#define CREDENTIAL_ROWS(options, order)                                                            \
    ARGS_ROW("keys", TEXT, options, key.keys, "FILE", "the keyring to take the key from"),         \
        ARGS_ROW("id", TEXT, options, key.id, "APIKEYID", "the key of that id, " order),           \
        ARGS_ROW("peer", TEXT, options, key.peer, "NAME",                                          \
                 "whose key it is, when several peers gave us one of that id"),                    \
        ARGS_ROW("secret-file", TEXT, options, key.secret_file, "FILE",                            \
                 "a file that holds the apikey; - is stdin"),                                      \
        ARGS_ROW("hash", TEXT, options, key.hash, "HASH",                                          \
                 "sha256 (default), sha1, sha384 or sha512; with --secret-file")

/* What is said when an id is that of several keys, or of none: with the keyring's path, and the id.
 */
#define CREDENTIAL_SEVERAL "%s: several peers gave us a key \"%s\"; say whose with --peer"
#define CREDENTIAL_NONE    "%s: it has no key of the id \"%s\""

typedef struct credential {
    cmp_key key;     /* of a secret file: without id and peer */
    bool from_file;  /* a secret file */
    keyring *ring;   /* NULL with a secret file */
    uint8_t *secret; /* of the secret file */
    size_t secret_size;
} credential;

/* Finds the key. An id that is both issued and received means the one of `preferred`; a peer means
 * its newest received key that is valid at `now_ms`. False after a message. Dispose in any case. */
CMP_MUST_USE bool credential_open(credential *c, const credential_choice *choice,
                                  cmp_key_use preferred, int64_t now_ms);

/* Wipes the secret. */
void credential_dispose(credential *c);

/* Adds to a JSON object what is said of it: apikeyid, peer and use, and the hash. */
void credential_add(const credential *c, json_t *object);

/* "issued to b", "received from b", "secret file". */
void credential_describe(const cmp_key *key, bool from_file, char *text, size_t size);

/* Reads a secret as people leave it in a file: its octets without one newline at the end. "-" is
 * stdin. NULL after a message; free with secret_free. */
uint8_t *credential_read_secret(const char *path, size_t *size);
