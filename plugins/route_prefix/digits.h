/* The hexadecimal digits at the head of an ICI, packed into words, so that heads compare and sort
 * as numbers. Case is gone: routing does not look at it. */
#pragma once

#include <cmp/base.h>

#define PREFIX_SIZE_MIN 3
#define PREFIX_SIZE_MAX 64

#define WORD_DIGITS     16
#define WORDS           (PREFIX_SIZE_MAX / WORD_DIGITS)

/* The first digit lies in the highest bits of the first word; behind the last one all is zero. */
typedef struct digits {
    uint64_t word[WORDS];
    unsigned size;
} digits;

/* Space for the digits as text, with a NUL. */
#define DIGITS_TEXT_SIZE (PREFIX_SIZE_MAX + 1)

/* Reads as many digits as there are, at most `max` (up to PREFIX_SIZE_MAX). */
void digits_read(cmp_str text, unsigned max, digits *d);

/* In upper case. Returns `text`. */
const char *digits_text(const digits *d, char text[DIGITS_TEXT_SIZE]);

/* In the order of the texts, a head before all that it heads. */
int digits_order(const digits *a, const digits *b);

/* Whether the first `size` digits of two words are the same; 1 to WORD_DIGITS of them. */
static inline bool word_equal(uint64_t a, uint64_t b, unsigned size)
{
    return ((a ^ b) >> (64 - 4 * size)) == 0;
}
