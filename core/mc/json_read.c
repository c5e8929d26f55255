/* SPDX-License-Identifier: Apache-2.0 */
/* Reading of JSON without a tree: requests and answers of next hops come through here. Values that
 * nobody asked for are checked as strictly as the others, and skipped. */
#include "mc/json_read.h"

#include "mc/json_plain.h"
#include "mc/json_text.h"

#include <cmp-kit/text.h>

#include <endian.h>

static bool fail(json_in *in, json_fault fault)
{
    in->fault = fault;
    return false;
}

static cmp_str rest(const json_in *in)
{
    return (cmp_str){in->at, (size_t)(in->end - in->at)};
}

/* ---- tokens ---- */

static bool is_space(char c)
{
    static const uint64_t spaces = 1ULL << ' ' | 1ULL << '\n' | 1ULL << '\t' | 1ULL << '\r';
    return (uint8_t)c < 64 && (spaces >> (uint8_t)c & 1) != 0;
}

/* Not zero when one of eight octets is not `c`: its highest bit tells. */
static uint64_t other_than(uint64_t eight, char c)
{
    const uint64_t differs = eight ^ JSON_EACH((uint8_t)c), low = ~JSON_EACH(0x80);
    return ((differs & low) + low) | differs;
}

static bool eight_spaces(const char *at)
{
    uint64_t eight;
    memcpy(&eight, at, sizeof(eight));
    return (other_than(eight, ' ') & other_than(eight, '\n') & other_than(eight, '\t') &
            other_than(eight, '\r') & JSON_EACH(0x80)) == 0;
}

static void skip_space(json_in *in)
{
    while (in->at < in->end && is_space(*in->at)) {
        in->at += in->end - in->at >= 8 && eight_spaces(in->at) ? 8 : 1;
    }
}

static bool take(json_in *in, char c)
{
    skip_space(in);
    if (in->at == in->end || *in->at != c) {
        return false;
    }
    in->at++;
    return true;
}

static bool expect(json_in *in, char c)
{
    return take(in, c) || fail(in, JSON_FAULT_SYNTAX);
}

static bool take_word(json_in *in, cmp_str word)
{
    const cmp_str left = rest(in);
    if (left.size < word.size || memcmp(left.at, word.at, word.size) != 0) {
        return false;
    }
    in->at += word.size;
    return true;
}

/* ---- strings ---- */

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
            return fail(in, JSON_FAULT_SYNTAX);
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
    const cmp_str all = rest(in);
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
    return size > 0 || fail(in, JSON_FAULT_SYNTAX);
}

/* Reads a string, of which no more than `max` octets are wanted. *text is what was read of it also
 * when it is longer than that. */
static bool read_string(json_in *in, size_t max, cmp_str *text)
{
    if (!expect(in, '"')) {
        return false;
    }
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
        return good ? fail(in, JSON_FAULT_LONG) : false;
    }
    in->at++;
    return true;
}

/* One of any size, without U+0000. */
static bool read_whole_string(json_in *in, cmp_str *text)
{
    return read_string(in, SIZE_MAX, text) && (!in->has_nul || fail(in, JSON_FAULT_SYNTAX));
}

/* Passes over a string that nobody wants. */
static bool skip_string(json_in *in)
{
    if (!expect(in, '"')) {
        return false;
    }
    for (;;) {
        const size_t size = json_some_text(rest(in));
        in->at += size;
        if (in->at < in->end && *in->at == '"') {
            in->at++;
            return true;
        }
        if (in->at < in->end && *in->at == '\\') {
            uint32_t point;
            const size_t escape = read_escape(in->at, in->end, &point);
            if (escape == 0 || point == 0) {
                return fail(in, JSON_FAULT_SYNTAX);
            }
            in->at += escape;
        } else if (size == 0) {
            return fail(in, JSON_FAULT_SYNTAX);
        }
    }
}

/* ---- numbers ---- */

static size_t skip_digits(json_in *in)
{
    const char *start = in->at;
    while (in->at < in->end && *in->at >= '0' && *in->at <= '9') {
        in->at++;
    }
    return (size_t)(in->at - start);
}

static bool take_one_of(json_in *in, char a, char b)
{
    if (in->at == in->end || (*in->at != a && *in->at != b)) {
        return false;
    }
    in->at++;
    return true;
}

/* RFC 8259, 6. Returns whether it is a number; *integer: without fraction and exponent. */
static bool skip_number(json_in *in, bool *integer)
{
    *integer = true;
    take_one_of(in, '-', '-');
    if (!take_one_of(in, '0', '0') && skip_digits(in) == 0) {
        return fail(in, JSON_FAULT_SYNTAX);
    }
    if (take_one_of(in, '.', '.')) {
        *integer = false;
        if (skip_digits(in) == 0) {
            return fail(in, JSON_FAULT_SYNTAX);
        }
    }
    if (take_one_of(in, 'e', 'E')) {
        *integer = false;
        take_one_of(in, '+', '-');
        if (skip_digits(in) == 0) {
            return fail(in, JSON_FAULT_SYNTAX);
        }
    }
    return true;
}

/* ---- values ---- */

static bool skip_value(json_in *in, unsigned depth, bool *integer);

/* An object or an array inside `depth` others. Depth is counted since each level is a call: an
 * answer of a million brackets would otherwise use up the stack. */
