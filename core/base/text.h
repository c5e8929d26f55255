/* Reading and writing of small texts: numbers, hex, base64, UTF-8, host names. */
#pragma once

#include <cmp/base.h>

/* ---- UTF-8 (RFC 3629) ---- */

bool utf8_valid(cmp_str text);

/* The size of the character that a text begins with, or 0 when there is no good one. */
size_t utf8_first(cmp_str text);

/* The largest size up to `size` that does not cut a character of `text` in two. */
size_t utf8_cut(const char *text, size_t size);

/* ---- letters, without regard to locale ---- */

static inline char ascii_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}
bool ascii_equal_fold(cmp_str a, cmp_str b);

/* Every octet is visible ASCII (0x21 to 0x7E). */
bool ascii_visible(cmp_str text);

/* Every octet is visible ASCII or a space (0x20 to 0x7E). */
bool ascii_printable(cmp_str text);

/* ---- hex and base64 ---- */

/* Writes 2 * size hex digits in lower case; no NUL. */
void hex_encode(const uint8_t *from, size_t size, char *to);

/* Either case. False when text is not 2 * size hex digits. */
bool hex_decode(cmp_str text, uint8_t *to, size_t size);

/* Space for the padded base64 of `size` octets, without a NUL. */
#define BASE64_SIZE(size) (((size) + 2) / 3 * 4)

/* Writes base64 (RFC 4648 section 4, padded) and returns its size; or base64url without padding. */
size_t base64_encode(const uint8_t *from, size_t size, char *to);
size_t base64url_encode(const uint8_t *from, size_t size, char *to);

/* Either alphabet, padded or not. Returns the number of octets, or -1 when the text is no base64 or
 * does not fit. */
ptrdiff_t base64_decode(cmp_str text, uint8_t *to, size_t room);

/* ---- numbers ---- */

/* A whole decimal number, a sign allowed only when min < 0. False when it is none or out of range.
 */
bool number_parse(cmp_str text, int64_t min, int64_t max, int64_t *number);

/* ---- names ---- */

/* A fully qualified host name: 1 to 253 octets, at least one dot, labels of letters, digits and
 * inner hyphens of at most 63 octets, the last one not all digits (that would be an address); no
 * trailing dot, no port. */
bool host_valid(cmp_str text);

/* A routing prefix: 3 to 64 hexadecimal digits. */
bool prefix_valid(cmp_str text);

/* The name in `names` (ended by NULL) that is most like `text`, or NULL when none is near. */
const char *name_nearest(cmp_str text, const char *const *names);

/* Whether `text` is like `name` by the measure of name_nearest: the number of edits between them,
 * or SIZE_MAX when they have little in common. */
size_t name_distance(cmp_str text, const char *name);
