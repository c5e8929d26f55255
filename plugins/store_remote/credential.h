/* SPDX-License-Identifier: Apache-2.0 */
/* How the server knows us: a token, or our signature (9.3.2) as a peer of it. */
#pragma once

#include "remote.h"

#include <cmp-kit/signature.h>
#include <cmp-kit/uuid.h>

#define CREDENTIAL_HEADERS 3
#define CREDENTIAL_ID_MAX  128 /* as `apikeyid` may have */

/* Finds what the options name. False after having said why in the report. */
CMP_MUST_USE bool credential_open(remote *r, cmp_report *report);

/* Wipes it. */
void credential_close(remote *r);

/* The keys that the peer of the options has given to us, ready to sign with; a worker's own, and
 * empty when it is all zeros. */
typedef struct credential_key credential_key;
typedef struct credential_keys {
    credential_key *at;
    size_t count;
} credential_keys;

/* Takes those of the keyring in place of the ones it had, which are wiped. */
void credential_keys_take(credential_keys *keys, const remote *r);
void credential_keys_drop(credential_keys *keys);

/* The headers of one request; they point into this, and into the key. */
typedef struct credential_signature {
    cmp_pair headers[CREDENTIAL_HEADERS];
    char tid[KIT_UUID_TEXT_SIZE];
    char text[KIT_SIGNATURE_TEXT_MAX];
} credential_signature;

/* Signs a list of ICIs, one a line, with the newest of the keys. False when none is valid now. */
CMP_MUST_USE bool credential_sign(const remote *r, const credential_keys *keys, cmp_str icis,
                                  credential_signature *signature);
