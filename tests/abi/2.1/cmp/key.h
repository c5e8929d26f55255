/* SPDX-License-Identifier: Apache-2.0 */
/* Credentials between two CMPs (9.3.2: "apikeyid" and "apikey"). */
#pragma once

#include <cmp/base.h>

/* The hash of the HMAC. SHA-1 is there for peers that have nothing newer. */
typedef enum cmp_hash {
    CMP_HASH_SHA256,
    CMP_HASH_SHA1,
    CMP_HASH_SHA384,
    CMP_HASH_SHA512,
} cmp_hash;

/* How a signature is written. Who reads one needs no word for it: its length tells. */
typedef enum cmp_encoding {
    CMP_ENCODING_HEX,
    CMP_ENCODING_BASE64,
} cmp_encoding;

/* Which tids a peer may use. A form that is fixed ends the ambiguity of where in the signed octets
 * the tid ends and the ici begins. */
typedef enum cmp_tid_format {
    CMP_TID_ANY,
    CMP_TID_UUID,   /* RFC 9562, any version, in its 36-octet text form */
    CMP_TID_UUIDV7, /* RFC 9562, 5.7: carries the time */
} cmp_tid_format;

typedef enum cmp_key_use {
    CMP_KEY_ISSUED,   /* we gave it to the peer; it signs to us, we verify */
    CMP_KEY_RECEIVED, /* the peer gave it to us; we sign to it */
} cmp_key_use;

/* One key of the keyring. It belongs to the host and is valid during the visit that shows it
 * (key_each) only: an operator may replace the keyring at any time, and the old secrets are wiped
 * then. What a plugin derives of a secret it wipes itself (cmp_plugin.keys_changed). Never log or
 * copy the secret. */
typedef struct cmp_key {
    cmp_str id;   /* apikeyid */
    cmp_str peer; /* name of the peer */
    cmp_key_use use;
    const uint8_t *secret; /* apikey */
    size_t secret_size;
    cmp_hash hash;
    cmp_encoding encoding;     /* RECEIVED: how signatures are written */
    cmp_tid_format tid_format; /* ISSUED: the form that the peer's tids must have */
    int64_t max_skew_ms;   /* ISSUED, with CMP_TID_UUIDV7: how old or new a tid may be; 0: any */
    bool repeat_identical; /* ISSUED: an identical repeat is answered again, not 409 */
    int64_t not_before_ms; /* Unix time; INT64_MIN: always */
    int64_t not_after_ms;  /* Unix time; INT64_MAX: for ever */
} cmp_key;
