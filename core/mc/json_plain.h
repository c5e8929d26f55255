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

static inline bool json_plain_eight(const char *at)
{
    uint64_t eight;
    memcpy(&eight, at, sizeof(eight));
    const uint64_t quote = eight ^ JSON_EACH('"'), backslash = eight ^ JSON_EACH('\\');
    const uint64_t special =
        eight | (eight - JSON_EACH(0x20)) | JSON_ZERO_OCTET(quote) | JSON_ZERO_OCTET(backslash);
    return (special & JSON_EACH(0x80)) == 0;
}

/* How many octets a text begins with that are all plain. */
static inline size_t json_plain_run(cmp_str text)
{
    size_t i = 0;
    while (text.size - i >= 8 && json_plain_eight(text.at + i)) {
        i += 8;
    }
    /* The last ones with some of those before: one by one they take longer. */
    if (i > 0 && i < text.size && text.size - i < 8 && json_plain_eight(text.at + text.size - 8)) {
        return text.size;
    }
    while (i < text.size && json_plain(text.at[i])) {
        i++;
    }
    return i;
}
