/* Reading of JSON without a tree: answers of next hops come through here. Values that nobody asked
 * for are checked as strictly as the others, and skipped. */
#include "mc/json_read.h"

#include "mc/json_plain.h"

#include <cmp-kit/text.h>

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

static void skip_space(json_in *in)
{
    while (in->at < in->end &&
           (*in->at == ' ' || *in->at == '\n' || *in->at == '\t' || *in->at == '\r')) {
        in->at++;
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

/* The four digits of a \uXXXX. */
static bool read_unit(cmp_str text, uint32_t *unit)
{
    uint8_t octets[2];
    if (text.size < 6 || text.at[0] != '\\' || text.at[1] != 'u' ||
        !kit_hex_decode((cmp_str){text.at + 2, 4}, octets, 2)) {
        return false;
    }
    *unit = (uint32_t)octets[0] << 8 | octets[1];
    return true;
}

static bool is_surrogate(uint32_t unit, uint32_t first)
{
    return unit >= first && unit < first + 0x400;
}

/* Reads the escape that a text begins with; returns its size, or 0 when it is none. */
static size_t read_escape(cmp_str text, uint32_t *point)
{
    static const char meaning[128] = {['"'] = '"',  ['\\'] = '\\', ['/'] = '/',  ['b'] = '\b',
                                      ['f'] = '\f', ['n'] = '\n',  ['r'] = '\r', ['t'] = '\t'};
    if (text.size >= 2 && (uint8_t)text.at[1] < sizeof(meaning) && meaning[(int)text.at[1]] != 0) {
        *point = (uint8_t)meaning[(int)text.at[1]];
        return 2;
    }
    uint32_t unit, second;
    if (!read_unit(text, &unit) || unit == 0 || is_surrogate(unit, 0xDC00)) {
        return 0;
    }
    if (!is_surrogate(unit, 0xD800)) {
        *point = unit;
        return 6;
    }
    if (!read_unit((cmp_str){text.at + 6, text.size - 6}, &second) ||
        !is_surrogate(second, 0xDC00)) {
        return 0;
    }
    *point = 0x10000 + ((unit - 0xD800) << 10) + (second - 0xDC00);
    return 12;
}

static size_t write_utf8(uint32_t point, char *to)
{
    if (point < 0x80) {
        to[0] = (char)point;
        return 1;
    }
    if (point < 0x800) {
        to[0] = (char)(0xC0 | point >> 6);
        to[1] = (char)(0x80 | (point & 63));
        return 2;
    }
    if (point < 0x10000) {
        to[0] = (char)(0xE0 | point >> 12);
        to[1] = (char)(0x80 | (point >> 6 & 63));
        to[2] = (char)(0x80 | (point & 63));
        return 3;
    }
    to[0] = (char)(0xF0 | point >> 18);
    to[1] = (char)(0x80 | (point >> 12 & 63));
    to[2] = (char)(0x80 | (point >> 6 & 63));
    to[3] = (char)(0x80 | (point & 63));
    return 4;
}

/* A string's octets between its quotes, checked but not decoded. */
static bool scan_string(json_in *in, cmp_str *raw, bool *escaped)
{
    if (!expect(in, '"')) {
        return false;
    }
    raw->at = in->at;
    *escaped = false;
    for (;;) {
        in->at += json_plain_run(rest(in));
        if (in->at < in->end && *in->at == '"') {
            raw->size = (size_t)(in->at - raw->at);
            in->at++;
            return true;
        }
        size_t size = 0;
        if (in->at < in->end && *in->at == '\\') {
            uint32_t point;
            size = read_escape(rest(in), &point);
            *escaped = true;
        } else if (in->at < in->end && (uint8_t)*in->at >= 0x80) {
            size = kit_utf8_first(rest(in));
        }
        if (size == 0) {
            return fail(in, JSON_FAULT_SYNTAX);
        }
        in->at += size;
    }
}

/* No escape is shorter than what it stands for. */
static cmp_str decode(kit_arena *memory, cmp_str raw)
{
    char *const start = kit_arena_alloc(memory, raw.size), *to = start;
    while (raw.size > 0) {
        const char *escape = memchr(raw.at, '\\', raw.size);
        size_t size = escape != NULL ? (size_t)(escape - raw.at) : raw.size;
        memcpy(to, raw.at, size);
        to += size;
        raw = (cmp_str){raw.at + size, raw.size - size};
        if (escape != NULL) {
            uint32_t point = 0;
            size = read_escape(raw, &point);
            to += write_utf8(point, to);
            raw = (cmp_str){raw.at + size, raw.size - size};
        }
    }
    return (cmp_str){start, (size_t)(to - start)};
}

static bool read_string(json_in *in, cmp_str *text)
{
    bool escaped;
    if (!scan_string(in, text, &escaped)) {
        return false;
    }
    if (escaped) {
        *text = decode(in->memory, *text);
    }
    return true;
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

/* An object or an array inside `depth` others. */
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
        cmp_str key;
        bool unused;
        if (object && !(scan_string(in, &key, &unused) && expect(in, ':'))) {
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
        cmp_str raw;
        bool escaped;
        return scan_string(in, &raw, &escaped);
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

static bool read_value(json_in *in, json_member *m)
{
    skip_space(in);
    if (in->at < in->end && *in->at == '"') {
        m->kind = JSON_KIND_STRING;
        return read_string(in, &m->value);
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
    return in->fault == JSON_FAULT_NONE && goes_on(in) && read_string(in, &m->key) &&
           remember_key(in, m->key) && expect(in, ':') && read_value(in, m);
}

const char *json_fault_text(json_fault fault)
{
    static const char *const texts[] = {
        [JSON_FAULT_NONE] = "nothing is wrong",
        [JSON_FAULT_SYNTAX] = "the body is no well-formed JSON object",
        [JSON_FAULT_TWICE] = "a member of the body is given twice",
        [JSON_FAULT_MEMBERS] = "the body has too many members",
        [JSON_FAULT_DEPTH] = "the body is nested too deep",
    };
    return texts[fault];
}
