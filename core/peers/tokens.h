/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens of the interface codes: for tools and servers that are no peers.
 *
 *     tokens:      # in the keyring
 *       - {name: reader, sha256: 3b6f…, allow: [read], not_after: 2027-01-01T00:00:00Z}
 *
 * The file never holds a token, only its SHA-256: a token is random and long, so that there is
 * nothing to guess. */
#pragma once

#include "conf/report.h"

#include <cmp/option.h>

#define TOKEN_HASH_SIZE ((size_t)32)
#define TOKEN_TEXT_MAX                                                                             \
    ((size_t)1024) /* octets of one; hashing more would be a stranger's to ask for */

typedef enum token_right {
    TOKEN_READ,
    TOKEN_WRITE,
} token_right;

extern const char *const token_right_names[]; /* ended by NULL, in their order */

typedef struct token {
    cmp_str name;
    uint8_t hash[TOKEN_HASH_SIZE];
    uint64_t allow;       /* bit i: token_right i */
    int64_t not_after_ms; /* Unix time; INT64_MAX: for ever */
    unsigned label;       /* its last use is noted by that (base/labels.h) */
} token;

typedef struct tokens {
    token *at;
    size_t count;
    uint32_t *by_hash, *by_name; /* index + 1; 0: free */
    size_t mask;                 /* of both tables; a power of two, less one */
} tokens;

/* What the keyring's list `tokens` may hold, and the struct that it fills. */
typedef struct token_row {
    const char *name, *sha256, *not_after;
    uint64_t allow;
} token_row;

typedef token_row token_rows_fills; /* as CMP_OPTIONS says for a table of one file */
extern const cmp_option token_rows[];

typedef struct yaml_file yaml_file;

/* Makes tokens from checked rows, in `memory`; what rows cannot check goes to the report. */
void tokens_load(tokens *t, const cmp_rows *rows, const yaml_file *file, kit_arena *memory,
                 cmp_report *report);

/* Gives back what is not in that memory. */
void tokens_dispose(tokens *t);

/* Writes the hash of a token's text. */
void token_hash(cmp_str text, uint8_t hash[TOKEN_HASH_SIZE]);

/* The token of that text, if it is valid at that time; else NULL. Of several with one text it is
 * the last. Any thread. */
const token *tokens_find(const tokens *t, cmp_str text, int64_t now_ms);

static inline bool token_may(const token *t, token_right right)
{
    return (t->allow >> right & 1) != 0;
}
