/* SPDX-License-Identifier: Apache-2.0 */
/* Packs the hexadecimal head of an ICI, once for each look-up. */
#include <cmp-kit/digits.h>

#include <cmp-kit/text.h>

void kit_digits_read(cmp_str text, unsigned max, kit_digits *d)
{
    const unsigned end = text.size < max ? (unsigned)text.size : max;
    unsigned size = 0;
    *d = (kit_digits){.size = 0};
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

const char *kit_digits_text(const kit_digits *d, char text[KIT_DIGITS_TEXT_SIZE])
{
    for (unsigned i = 0; i < d->size; i++) {
        const unsigned shift = 60 - 4 * (i % KIT_WORD_DIGITS);
        text[i] = "0123456789ABCDEF"[d->word[i / KIT_WORD_DIGITS] >> shift & 0xF];
    }
    text[d->size] = '\0';
    return text;
}

int kit_digits_order(const kit_digits *a, const kit_digits *b)
{
    for (unsigned w = 0; w < KIT_DIGITS_WORDS; w++) {
        if (a->word[w] != b->word[w]) {
            return a->word[w] < b->word[w] ? -1 : 1;
        }
    }
    /* Words alone do not tell 12 from 120: behind the last digit all is zero. */
    return (a->size > b->size) - (a->size < b->size);
}
