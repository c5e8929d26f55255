/* Packs the hexadecimal head of an ICI, once for each look-up. */
#include "digits.h"

#include <cmp-kit/text.h>

void digits_read(cmp_str text, unsigned max, digits *d)
{
    const unsigned end = text.size < max ? (unsigned)text.size : max;
    unsigned size = 0;
    *d = (digits){.size = 0};
    for (unsigned w = 0; size < end; w++) {
        uint64_t word = 0;
        for (unsigned shift = 64; shift > 0 && size < end; size++) {
            const uint8_t value = kit_hex_digits[(uint8_t)text.at[size]];
            if (value == 0) {
                d->word[w] = word;
                d->size = size;
                return;
            }
            shift -= 4;
            word |= (uint64_t)(value - 1) << shift;
        }
        d->word[w] = word;
    }
    d->size = size;
}

const char *digits_text(const digits *d, char text[DIGITS_TEXT_SIZE])
{
    for (unsigned i = 0; i < d->size; i++) {
        const unsigned shift = 60 - 4 * (i % WORD_DIGITS);
        text[i] = "0123456789ABCDEF"[d->word[i / WORD_DIGITS] >> shift & 0xF];
    }
    text[d->size] = '\0';
    return text;
}

int digits_order(const digits *a, const digits *b)
{
    for (unsigned w = 0; w < WORDS; w++) {
        if (a->word[w] != b->word[w]) {
            return a->word[w] < b->word[w] ? -1 : 1;
        }
    }
    /* Words alone do not tell 12 from 120: behind the last digit all is zero. */
    return (a->size > b->size) - (a->size < b->size);
}
