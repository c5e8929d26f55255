/* SPDX-License-Identifier: Apache-2.0 */
/* See json_text.h. An automaton without branches for what a character is: a state is the place in a
 * row where the next state stands, and a row, one for each octet, holds the next states of all. */
#include "mc/json_text.h"

#include "mc/json_plain.h"

enum {
    REJECT = 0, /* for ever */
    START = 6,  /* between two characters */
    ONE = 12,   /* so many continuations are to come */
    TWO = 18,
    THREE = 24,
    AFTER_E0 = 30, /* whose next one is bounded: no overlong form, */
    AFTER_ED = 36, /* no surrogate, */
    AFTER_F0 = 42,
    AFTER_F4 = 48, /* nothing above U+10FFFF */
    MASK = 63,
};

#define GO(from, to) ((uint64_t)(to) << (from))
#define CONTINUE     (GO(ONE, START) | GO(TWO, ONE) | GO(THREE, TWO))

/* What is not named rejects: control characters, quote, backslash, 0xC0, 0xC1, 0xF5 and beyond. */
static const uint64_t rows[256] = {
    [0x20 ... 0x21] = GO(START, START),
    [0x23 ... 0x5B] = GO(START, START),
    [0x5D ... 0x7F] = GO(START, START),
    [0x80 ... 0x8F] = CONTINUE | GO(AFTER_ED, ONE) | GO(AFTER_F4, TWO),
    [0x90 ... 0x9F] = CONTINUE | GO(AFTER_ED, ONE) | GO(AFTER_F0, TWO),
    [0xA0 ... 0xBF] = CONTINUE | GO(AFTER_E0, ONE) | GO(AFTER_F0, TWO),
    [0xC2 ... 0xDF] = GO(START, ONE),
    [0xE0] = GO(START, AFTER_E0),
    [0xE1 ... 0xEC] = GO(START, TWO),
    [0xED] = GO(START, AFTER_ED),
    [0xEE ... 0xEF] = GO(START, TWO),
    [0xF0] = GO(START, AFTER_F0),
    [0xF1 ... 0xF3] = GO(START, THREE),
    [0xF4] = GO(START, AFTER_F4),
};

size_t json_text_run(cmp_str text)
{
    uint64_t state = START;
    size_t good = 0;
    for (size_t i = 0; i < text.size; i++) {
        state = rows[(uint8_t)text.at[i]] >> (state & MASK);
        if ((state & MASK) == REJECT) {
            break;
        }
        good = (state & MASK) == START ? i + 1 : good;
    }
    return good;
}

#define LONG_RUN 16 /* from here on json_plain_run is faster */
#define PIECE    64 /* of mixed text, before long runs of ASCII are looked for again */

size_t json_some_text(cmp_str text)
{
    const size_t plain = json_plain_run(text);
    if (plain >= LONG_RUN) {
        return plain;
    }
    const size_t left = text.size - plain;
    return plain + json_text_run((cmp_str){text.at + plain, left < PIECE ? left : PIECE});
}
