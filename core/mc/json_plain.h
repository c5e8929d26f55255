/* SPDX-License-Identifier: Apache-2.0 */
/* Runs of characters that stand in a JSON string as they are: what reading and writing are fast at.
 */
#pragma once

#include <cmp/base.h>

#define JSON_EACH(octet)      (UINT64_C(0x0101010101010101) * (octet))
#define JSON_ZERO_OCTET(word) (((word)-JSON_EACH(0x01)) & ~(word))

/* ASCII from the space on, but no quote and no backslash. */
static inline bool json_plain(char c)
{
    return c >= 0x20 && (uint8_t)c < 0x80 && c != '"' && c != '\\';
}

/* How many octets a text begins with that are all plain. */
static inline size_t json_plain_run(cmp_str text)
{
    size_t i = 0;
    for (; text.size - i >= 8; i += 8) {
        uint64_t eight;
        memcpy(&eight, text.at + i, sizeof(eight));
        const uint64_t quote = eight ^ JSON_EACH('"'), backslash = eight ^ JSON_EACH('\\');
        const uint64_t special =
            eight | (eight - JSON_EACH(0x20)) | JSON_ZERO_OCTET(quote) | JSON_ZERO_OCTET(backslash);
        if ((special & JSON_EACH(0x80)) != 0) {
            break;
        }
    }
    while (i < text.size && json_plain(text.at[i])) {
        i++;
    }
    return i;
}
