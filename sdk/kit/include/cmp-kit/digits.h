/* SPDX-License-Identifier: Apache-2.0 */
/* The hexadecimal digits at the head of an ICI, packed into words, so that heads compare and sort
 * as numbers. Case is gone: routing does not look at it. */
#pragma once

#include <cmp/base.h>

__BEGIN_DECLS

#define KIT_PREFIX_SIZE_MIN 3
#define KIT_PREFIX_SIZE_MAX 64

#define KIT_WORD_DIGITS     16
#define KIT_DIGITS_WORDS    (KIT_PREFIX_SIZE_MAX / KIT_WORD_DIGITS)

/* The first digit lies in the highest bits of the first word; behind the last one all is zero. */
typedef struct kit_digits {
    uint64_t word[KIT_DIGITS_WORDS];
    unsigned size;
} kit_digits;

/* Space for the digits as text, with a NUL. */
#define KIT_DIGITS_TEXT_SIZE (KIT_PREFIX_SIZE_MAX + 1)

/* Reads as many digits as there are, at most `max` (up to KIT_PREFIX_SIZE_MAX). */
void kit_digits_read(cmp_str text, unsigned max, kit_digits *d);

/* In upper case. Returns `text`. */
const char *kit_digits_text(const kit_digits *d, char text[KIT_DIGITS_TEXT_SIZE]);

/* In the order of the texts, a head before all that it heads. */
int kit_digits_order(const kit_digits *a, const kit_digits *b);

/* Whether the first `size` digits of two words are the same; 1 to KIT_WORD_DIGITS of them. */
static inline bool kit_word_equal(uint64_t a, uint64_t b, unsigned size)
{
    return ((a ^ b) >> (64 - 4 * size)) == 0;
}

__END_DECLS
