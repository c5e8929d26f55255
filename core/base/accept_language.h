/* SPDX-License-Identifier: Apache-2.0 */
/* Which language a client prefers: Accept-Language (RFC 9110, 12.5.4). */
#pragma once

#include <cmp/base.h>

/* The best of what was read so far; begins as zeros. */
typedef struct accept_language {
    cmp_str code; /* two letters, in either case; points into the field; absent: none */
    int quality;  /* its weight (12.4.2), in thousandths */
    unsigned ranges;
} accept_language;

/* How many language ranges are looked at; what stands behind them is passed over. */
#define ACCEPT_LANGUAGE_RANGES_MAX 64

/* Reads one field; a request may have several, which are one list together. The range of the
 * highest weight counts, of equal ones the first. Only what Table 19's `language` can say, two
 * letters of ISO 639-1: of `fr-CA` that is `fr`, while `*`, `gsw`, what has no weight left
 * (`fr;q=0`) and what is no range at all are passed over. */
void accept_language_read(accept_language *a, cmp_str field);
