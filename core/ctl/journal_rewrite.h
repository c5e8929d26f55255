/* SPDX-License-Identifier: Apache-2.0 */
/* Writes a segment anew, without the pseudonyms of one user. */
#pragma once

#include "journal/record.h"

typedef struct rewrite_pseudonym {
    uint32_t key;
    uint8_t pseudonym[JOURNAL_PSEUDONYM_SIZE]; /* the user's, under that key */
} rewrite_pseudonym;

typedef struct rewrite_wanted {
    rewrite_pseudonym *at;
    size_t count;
} rewrite_wanted;

typedef struct rewrite_result {
    uint64_t records; /* that have, or had, such a pseudonym */
    uint64_t damaged; /* octets that could not be read, and are not in the new file */
} rewrite_result;

/* Puts a new file in the place of the segment `name`, which has ended, when there is something to
 * remove; with `dry_run` only counts. Sequences, blocks and the file's time stay. False with errno:
 * the old file is as it was. The caller holds FOLDER_REWRITE. */
CMP_MUST_USE bool rewrite_segment(int folder, const char *name, const rewrite_wanted *wanted,
                                  bool dry_run, rewrite_result *result);
