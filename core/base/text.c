/* Reading and writing of small texts. Everything that comes from outside, in a request or in the
 * configuration, is taken apart with these functions. */
#include "base/text.h"

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
size_t utf8_first(cmp_str text)
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

bool utf8_valid(cmp_str text)
{
    while (text.size > 0) {
        size_t size = 8;
        if (text.size < 8 || (load_eight(text.at) & EACH(0x80)) != 0) {
            size = utf8_first(text);
        }
        if (size == 0) {
            return false;
        }
        text.at += size;
        text.size -= size;
    }
    return true;
}

size_t utf8_cut(const char *text, size_t size)
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

static bool digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool letter(char c)
{
    const char lower = ascii_lower(c);
    return lower >= 'a' && lower <= 'z';
}

bool ascii_equal_fold(cmp_str a, cmp_str b)
{
    if (a.size != b.size) {
        return false;
    }
    for (size_t i = 0; i < a.size; i++) {
        if (ascii_lower(a.at[i]) != ascii_lower(b.at[i])) {
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

/* Every octet lies between `lowest` and 0x7E. */
static bool ascii_from(cmp_str text, uint8_t lowest)
{
    const char *at = text.at;
    size_t left = text.size;
    for (; left >= 8; at += 8, left -= 8) {
        if (eight_outside(load_eight(at), lowest)) {
            return false;
        }
    }
    for (; left > 0; at++, left--) {
        if ((uint8_t)*at < lowest || (uint8_t)*at > 0x7E) {
            return false;
        }
    }
    return true;
}

bool ascii_visible(cmp_str text)
{
    return ascii_from(text, 0x21);
}

bool ascii_printable(cmp_str text)
{
    return ascii_from(text, 0x20);
}

/* ---- hex ---- */

static int hex_value(char c)
{
    if (digit(c)) {
        return c - '0';
    }
    const char lower = ascii_lower(c);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

void hex_encode(const uint8_t *from, size_t size, char *to)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < size; i++) {
        *to++ = digits[from[i] >> 4];
        *to++ = digits[from[i] & 15];
    }
}

bool hex_decode(cmp_str text, uint8_t *to, size_t size)
{
    if (text.size % 2 != 0 || text.size / 2 != size) {
        return false;
    }
    for (size_t i = 0; i < size; i++) {
        const int high = hex_value(text.at[2 * i]), low = hex_value(text.at[2 * i + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        to[i] = (uint8_t)(high * 16 + low);
    }
    return true;
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

size_t base64_encode(const uint8_t *from, size_t size, char *to)
{
    return base64_write(from, size, ALPHANUMERICS "+/", true, to);
}

size_t base64url_encode(const uint8_t *from, size_t size, char *to)
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

ptrdiff_t base64_decode(cmp_str text, uint8_t *to, size_t room)
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
    return (ptrdiff_t)octets;
}

/* ---- numbers ---- */

bool number_parse(cmp_str text, int64_t min, int64_t max, int64_t *number)
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

/* ---- names ---- */

static bool label_valid(const char *at, size_t size)
{
    if (size == 0 || size > 63 || at[0] == '-' || at[size - 1] == '-') {
        return false;
    }
    for (size_t i = 0; i < size; i++) {
        if (!digit(at[i]) && !letter(at[i]) && at[i] != '-') {
            return false;
        }
    }
    return true;
}

bool host_valid(cmp_str text)
{
    if (text.size == 0 || text.size > 253) {
        return false;
    }
    const char *label = text.at, *const end = text.at + text.size;
    const char *dot;
    while ((dot = memchr(label, '.', (size_t)(end - label))) != NULL) {
        if (!label_valid(label, (size_t)(dot - label))) {
            return false;
        }
        label = dot + 1;
    }
    if (label == text.at || !label_valid(label, (size_t)(end - label))) {
        return false;
    }
    while (label < end && digit(*label)) {
        label++;
    }
    return label < end;
}

bool prefix_valid(cmp_str text)
{
    if (text.size < 3 || text.size > 64) {
        return false;
    }
    for (size_t i = 0; i < text.size; i++) {
        if (hex_value(text.at[i]) < 0) {
            return false;
        }
    }
    return true;
}

#define NAME_MAX_SIZE 64

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Insertions, deletions, replacements, and swaps of neighbours; letter case does not count. Three
 * rows of the matrix are kept: the current one and the two above it. */
static size_t edits(cmp_str a, cmp_str b)
{
    size_t rows[3][NAME_MAX_SIZE + 1];
    size_t *above2 = rows[0], *above = rows[1], *row = rows[2];
    for (size_t j = 0; j <= b.size; j++) {
        above[j] = j;
        above2[j] = j;
    }
    for (size_t i = 1; i <= a.size; i++) {
        const char ai = ascii_lower(a.at[i - 1]);
        row[0] = i;
        for (size_t j = 1; j <= b.size; j++) {
            const char bj = ascii_lower(b.at[j - 1]);
            row[j] = smaller(smaller(above[j], row[j - 1]) + 1, above[j - 1] + (ai != bj));
            if (i > 1 && j > 1 && ai == ascii_lower(b.at[j - 2]) &&
                bj == ascii_lower(a.at[i - 2])) {
                row[j] = smaller(row[j], above2[j - 2] + 1);
            }
        }
        size_t *const free_row = above2;
        above2 = above;
        above = row;
        row = free_row;
    }
    return above[b.size];
}

size_t name_distance(cmp_str text, const char *name)
{
    const cmp_str other = cmp_str_from(name);
    if (text.size > NAME_MAX_SIZE || other.size > NAME_MAX_SIZE) {
        return SIZE_MAX;
    }
    const size_t longer = text.size > other.size ? text.size : other.size;
    const size_t allowed = longer < 3 ? 1 : longer / 3;
    const size_t distance = edits(text, other);
    return distance <= allowed ? distance : SIZE_MAX;
}

const char *name_nearest(cmp_str text, const char *const *names)
{
    const char *nearest = NULL;
    size_t least = SIZE_MAX;
    for (; *names != NULL; names++) {
        const size_t distance = name_distance(text, *names);
        if (distance < least) {
            least = distance;
            nearest = *names;
        }
    }
    return nearest;
}
