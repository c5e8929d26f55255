/* SPDX-License-Identifier: Apache-2.0 */
/* Digests of settings, to tell whether anything of them has changed: secrets and files included,
 * and none of it can be read from them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct likeness {
    uint8_t octets[32];
} likeness;

/* One that is being made. */
typedef struct likeness_sum likeness_sum;

likeness_sum *likeness_begin(void);

/* Ends it, and nulls it. */
likeness likeness_end(likeness_sum **sum);

/* Each of these counts as one part: "ab", "c" is not "a", "bc". A text may be NULL. */
void likeness_octets(likeness_sum *sum, const void *at, size_t size);
void likeness_text(likeness_sum *sum, const char *text);
void likeness_number(likeness_sum *sum, int64_t number);

/* A path and the state of what lies there now; NULL: no path. */
void likeness_file(likeness_sum *sum, const char *path);

bool likeness_equal(const likeness *a, const likeness *b);
