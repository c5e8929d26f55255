/* SPDX-License-Identifier: Apache-2.0 */
/* See json_string.h. What a string costs is what a body costs: plain text goes by runs, and
 * escapes, of which one that is meant to cost is full, without a branch that nobody foresees. */
#include "mc/json_string.h"

#include "mc/json_plain.h"
#include "mc/json_text.h"

#include <endian.h>

/* What a hexadecimal digit is worth in the last place but `place`, and a bit that says that it is
 * one.
 */
#define WORTH(value, place) ((uint32_t)(value) << 4 * (place) | UINT32_C(0x10000) << (place))
#define DIGITS(place)                                                                              \
    {                                                                                              \
        ['0'] = WORTH(0, place), ['1'] = WORTH(1, place), ['2'] = WORTH(2, place),                 \
        ['3'] = WORTH(3, place), ['4'] = WORTH(4, place), ['5'] = WORTH(5, place),                 \
        ['6'] = WORTH(6, place), ['7'] = WORTH(7, place), ['8'] = WORTH(8, place),                 \
        ['9'] = WORTH(9, place), ['a'] = WORTH(10, place), ['b'] = WORTH(11, place),               \
        ['c'] = WORTH(12, place), ['d'] = WORTH(13, place), ['e'] = WORTH(14, place),              \
        ['f'] = WORTH(15, place), ['A'] = WORTH(10, place), ['B'] = WORTH(11, place),              \
        ['C'] = WORTH(12, place), ['D'] = WORTH(13, place), ['E'] = WORTH(14, place),              \
        ['F'] = WORTH(15, place),                                                                  \
    }

/* The four digits of a \uXXXX; above 0xFFFF when they are none. A body of nothing else is read at
 * half the cost that it has digit by digit. */
static inline uint32_t read_unit(const char *at)
{
    static const uint32_t worth[4][256] = {DIGITS(3), DIGITS(2), DIGITS(1), DIGITS(0)};
    const uint32_t sum = worth[0][(uint8_t)at[0]] | worth[1][(uint8_t)at[1]] |
                         worth[2][(uint8_t)at[2]] | worth[3][(uint8_t)at[3]];
    return sum ^ UINT32_C(0xF0000);
}

/* The two escapes of a character beyond U+FFFF; `unit` is the first one's. A lone half of a pair
 * stands for no character, and could not be written as UTF-8. */
static size_t read_pair(const char *at, const char *end, uint32_t unit, uint32_t *point)
{
    if (unit >= 0xDC00 || end - at < 12 || at[6] != '\\' || at[7] != 'u') {
        return 0;
    }
    const uint32_t second = read_unit(at + 8);
    *point = 0x10000 + ((unit - 0xD800) << 10) + (second - 0xDC00);
    return second >= 0xDC00 && second <= 0xDFFF ? 12 : 0;
}

/* Reads the escape that begins at `at`; returns its size, or 0 when it is none. */
static inline size_t read_escape(const char *at, const char *end, uint32_t *point)
{
    static const char meaning[256] = {['"'] = '"',  ['\\'] = '\\', ['/'] = '/',  ['b'] = '\b',
                                      ['f'] = '\f', ['n'] = '\n',  ['r'] = '\r', ['t'] = '\t'};
    if (end - at < 2 || at[1] != 'u') {
        *point = end - at < 2 ? 0 : (uint8_t)meaning[(uint8_t)at[1]];
        return *point != 0 ? 2 : 0;
    }
    if (end - at < 6) {
        return 0;
    }
    const uint32_t unit = read_unit(at + 2);
    if ((unit & 0xFFFFF800) == 0xD800) {
        return read_pair(at, end, unit, point);
    }
    *point = unit;
    return unit <= 0xFFFF ? 6 : 0;
}

#define UTF8_SIZE_MAX 4

/* Writes UTF8_SIZE_MAX octets, of which the first ones count. Without a branch: in a text that is
 * meant to cost nobody foresees which one would be taken. */
static inline size_t write_utf8(uint32_t point, char *to)
{
    const uint32_t last = 0x80 | (point & 63), third = 0x80 | (point >> 6 & 63),
                   second = 0x80 | (point >> 12 & 63);
    const uint32_t two = (0xC0 | point >> 6) | last << 8;
    const uint32_t three = (0xE0 | point >> 12) | third << 8 | last << 16;
    const uint32_t four = (0xF0 | point >> 18) | second << 8 | third << 16 | last << 24;
    uint32_t octets = point < 0x80 ? point : two;
    octets = point < 0x800 ? octets : three;
    octets = htole32(point < 0x10000 ? octets : four);
    memcpy(to, &octets, sizeof(octets));
    return 1 + (size_t)(point >= 0x80) + (size_t)(point >= 0x800) + (size_t)(point >= 0x10000);
}