static bool skip_nested(json_in *in, unsigned depth)
{
    const bool object = *in->at++ == '{';
    const char close = object ? '}' : ']';
    if (depth >= JSON_DEPTH_MAX) {
        return fail(in, JSON_FAULT_DEPTH);
    }
    if (take(in, close)) {
        return true;
    }
    do {
        bool unused;
        if (object && !(skip_string(in) && expect(in, ':'))) {
            return false;
        }
        if (!skip_value(in, depth + 1, &unused)) {
            return false;
        }
    } while (take(in, ','));
    return expect(in, close);
}

static bool skip_value(json_in *in, unsigned depth, bool *integer)
{
    *integer = false;
    skip_space(in);
    const char first = in->at < in->end ? *in->at : '\0';
    if (first == '"') {
        return skip_string(in);
    }
    if (first == '{' || first == '[') {
        return skip_nested(in, depth);
    }
    if (take_word(in, CMP_STR("true")) || take_word(in, CMP_STR("false")) ||
        take_word(in, CMP_STR("null"))) {
        return true;
    }
    return skip_number(in, integer);
}

/* An integer too large for 63 bits stays OTHER: it is JSON, but nothing that we ask for. */
static bool read_value(json_in *in, json_member *m)
{
    skip_space(in);
    if (in->at < in->end && *in->at == '"') {
        m->kind = JSON_KIND_STRING;
        return read_whole_string(in, &m->value);
    }
    bool integer;
    m->value.at = in->at;
    if (!skip_value(in, 1, &integer)) {
        return false;
    }
    m->value.size = (size_t)(in->at - m->value.at);
    if (integer && kit_number_parse(m->value, INT64_MIN, INT64_MAX, &m->number)) {
        m->kind = JSON_KIND_INTEGER;
    }
    return true;
}

/* ---- the object ---- */

void json_open(json_in *in, cmp_str body, kit_arena *memory)
{
    in->at = body.at;
    in->end = body.size > 0 ? body.at + body.size : body.at;
    in->memory = memory;
    in->count = 0;
    in->has_nul = false;
    in->fault = take(in, '{') ? JSON_FAULT_NONE : JSON_FAULT_SYNTAX;
}

/* Whether another member has to follow. */
static bool goes_on(json_in *in)
{
    if (in->count > 0 && take(in, ',')) {
        return true;
    }
    if (take(in, '}')) {
        skip_space(in);
        return in->at != in->end && fail(in, JSON_FAULT_SYNTAX);
    }
    return in->count == 0 || fail(in, JSON_FAULT_SYNTAX);
}

/* A list and not a table: members are few, and bounded. A name that comes twice is refused, for two
 * readers may take different ones. */
static bool remember_key(json_in *in, cmp_str key)
{
    for (unsigned i = 0; i < in->count; i++) {
        if (cmp_str_equal(in->keys[i], key)) {
            return fail(in, JSON_FAULT_TWICE);
        }
    }
    if (in->count == JSON_MEMBERS_MAX) {
        return fail(in, JSON_FAULT_MEMBERS);
    }
    in->keys[in->count++] = key;
    return true;
}

bool json_next(json_in *in, json_member *m)
{
    *m = (json_member){.kind = JSON_KIND_OTHER};
    return in->fault == JSON_FAULT_NONE && goes_on(in) && read_whole_string(in, &m->key) &&
           remember_key(in, m->key) && expect(in, ':') && read_value(in, m);
}

/* ---- strings only ---- */

bool json_key(json_in *in, size_t max, cmp_str *key)
{
    if (in->fault != JSON_FAULT_NONE || !goes_on(in)) {
        return false;
    }
    in->count++;
    return read_string(in, max, key) && expect(in, ':');
}

/* Whether a value of another kind begins here. */
static bool begins_other(const json_in *in)
{
    return in->at < in->end && *in->at != '\0' && strchr("{[-0123456789tfn", *in->at) != NULL;
}

bool json_text(json_in *in, size_t max, cmp_str *text)
{
    skip_space(in);
    return begins_other(in) ? fail(in, JSON_FAULT_KIND) : read_string(in, max, text);
}

bool json_list(json_in *in)
{
    skip_space(in);
    in->items = 0;
    if (take(in, '[')) {
        return true;
    }
    const bool other = begins_other(in) || (in->at < in->end && *in->at == '"');
    return fail(in, other ? JSON_FAULT_KIND : JSON_FAULT_SYNTAX);
}

bool json_item(json_in *in, size_t max, cmp_str *text)
{
    if (in->items == 0 ? take(in, ']') : !take(in, ',')) {
        return in->items > 0 && !take(in, ']') && fail(in, JSON_FAULT_SYNTAX);
    }
    in->items++;
    return json_text(in, max, text);
}

const char *json_fault_text(json_fault fault)
{
    static const char *const texts[] = {
        [JSON_FAULT_NONE] = "nothing is wrong",
        [JSON_FAULT_SYNTAX] = "the body is no well-formed JSON object",
        [JSON_FAULT_TWICE] = "a member of the body is given twice",
        [JSON_FAULT_MEMBERS] = "the body has too many members",
        [JSON_FAULT_DEPTH] = "the body is nested too deep",
        [JSON_FAULT_KIND] = "a value of the body is of another kind",
        [JSON_FAULT_LONG] = "a string of the body is too long",
    };
    return texts[fault];
}
