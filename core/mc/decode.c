/* SPDX-License-Identifier: Apache-2.0 */
/* From octets to a message (SPEC 2, carriage): the first thing that happens to a request's query
 * or body, before anybody knows who sent it. */
#include "mc/decode.h"

#include "mc/json_read.h"

#include <cmp-kit/text.h>

static bool fail(fault *f, error_code code, cmp_str parameter, const char *detail)
{
    *f = (fault){.code = code, .parameter = parameter, .detail = detail};
    return false;
}

/* ---- query strings and forms ---- */

/* Where the next octets that need decoding are; most texts have few or none, so they are looked
 * for in the whole text and not in each part. */
typedef struct escapes {
    const char *end; /* of the text; stands for "none" below */
    const char *percent;
    const char *plus;
} escapes;

static const char *find(const char *from, const char *end, char octet)
{
    const char *at = memchr(from, octet, (size_t)(end - from));
    return at != NULL ? at : end;
}

/* Each octet is looked at twice in all, however many parts there are: what was found ahead is kept
 * for the parts to come. */
static bool escaped(escapes *e, const char *from, const char *to)
{
    if (e->percent < from) {
        e->percent = find(from, e->end, '%');
    }
    if (e->plus < from) {
        e->plus = find(from, e->end, '+');
    }
    return e->percent < to || e->plus < to;
}

/* Decodes percent escapes and `+`, up to a little more than `max` octets: nobody wants what is
 * longer. False when an escape is broken. Not in place: the text is the front's. */
static bool unescape(cmp_str from, size_t max, kit_arena *a, cmp_str *to)
{
    const size_t room = from.size < max ? from.size : max + 1;
    char *const start = kit_arena_alloc(a, room), *out = start;
    for (size_t i = 0; i < from.size && (size_t)(out - start) < room; i++) {
        if (from.at[i] != '%') {
            *out++ = from.at[i] == '+' ? ' ' : from.at[i];
            continue;
        }
        if (from.size - i < 3) {
            return false;
        }
        const unsigned high = kit_hex_value(from.at[i + 1]), low = kit_hex_value(from.at[i + 2]);
        if ((high | low) > 15) {
            return false;
        }
        *out++ = (char)(high << 4 | low);
        i += 2;
    }
    *to = (cmp_str){start, (size_t)(out - start)};
    return true;
}

/* A name without `=` is a parameter with an empty value, as forms have it. */
static bool decode_part(const char *from, const char *to, escapes *e, kit_arena *a, message *m,
                        fault *f)
{
    static const char broken[] = "A percent escape is broken";
    const char *equals = find(from, to, '=');
    cmp_str name = {from, (size_t)(equals - from)};
    if (escaped(e, from, equals) && !unescape(name, PARAM_NAME_MAX, a, &name)) {
        return fail(f, ERROR_MALFORMED, CMP_NONE, broken);
    }
    if (name.size == 0) {
        return fail(f, ERROR_MALFORMED, CMP_NONE, "A parameter has no name");
    }
    const char *const begin = equals < to ? equals + 1 : to;
    cmp_str value = {begin, (size_t)(to - begin)};
    if (escaped(e, begin, to) && !unescape(value, message_room(m, name), a, &value)) {
        return fail(f, ERROR_MALFORMED, param_shown(name), broken);
    }
    return message_add(m, a, name, value, f);
}

/* Empty parts may be many: eight octets at once. */
static const char *skip_empty(const char *at, const char *end)
{
    static const char eight[] = "&&&&&&&&";
    while (end - at >= 8 && memcmp(at, eight, 8) == 0) {
        at += 8;
    }
    while (at < end && *at == '&') {
        at++;
    }
    return at;
}

/* Empty parts (`a=1&&b=2`) mean nothing, as every reader of forms has it. */
bool decode_form(cmp_str text, kit_arena *a, message *m, fault *f)
{
    if (text.size == 0) {
        return true;
    }
    const char *at = text.at, *const end = text.at + text.size;
    escapes e = {end, find(at, end, '%'), find(at, end, '+')};
    while ((at = skip_empty(at, end)) < end) {
        const char *const to = find(at, end, '&');
        if (!decode_part(at, to, &e, a, m, f)) {
            return false;
        }
        at = to;
    }
    return true;
}

/* ---- JSON ---- */

static bool json_fail(json_fault why, cmp_str name, fault *f)
{
    if (why == JSON_FAULT_KIND) {
        return fail(f, ERROR_INVALID_PARAMETER, param_shown(name), "The value is not a string");
    }
    return fail(f, ERROR_MALFORMED, CMP_NONE, "The body is not one JSON object of strings");
}

bool decode_json(cmp_str body, kit_arena *a, message *m, fault *f)
{
    json_in in;
    cmp_str name = CMP_NONE, value = CMP_NONE;
    json_open(&in, body, a);
    while (json_key(&in, PARAM_NAME_MAX, &name)) {
        if (!json_text(&in, message_room(m, name), &value)) {
            break;
        }
        if (!message_add(m, a, name, value, f)) {
            return false;
        }
        value = CMP_NONE;
    }
    if (in.fault == JSON_FAULT_LONG) { /* of what is too long there is enough to be refused by */
        return message_add(m, a, name, value, f) && json_fail(in.fault, name, f);
    }
    return in.fault == JSON_FAULT_NONE || json_fail(in.fault, name, f);
}
