/* SPDX-License-Identifier: Apache-2.0 */
/* See accept_language.h; read on MC-1, before the message is decoded. */
#include "base/accept_language.h"

#include "base/field.h"

#include <cmp-kit/text.h>

/* 2.1 of RFC 4647: subtags of 1 to 8 octets, of letters in the first and of letters and digits
 * behind it. */
static bool is_range(cmp_str text)
{
    size_t size = 0;
    bool first = true;
    for (size_t i = 0; i < text.size; i++) {
        const char c = kit_ascii_lower(text.at[i]);
        if (c == '-' && size > 0) {
            size = 0;
            first = false;
        } else if (size == 8 || !((c >= 'a' && c <= 'z') || (!first && c >= '0' && c <= '9'))) {
            return false;
        } else {
            size++;
        }
    }
    return size > 0;
}

/* The first subtag, when it has two letters. */
static cmp_str code_of(cmp_str range)
{
    return is_range(range) && (range.size == 2 || (range.size > 2 && range.at[2] == '-'))
               ? (cmp_str){range.at, 2}
               : CMP_NONE;
}

void accept_language_read(accept_language *a, cmp_str field)
{
    while (field.size > 0 && a->ranges < ACCEPT_LANGUAGE_RANGES_MAX) {
        cmp_str item = field_cut(&field, ',');
        if (item.size == 0) {
            continue; /* an empty element (5.6.1.2) */
        }
        a->ranges++;
        const cmp_str code = code_of(field_cut(&item, ';'));
        const int quality = field_quality(item);
        if (code.at != NULL && quality > a->quality) {
            a->code = code;
            a->quality = quality;
        }
    }
}
