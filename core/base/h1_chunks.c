/* SPDX-License-Identifier: Apache-2.0 */
/* See h1_chunks.h. One state machine, an octet at a time but for the data. */
#include "base/h1_chunks.h"

#include "base/field.h"

#include <cmp-kit/text.h>

#define DIGITS_MAX 8                /* 4 GiB: far above any limit, and far from an overflow */
#define EXTRA_MAX  ((unsigned)8192) /* of extensions and trailers, which nobody here looks at */

enum state {
    SIZE,
    SIZE_SPACE, /* before an extension's semicolon */
    EXTENSION,
    SIZE_LF,
    DATA,
    DATA_CR,
    DATA_LF,
    TRAILER,
    TRAILER_NAME,
    TRAILER_VALUE,
    TRAILER_LF,
    LAST_LF,
};

static h1_progress go_on(h1_chunks *c, enum state state)
{
    c->state = (uint8_t)state;
    return H1_MORE;
}

static h1_progress go_on_if(bool expected, h1_chunks *c, enum state state)
{
    return expected ? go_on(c, state) : H1_BAD;
}

/* Behind a size, or the spaces behind one. Spaces are allowed before a semicolon alone (BWS of RFC
 * 9112, 7.1.1): readers disagree on a size with spaces and no extension, so it is refused. */
static h1_progress size_end(h1_chunks *c, char octet)
{
    if (octet == ' ' || octet == '\t') {
        return go_on_if(++c->extra <= EXTRA_MAX, c, SIZE_SPACE);
    }
    if (octet == '\r') {
        return go_on_if(c->state == SIZE, c, SIZE_LF);
    }
    return go_on_if(octet == ';', c, EXTENSION);
}

/* `left` is 0 here: it was counted down to the end of the chunk before. */
static h1_progress size_octet(h1_chunks *c, char octet)
{
    const unsigned value = kit_hex_value(octet);
    if (value > 15) {
        return c->digits > 0 ? size_end(c, octet) : H1_BAD;
    }
    c->left = c->left * 16 + value;
    return ++c->digits <= DIGITS_MAX ? H1_MORE : H1_BAD;
}

/* An octet of what is not looked at, up to the line's CR. */
static h1_progress extra_octet(h1_chunks *c, char octet, enum state behind_cr)
{
    if (octet == '\r') {
        return go_on(c, behind_cr);
    }
    const bool control = ((uint8_t)octet < 0x20 && octet != '\t') || octet == 0x7F;
    return !control && ++c->extra <= EXTRA_MAX ? H1_MORE : H1_BAD;
}

/* Trailers are read for their end alone. They are not merged into the head's fields, which were
 * judged before the body came (RFC 9110, 6.5.1). */
static h1_progress trailer_octet(h1_chunks *c, char octet)
{
    if (octet == '\r' && c->state == TRAILER) {
        return go_on(c, LAST_LF);
    }
    if (octet == ':' && c->state == TRAILER_NAME) {
        return go_on(c, TRAILER_VALUE);
    }
    const bool named = field_token_size((cmp_str){&octet, 1}) == 1;
    return go_on_if(named && ++c->extra <= EXTRA_MAX, c, TRAILER_NAME);
}

static h1_progress octet_read(h1_chunks *c, char octet)
{
    switch ((enum state)c->state) {
    case SIZE:
        return size_octet(c, octet);
    case SIZE_SPACE:
        return size_end(c, octet);
    case EXTENSION:
        return extra_octet(c, octet, SIZE_LF);
    case SIZE_LF:
        return go_on_if(octet == '\n', c, c->left > 0 ? DATA : TRAILER);
    case DATA_CR:
        return go_on_if(octet == '\r', c, DATA_LF);
    case DATA_LF:
        c->digits = 0;
        return go_on_if(octet == '\n', c, SIZE);
    case TRAILER_VALUE:
        return extra_octet(c, octet, TRAILER_LF);
    case TRAILER_LF:
        return go_on_if(octet == '\n', c, TRAILER);
    case LAST_LF:
        return octet == '\n' ? H1_DONE : H1_BAD;
    default:
        return trailer_octet(c, octet);
    }
}

/* The data is handed on where it stands, uncopied: hence one piece a call. `extra` is never set
 * back: the bound is for all of a body, or each of many small chunks could bring as much again. */
h1_progress h1_read_chunked(h1_chunks *c, cmp_str in, size_t *used, cmp_str *data)
{
    size_t i = 0;
    h1_progress progress = H1_MORE;
    *data = (cmp_str){in.at, 0};
    while (i < in.size && progress == H1_MORE) {
        if (c->state == DATA) {
            const size_t there = in.size - i;
            *data = (cmp_str){in.at + i, there < c->left ? there : (size_t)c->left};
            c->left -= data->size;
            c->state = c->left == 0 ? DATA_CR : DATA;
            i += data->size;
            break;
        }
        progress = octet_read(c, in.at[i++]);
    }
    *used = i;
    return progress;
}
