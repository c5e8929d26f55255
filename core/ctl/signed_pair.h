/* SPDX-License-Identifier: Apache-2.0 */
/* The two values that a signature covers, tid and ici, as the commands take and show them. */
#pragma once

#include "ctl/args.h"

#include <cmp/key.h>
#include <stdio.h>

#define SIGNED_PAIR_MAX ((size_t)(128 + 256)) /* octets of both (SPEC 2) */

typedef struct signed_pair {
    cmp_str tid, ici;
} signed_pair;

/* Their rows on the command line: of the options' members `tid` and `ici`. */
#define SIGNED_PAIR_ROWS(options, tid, ici)                                                        \
    ARGS_NEEDED("tid", options, tid, "TID", "the request's tid, decoded"),                         \
        ARGS_NEEDED("ici", options, ici, "ICI", "the request's ici, decoded")

/* Takes both from the command line. False with a message when one is such that every CMP would
 * refuse it: empty, too long, not visible ASCII. */
CMP_MUST_USE bool signed_pair_read(signed_pair *pair, const char *tid, const char *ici);

/* Writes tid and ici one behind the other; returns the size. */
size_t signed_pair_join(const signed_pair *pair, char joined[SIGNED_PAIR_MAX]);

/* Shows the octets that are signed, with a bar where tid ends. */
void signed_pair_print(const signed_pair *pair, FILE *to);

/* HMAC with that key; false, after a message, when OpenSSL does not offer its hash. */
CMP_MUST_USE bool signed_pair_mac(const signed_pair *pair, const cmp_key *key, uint8_t *mac);
