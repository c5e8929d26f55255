/* SPDX-License-Identifier: Apache-2.0 */
/* Reading of JSON without a tree: requests and answers of next hops come through here. Values that
 * nobody asked for are checked as strictly as the others, and skipped. */
#include "mc/json_read.h"

#include "mc/json_plain.h"
#include "mc/json_string.h"

#include <cmp-kit/text.h>

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
    return take(in, c) || json_fail(in, JSON_FAULT_SYNTAX);
}

static bool take_word(json_in *in, cmp_str word)
{
    const cmp_str left = json_rest(in);
    if (left.size < word.size || memcmp(left.at, word.at, word.size) != 0) {
        return false;
    }
    in->at += word.size;
    return true;
}

/* ---- strings ---- */

static bool read_string(json_in *in, size_t max, cmp_str *text)
{
    return expect(in, '"') && json_string_read(in, max, text);
}

/* One of any size, without U+0000. */
static bool read_whole_string(json_in *in, cmp_str *text)
{
    return read_string(in, SIZE_MAX, text) && (!in->has_nul || json_fail(in, JSON_FAULT_SYNTAX));
}

static bool skip_string(json_in *in)
{
    return expect(in, '"') && json_string_skip(in);
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
        return json_fail(in, JSON_FAULT_SYNTAX);
    }
    if (take_one_of(in, '.', '.')) {
        *integer = false;
        if (skip_digits(in) == 0) {
            return json_fail(in, JSON_FAULT_SYNTAX);
        }
    }
    if (take_one_of(in, 'e', 'E')) {
        *integer = false;
        take_one_of(in, '+', '-');
        if (skip_digits(in) == 0) {
            return json_fail(in, JSON_FAULT_SYNTAX);
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
        return json_fail(in, JSON_FAULT_DEPTH);
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
        return in->at != in->end && json_fail(in, JSON_FAULT_SYNTAX);
    }
    return in->count == 0 || json_fail(in, JSON_FAULT_SYNTAX);
}

/* A list and not a table: members are few, and bounded. A name that comes twice is refused, for two
 * readers may take different ones. */
static bool remember_key(json_in *in, cmp_str key)
{
    for (unsigned i = 0; i < in->count; i++) {
        if (cmp_str_equal(in->keys[i], key)) {
            return json_fail(in, JSON_FAULT_TWICE);
        }
    }
    if (in->count == JSON_MEMBERS_MAX) {
        return json_fail(in, JSON_FAULT_MEMBERS);
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
    return begins_other(in) ? json_fail(in, JSON_FAULT_KIND) : read_string(in, max, text);
}

bool json_list(json_in *in)
{
    skip_space(in);
    in->items = 0;
    if (take(in, '[')) {
        return true;
    }
    const bool other = begins_other(in) || (in->at < in->end && *in->at == '"');
    return json_fail(in, other ? JSON_FAULT_KIND : JSON_FAULT_SYNTAX);
}

bool json_item(json_in *in, size_t max, cmp_str *text)
{
    if (in->items == 0 ? take(in, ']') : !take(in, ',')) {
        return in->items > 0 && !take(in, ']') && json_fail(in, JSON_FAULT_SYNTAX);
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
