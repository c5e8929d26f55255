/* SPDX-License-Identifier: Apache-2.0 */
/* Keyed pseudonyms of personal data, and the files with their keys.
 *
 * A key serves for one period, and lies in a file of its own in the journal's folder: who destroys
 * it makes all pseudonyms of the period worthless, for ever. */
#pragma once

#include "journal/record.h"
#include "journal/siphash.h"

#define PSEUDONYM_KEY_SIZE 16

typedef struct pseudonym_key {
    uint32_t id;
    int64_t from_ms, until_ms; /* of the period */
    uint8_t octets[PSEUDONYM_KEY_SIZE];
    siphash begun[JOURNAL_PERSONAL_MAX]; /* with the parameter's name */
} pseudonym_key;

/* SipHash-2-4 over the parameter's name, filled up to eight octets, and the value: of no use
 * without the key. Of a hundred million users in one period no two have the same, but for one
 * chance in 3,000. */
void pseudonym_make(const pseudonym_key *key, journal_personal of, cmp_str value,
                    uint8_t to[JOURNAL_PSEUDONYM_SIZE]);

/* ---- files: in FOLDER_KEYS of the journal's folder ---- */

typedef struct pseudonym_keys {
    pseudonym_key *at; /* in no order */
    size_t count;
} pseudonym_keys;

/* Reads all keys that there are; what is no key is passed over. False with errno when the folder
 * cannot be read; that there is none is no error. */
CMP_MUST_USE bool pseudonym_keys_read(int folder, pseudonym_keys *keys);

/* Wipes and frees. */
void pseudonym_keys_free(pseudonym_keys *keys);

/* Makes a key for the period of that length which `now_ms` lies in, and its file, on the disk when
 * this returns. False with errno. */
CMP_MUST_USE bool pseudonym_key_make(int folder, int64_t now_ms, int64_t period_ms,
                                     pseudonym_key *key);

/* Whether its file is still there. */
bool pseudonym_key_kept(int folder, const pseudonym_key *key);

/* Overwrites its file and removes it. False with errno when it is still there, or may be there
 * again after a crash; that it was gone already is no error. */
CMP_MUST_USE bool pseudonym_key_destroy(int folder, const pseudonym_key *key);
