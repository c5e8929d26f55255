/* SPDX-License-Identifier: Apache-2.0 */
/* Reading and writing of small texts: UTF-8, ASCII, hex, base64, numbers.
 *
 * Any thread; nothing here allocates. A text that is read stays the caller's; `to` is the caller's
 * room, of the size that is said at each function. */
#pragma once

#include <cmp/base.h>

__BEGIN_DECLS

/* ---- UTF-8 (RFC 3629) ---- */

/* Whether the whole text is UTF-8; NUL is a character like others. */
bool kit_utf8_valid(cmp_str text);

/* The size of the character that a text begins with, or 0 when there is no good one. */
size_t kit_utf8_first(cmp_str text);

/* The largest size up to `size` that does not cut a character of `text` in two. */
size_t kit_utf8_cut(const char *text, size_t size);

/* ---- ASCII, without regard to locale ---- */

static inline char kit_ascii_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

/* Whether two texts are equal but for the case of their ASCII letters. */
bool kit_ascii_equal_fold(cmp_str a, cmp_str b);

/* Every octet is visible ASCII (0x21 to 0x7E). */
bool kit_ascii_visible(cmp_str text);

/* Every octet is visible ASCII or a space (0x20 to 0x7E). */
bool kit_ascii_printable(cmp_str text);

/* ---- secrets ---- */

/* Whether `shown` is the secret, in a time that tells their sizes and no more. An empty secret is
 * nobody's. */
CMP_MUST_USE bool kit_secret_equal(cmp_str secret, cmp_str shown);

/* ---- hex ---- */

/* Of each octet the hexadecimal digit's value + 1, in either case; 0: it is no digit. */
extern const uint8_t kit_hex_digits[256];

/* The digit's value; 0xFF when `c` is none. No branch, so that its time tells nothing. */
static inline uint8_t kit_hex_value(char c)
{
    return (uint8_t)(kit_hex_digits[(uint8_t)c] - 1);
}

/* Writes 2 * size digits in lower case; no NUL. */
void kit_hex_encode(const uint8_t *from, size_t size, char *to);

/* Reads `size` octets, in either case. False when the text is not 2 * size digits; `to` is then
 * whatever it was. */
CMP_MUST_USE bool kit_hex_decode(cmp_str text, uint8_t *to, size_t size);

/* ---- base64 (RFC 4648, 4 and 5) ---- */

/* Space for the padded base64 of `size` octets, without a NUL. */
#define KIT_BASE64_SIZE(size) (((size) + 2) / 3 * 4)

/* Writes base64 with its padding, or base64url without; no NUL. Returns the text's size. */
size_t kit_base64_encode(const uint8_t *from, size_t size, char *to);
size_t kit_base64url_encode(const uint8_t *from, size_t size, char *to);

/* Reads either alphabet, padded or not. Returns the number of octets, or -1 when the text is no
 * base64, has bits set behind the last octet, or has more than `room` octets; `to` is then whatever
 * it was. */
CMP_MUST_USE ptrdiff_t kit_base64_decode(cmp_str text, uint8_t *to, size_t room);

/* ---- numbers ---- */

/* Reads a whole decimal number from min to max; a sign is allowed only when min < 0. False, with
 * *number as it was, when the text is none or out of range. */
CMP_MUST_USE bool kit_number_parse(cmp_str text, int64_t min, int64_t max, int64_t *number);

__END_DECLS
