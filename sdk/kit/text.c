/* SPDX-License-Identifier: Apache-2.0 */
/* Reading and writing of small texts. Everything that comes from outside, in a request, a
 * configuration or a file, is taken apart with these functions. */
#include <cmp-kit/text.h>

#include <endian.h>
#include <stdint.h>

/* ---- eight octets at once ---- */

#define EACH(octet) (UINT64_C(0x0101010101010101) * (octet))

static uint64_t load_eight(const char *at)
{
    uint64_t eight;
    memcpy(&eight, at, sizeof(eight));
    return eight;
}

/* ---- UTF-8 ---- */

static bool continuation(uint8_t octet)
{
    return (octet & 0xC0) == 0x80;
}

/* RFC 3629, 4: no overlong form, no surrogate, nothing above U+10FFFF. */
size_t kit_utf8_first(cmp_str text)
{
    const uint8_t *at = (const uint8_t *)text.at;
    const size_t left = text.size;
    if (left == 0) {
        return 0;
    }
    const uint8_t lead = at[0];
    if (lead < 0x80) {
        return 1;
    }
    /* 0xC0 and 0xC1 could begin overlong forms only. */
    if (lead < 0xC2 || left < 2 || !continuation(at[1])) {
        return 0;
    }
    if (lead < 0xE0) {
        return 2;
    }
    if (left < 3 || !continuation(at[2])) {
        return 0;
    }
    if (lead < 0xF0) {
        const bool overlong = lead == 0xE0 && at[1] < 0xA0;
        const bool surrogate = lead == 0xED && at[1] >= 0xA0;
        return overlong || surrogate ? 0 : 3;
    }
    if (lead > 0xF4 || left < 4 || !continuation(at[3])) {
        return 0;
    }
    const bool overlong = lead == 0xF0 && at[1] < 0x90;
    const bool beyond = lead == 0xF4 && at[1] >= 0x90;
    return overlong || beyond ? 0 : 4;
}

bool kit_utf8_valid(cmp_str text)
{
    while (text.size > 0) {
        size_t size = 8; /* ASCII, which nearly all that comes is */
        if (text.size < 8 || (load_eight(text.at) & EACH(0x80)) != 0) {
            size = kit_utf8_first(text);
        }
        if (size == 0) {
            return false;
        }
        text.at += size;
        text.size -= size;
    }
    return true;
}

size_t kit_utf8_cut(const char *text, size_t size)
{
    const uint8_t *octets = (const uint8_t *)text;
    for (size_t back = 1; back <= 3 && back <= size; back++) {
        const uint8_t octet = octets[size - back];
        if (continuation(octet)) {
            continue;
        }
        const size_t wanted = octet >= 0xF0 ? 4 : octet >= 0xE0 ? 3 : octet >= 0xC0 ? 2 : 1;
        return wanted > back ? size - back : size;
    }
    return size;
}

/* ---- letters ---- */

/* Not isdigit: it asks the locale, and a char may be negative. */
static bool digit(char c)
{
    return c >= '0' && c <= '9';
}

bool kit_ascii_equal_fold(cmp_str a, cmp_str b)
{
    if (a.size != b.size) {
        return false;
    }
    for (size_t i = 0; i < a.size; i++) {
        if (kit_ascii_lower(a.at[i]) != kit_ascii_lower(b.at[i])) {
            return false;
        }
    }
    return true;
}

/* Whether an octet below `lowest`, a 0x7F, or one above it is among the eight. */
static bool eight_outside(uint64_t eight, uint8_t lowest)
{
    /* Borrows and carries begin only at an octet that is outside itself. */
    return ((eight | (eight - EACH(lowest)) | (eight + EACH(1))) & EACH(0x80)) != 0;
}

/* Every octet lies between `lowest` and 0x7E. The last eight may overlap those before: a few octets
 * one by one take longer. */
static bool ascii_from(cmp_str text, uint8_t lowest)
{
    if (text.size >= 8) {
        const size_t last = text.size - 8;
        for (size_t i = 0; i < last; i += 8) {
            if (eight_outside(load_eight(text.at + i), lowest)) {
                return false;
            }
        }
        return !eight_outside(load_eight(text.at + last), lowest);
    }
    for (size_t i = 0; i < text.size; i++) {
        if ((uint8_t)text.at[i] < lowest || (uint8_t)text.at[i] > 0x7E) {
            return false;
        }
    }
    return true;
}

bool kit_ascii_visible(cmp_str text)
{
    return ascii_from(text, 0x21);
}

bool kit_ascii_printable(cmp_str text)
{
    return ascii_from(text, 0x20);
}

/* ---- secrets ---- */

/* Volatile, or a compiler might see that the rest decides nothing any more. */
bool kit_secret_equal(cmp_str secret, cmp_str shown)
{
    const volatile char *a = secret.at, *b = shown.at;
    volatile size_t differs = secret.size ^ shown.size;
    for (size_t i = 0; i < shown.size && secret.size > 0; i++) {
        differs |= (size_t)(uint8_t)(a[i % secret.size] ^ b[i]);
    }
    return differs == 0 && secret.size > 0;
}

/* ---- hex ---- */

const uint8_t kit_hex_digits[256] = {
    ['0'] = 1,  ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,  ['6'] = 7,  ['7'] = 8,
    ['8'] = 9,  ['9'] = 10, ['a'] = 11, ['b'] = 12, ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16,
    ['A'] = 11, ['B'] = 12, ['C'] = 13, ['D'] = 14, ['E'] = 15, ['F'] = 16,
};

