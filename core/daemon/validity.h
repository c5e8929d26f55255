/* SPDX-License-Identifier: Apache-2.0 */
/* When the certificates of a file are valid. */
#pragma once

#include <cmp/base.h>

/* Unix times; without a certificate INT64_MIN and INT64_MAX. */
typedef struct validity {
    int64_t begin_s, end_s;
} validity;

/* When all of a file with a certificate and its chain is valid, for all of them are shown; in a
 * file of CAs as long as one of them is (`of_cas`). */
validity validity_of(const char *path, bool of_cas);

/* When the first of a file's revocation lists should be followed by the next, in Unix time;
 * INT64_MAX: none says so, or there is none. */
int64_t validity_of_crl(const char *path);

/* Whether an operator should know: it is over, or soon will be, or has not begun. `text` goes
 * behind the file's name. */
#define VALIDITY_TEXT_SIZE 80
bool validity_doubtful(const validity *v, char text[VALIDITY_TEXT_SIZE]);
