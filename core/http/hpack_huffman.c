/* SPDX-License-Identifier: Apache-2.0 */
/* See hpack_huffman.h. Tables are made at start from the lengths alone: the code is canonical. */
#include "http/hpack_huffman.h"

#include <endian.h>

#define SYMBOLS       256
#define END_OF_STRING 256
#define ROOT_BITS     12 /* two symbols of six bits, as most letters and digits have */
#define LONGEST       30

/* Bits of each symbol's code (RFC 7541, appendix B). */
static const uint8_t code_bits[SYMBOLS + 1] = {
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28,
    28, 28, 28, 28, 28, 28, 28, 28, 6,  10, 10, 12, 13, 6,  8,  11, 10, 10, 8,  11, 8,  6,  6,  6,
    5,  5,  5,  6,  6,  6,  6,  6,  6,  6,  7,  8,  15, 6,  12, 10, 13, 6,  7,  7,  7,  7,  7,  7,
    7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  8,  7,  8,  13, 19, 13, 14, 6,
    15, 5,  6,  5,  6,  5,  6,  6,  6,  5,  7,  7,  6,  6,  6,  5,  6,  7,  6,  5,  5,  6,  7,  7,
    7,  7,  7,  15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,
    24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22, 21, 20, 22, 22, 23, 23, 21,
    23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
    26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24,
    21, 21, 26, 26, 28, 27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
    26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26, 30};

/* What the next ROOT_BITS bits say, in one word: how many bits one or two symbols take, how many
 * they are, the symbols, and the rest. 0: they are the head of a longer code. */
typedef uint32_t root_entry;

enum {
    ALL_BITS = 63, /* lowest, where a shift needs no mask */
    COUNT_AT = 6,
    SYMBOLS_AT = 8,     /* twice eight bits */
    FIRST_BITS_AT = 24, /* four: how many the first one takes */
    CLASSES_AT = 28,    /* two: of the symbols */
};

/* Codes of one length, which follow one another: the first, left-justified in 32 bits, the end, and
 * where their symbols begin. */
typedef struct code_row {
    uint64_t first, end;
    unsigned at;
} code_row;

static root_entry root[1 << ROOT_BITS];
static code_row rows[LONGEST + 1];
static uint16_t by_code[SYMBOLS + 1]; /* symbols in the order of their codes */
static uint8_t classes_of[SYMBOLS];

unsigned hpack_class_of(uint8_t octet)
{
    return classes_of[octet];
}

static void classes_setup(void)
{
    static const char token[] = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz";
    for (unsigned c = 0; c < SYMBOLS; c++) {
        const bool control = (c < ' ' && c != '\t') || c == 127;
        const bool in_name = c != 0 && strchr(token, (int)c) != NULL;
        classes_of[c] =
            (uint8_t)((control ? HPACK_NOT_IN_VALUE : 0) | (in_name ? 0 : HPACK_NOT_IN_NAME));
    }
}

static void rows_setup(void)
{
    uint64_t code = 0; /* left-justified in 32 bits */
    unsigned at = 0;
    for (unsigned bits = 1; bits <= LONGEST; bits++) {
        rows[bits] = (code_row){.first = code, .at = at};
        for (unsigned symbol = 0; symbol <= SYMBOLS; symbol++) {
            if (code_bits[symbol] == bits) {
                by_code[at++] = (uint16_t)symbol;
                code += UINT64_C(1) << (32 - bits);
            }
        }
        rows[bits].end = code;
    }
}

/* The symbol at the head of 32 bits, and how many of them it takes. */
static unsigned symbol_at(uint32_t head, unsigned *bits)
{
    unsigned b = 5;
    while (head >= rows[b].end && b < LONGEST) {
        b++;
    }
    *bits = b;
    return by_code[rows[b].at + ((head - rows[b].first) >> (32 - b))];
}

static root_entry root_make(uint32_t head)
{
    unsigned first_bits, second_bits;
    const unsigned first = symbol_at(head, &first_bits);
    if (first_bits > ROOT_BITS) {
        return 0;
    }
    const unsigned second = symbol_at(head << first_bits, &second_bits);
    const bool two = first_bits + second_bits <= ROOT_BITS;
    const unsigned bits = first_bits + (two ? second_bits : 0);
    const unsigned classes = classes_of[first] | (two ? classes_of[second] : 0);
    return bits | (two ? 2u : 1u) << COUNT_AT | first << SYMBOLS_AT |
           (two ? second << (SYMBOLS_AT + 8) : 0) | first_bits << FIRST_BITS_AT |
           classes << CLASSES_AT;
}