void kit_hex_encode(const uint8_t *from, size_t size, char *to)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < size; i++) {
        *to++ = digits[from[i] >> 4];
        *to++ = digits[from[i] & 15];
    }
}

/* Four octets of eight digits; not 0: some are none. Letters are moved to where they follow the
 * digits, 0x3A to 0x3F: with another upper half it is none, and with a lower half beyond 9 it has
 * to have been a letter. */
static uint64_t hex_eight(const char *at, uint8_t to[4])
{
    uint64_t eight = le64toh(load_eight(at));
    const uint64_t letter = eight >> 6 & EACH(0x01);
    eight = (eight | letter << 5) - letter * 0x27;
    const uint64_t low = eight & EACH(0x0F), beyond = (low + EACH(6)) >> 4 & EACH(0x01);
    uint64_t octets = (low << 4 | low >> 8) & UINT64_C(0x00FF00FF00FF00FF);
    octets = (octets | octets >> 8) & UINT64_C(0x0000FFFF0000FFFF);
    const uint32_t four = htole32((uint32_t)(octets | octets >> 16));
    memcpy(to, &four, sizeof(four));
    return ((eight & EACH(0xF0)) ^ EACH(0x30)) | (beyond ^ letter);
}

/* Reads on behind a wrong digit: how long it takes must not tell where a signature is wrong. What
 * is no digit has the value 0xFF, and shows in `wrong`. */
bool kit_hex_decode(cmp_str text, uint8_t *to, size_t size)
{
    if (text.size % 2 != 0 || text.size / 2 != size) {
        return false;
    }
    uint64_t wrong_eight = 0;
    unsigned wrong = 0;
    size_t i = 0;
    for (; size - i >= 4; i += 4) {
        wrong_eight |= hex_eight(text.at + 2 * i, to + i);
    }
    for (; i < size; i++) {
        const unsigned high = kit_hex_value(text.at[2 * i]),
                       low = kit_hex_value(text.at[2 * i + 1]);
        wrong |= high | low;
        to[i] = (uint8_t)(high << 4 | low);
    }
    return wrong_eight == 0 && wrong < 16;
}

/* ---- base64 (RFC 4648, 4 and 5) ---- */

#define ALPHANUMERICS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

static size_t base64_write(const uint8_t *from, size_t size, const char *alphabet, bool padded,
                           char *to)
{
    char *const start = to;
    for (; size >= 3; from += 3, size -= 3) {
        *to++ = alphabet[from[0] >> 2];
        *to++ = alphabet[(from[0] & 3) << 4 | from[1] >> 4];
        *to++ = alphabet[(from[1] & 15) << 2 | from[2] >> 6];
        *to++ = alphabet[from[2] & 63];
    }
    if (size > 0) {
        const uint8_t second = size == 2 ? from[1] : 0;
        *to++ = alphabet[from[0] >> 2];
        *to++ = alphabet[(from[0] & 3) << 4 | second >> 4];
        if (size == 2) {
            *to++ = alphabet[(second & 15) << 2];
        }
        for (size_t i = size; padded && i < 3; i++) {
            *to++ = '=';
        }
    }
    return (size_t)(to - start);
}

size_t kit_base64_encode(const uint8_t *from, size_t size, char *to)
{
    return base64_write(from, size, ALPHANUMERICS "+/", true, to);
}

size_t kit_base64url_encode(const uint8_t *from, size_t size, char *to)
{
    return base64_write(from, size, ALPHANUMERICS "-_", false, to);
}

static int base64_value(char c)
{
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }
    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }
    if (digit(c)) {
        return c - '0' + 52;
    }
    if (c == '+' || c == '-') {
        return 62;
    }
    return c == '/' || c == '_' ? 63 : -1;
}

ptrdiff_t kit_base64_decode(cmp_str text, uint8_t *to, size_t room)
{
    size_t size = text.size;
    if (size > 0 && size % 4 == 0 && text.at[size - 1] == '=') {
        size -= text.at[size - 2] == '=' ? 2 : 1;
    }
    const size_t octets = size / 4 * 3 + size % 4 * 3 / 4;
    if (size % 4 == 1 || octets > room) {
        return -1;
    }
    uint32_t bits = 0;
    unsigned held = 0;
    for (size_t i = 0; i < size; i++) {
        const int value = base64_value(text.at[i]);
        if (value < 0) {
            return -1;
        }
        bits = bits << 6 | (uint32_t)value;
        held += 6;
        if (held >= 8) {
            held -= 8;
            *to++ = (uint8_t)(bits >> held);
        }
    }
    /* RFC 4648, 3.5: bits behind the last octet are 0, or one value would have several texts. */
    const bool whole = (bits & ((UINT32_C(1) << held) - 1)) == 0;
    return whole ? (ptrdiff_t)octets : -1;
}

/* ---- numbers ---- */

bool kit_number_parse(cmp_str text, int64_t min, int64_t max, int64_t *number)
{
    bool negative = false;
    size_t i = 0;
    if (min < 0 && text.size > 0 && (text.at[0] == '-' || text.at[0] == '+')) {
        negative = text.at[0] == '-';
        i = 1;
    }
    if (i == text.size) {
        return false;
    }
    int64_t value = 0;
    for (; i < text.size; i++) {
        if (!digit(text.at[i])) {
            return false;
        }
        /* A negative number grows downwards: INT64_MIN has no positive twin. */
        const int64_t add = negative ? '0' - text.at[i] : text.at[i] - '0';
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, add, &value)) {
            return false;
        }
    }
    if (value < min || value > max) {
        return false;
    }
    *number = value;
    return true;
}