/* A string that is being read: it lies in the body up to its first escape, and in a copy from then
 * on. */
typedef struct text_in {
    const char *at;
    size_t size;
    size_t max; /* once it is longer, nobody wants the rest */
    char *copy; /* NULL: none yet */
    size_t room;
} text_in;

/* No escape is shorter than what it stands for, so the body's rest is always room enough. */
static void begin_copy(json_in *in, text_in *t)
{
    const size_t longest = t->size + (size_t)(in->end - in->at);
    t->room = (t->max < longest ? t->max : longest) + UTF8_SIZE_MAX;
    t->copy = kit_arena_alloc(in->memory, t->room);
    memcpy(t->copy, t->at, t->size);
    t->at = t->copy;
}

#define SHORT_RUN 16 /* from here on json_plain_run is faster */

/* Escapes, and short runs of ASCII between them: one by one, as in a text that is meant to cost
 * there are no long ones. `max` is looked at before each: the copy has room for one character more.
 */
static bool add_escapes(json_in *in, text_in *t)
{
    if (t->copy == NULL) {
        begin_copy(in, t);
    }
    const char *at = in->at, *run = at, *const end = in->end;
    char *to = t->copy + t->size;
    const char *const last = t->max < t->room ? t->copy + t->max : t->copy + t->room;
    while (at < end && to <= last) {
        if (json_plain(*at) && at - run < SHORT_RUN) {
            *to++ = *at++;
            continue;
        }
        if (*at != '\\') {
            break;
        }
        uint32_t point;
        const size_t size = read_escape(at, end, &point);
        if (size == 0) {
            return json_fail(in, JSON_FAULT_SYNTAX);
        }
        at += size;
        run = at;
        in->has_nul |= point == 0;
        to += write_utf8(point, to);
    }
    in->at = at;
    t->size = (size_t)(to - t->copy);
    return true;
}

/* What is worth being looked at: a character more than there is room for. */
static cmp_str wanted_rest(const json_in *in, const text_in *t)
{
    const cmp_str all = json_rest(in);
    const size_t room = t->max - t->size;
    return room < all.size - UTF8_SIZE_MAX && all.size > UTF8_SIZE_MAX
               ? (cmp_str){all.at, room + UTF8_SIZE_MAX}
               : all;
}

/* Octets that stand for themselves, up to the first one that there is no room for. */
static void add_octets(json_in *in, text_in *t, size_t size)
{
    const size_t wanted = t->max - t->size < size ? t->max - t->size + 1 : size;
    if (t->copy != NULL) {
        memcpy(t->copy + t->size, in->at, wanted);
    }
    t->size += wanted;
    in->at += wanted;
}

/* One more piece of a string that goes on. */
static bool add_piece(json_in *in, text_in *t)
{
    if (in->at < in->end && *in->at == '\\') {
        return add_escapes(in, t);
    }
    const size_t size = json_some_text(wanted_rest(in, t));
    add_octets(in, t, size);
    return size > 0 || json_fail(in, JSON_FAULT_SYNTAX);
}

bool json_string_read(json_in *in, size_t max, cmp_str *text)
{
    text_in t = {.at = in->at, .max = max};
    bool good = true;
    while (good && t.size <= max && !(in->at < in->end && *in->at == '"')) {
        good = add_piece(in, &t);
    }
    if (t.copy != NULL) {
        kit_arena_trim(in->memory, t.copy, t.room, t.size);
    }
    *text = (cmp_str){t.at, t.size};
    if (!good || t.size > max) {
        return good ? json_fail(in, JSON_FAULT_LONG) : false;
    }
    in->at++;
    return true;
}

bool json_string_skip(json_in *in)
{
    for (;;) {
        const size_t size = json_some_text(json_rest(in));
        in->at += size;
        if (in->at < in->end && *in->at == '"') {
            in->at++;
            return true;
        }
        if (in->at < in->end && *in->at == '\\') {
            uint32_t point;
            const size_t escape = read_escape(in->at, in->end, &point);
            if (escape == 0 || point == 0) {
                return json_fail(in, JSON_FAULT_SYNTAX);
            }
            in->at += escape;
        } else if (size == 0) {
            return json_fail(in, JSON_FAULT_SYNTAX);
        }
    }
}