void hpack_huffman_setup(void)
{
    classes_setup();
    rows_setup();
    for (uint32_t i = 0; i < 1u << ROOT_BITS; i++) {
        root[i] = root_make(i << (32 - ROOT_BITS));
    }
}

/* Coded octets on their way: `bits` bits lie left-justified in `head`; what is below them is 0, or
 * the beginning of the next octet already. */
typedef struct bit_reader {
    const uint8_t *in, *end;
    uint64_t head;
    unsigned bits;
    char *out;
    uint32_t seen; /* all entries, or-ed: for the classes */
} bit_reader;

/* Takes the symbols of an entry. */
static inline void take(bit_reader *r, root_entry e)
{
    r->out[0] = (char)(e >> SYMBOLS_AT);
    r->out[1] = (char)(e >> (SYMBOLS_AT + 8));
    r->out += e >> COUNT_AT & 3;
    r->head <<= e & ALL_BITS;
    r->bits -= e & ALL_BITS;
    r->seen |= e;
}

/* One symbol with a code longer than ROOT_BITS. False: there is none. */
static bool take_long(bit_reader *r)
{
    unsigned bits;
    const unsigned symbol = symbol_at((uint32_t)(r->head >> 32), &bits);
    if (bits > r->bits || symbol == END_OF_STRING) {
        return false;
    }
    *r->out++ = (char)symbol;
    r->seen |= (uint32_t)classes_of[symbol] << CLASSES_AT;
    r->head <<= bits;
    r->bits -= bits;
    return true;
}

/* While eight more octets may be read: 56 bits and more are then there, enough for four look-ups,
 * or for one code of any length. On copies, which can live in registers. */
static bool decode_most(bit_reader *r)
{
    while (r->end - r->in >= 8) {
        uint64_t next, head = r->head;
        unsigned bits = r->bits, left = 4;
        char *out = r->out;
        memcpy(&next, r->in, sizeof(next));
        head |= be64toh(next) >> bits;
        r->in += (63 - bits) >> 3;
        bits |= 56;
        root_entry e;
        uint32_t seen = 0;
        while (left > 0 && (e = root[head >> (64 - ROOT_BITS)]) != 0) {
            out[0] = (char)(e >> SYMBOLS_AT);
            out[1] = (char)(e >> (SYMBOLS_AT + 8));
            out += e >> COUNT_AT & 3;
            head <<= e & ALL_BITS;
            bits -= e & ALL_BITS;
            seen |= e;
            left--;
        }
        r->head = head;
        r->bits = bits;
        r->out = out;
        r->seen |= seen;
        if (left == 4 && !take_long(r)) {
            return false;
        }
    }
    return true;
}

/* The last octets, up to the padding. */
static bool decode_rest(bit_reader *r)
{
    for (;;) {
        while (r->bits <= 56 && r->in < r->end) {
            r->head |= (uint64_t)*r->in++ << (56 - r->bits);
            r->bits += 8;
        }
        /* What is behind the end reads as padding would, which is no symbol. */
        const uint64_t head = r->bits < 64 ? r->head | UINT64_MAX >> r->bits : r->head;
        root_entry e = root[head >> (64 - ROOT_BITS)];
        if (e == 0) {
            if (r->bits < 8 && head == UINT64_MAX) {
                return true;
            }
            if (!take_long(r)) {
                return false;
            }
            continue;
        }
        const unsigned first_bits = e >> FIRST_BITS_AT & 15;
        if ((e & ALL_BITS) > r->bits) { /* the second is of what is behind the end */
            const unsigned symbol = e >> SYMBOLS_AT & 255;
            e = first_bits | 1u << COUNT_AT | symbol << SYMBOLS_AT |
                (uint32_t)classes_of[symbol] << CLASSES_AT;
        }
        if (first_bits > r->bits) {
            return false; /* neither whole nor padding */
        }
        take(r, e);
    }
}

size_t hpack_huffman_decode(const uint8_t *in, size_t size, char *out, unsigned *classes)
{
    bit_reader r = {.in = in, .end = in + size, .out = out};
    if (!decode_most(&r) || !decode_rest(&r)) {
        return SIZE_MAX;
    }
    *classes |= r.seen >> CLASSES_AT & 3;
    return (size_t)(r.out - out);
}
