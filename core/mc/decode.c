/* From octets to a message (SPEC 2, carriage): the first thing that happens to a request's query
 * or body, before anybody knows who sent it. */
#include "mc/decode.h"

#include <cmp-kit/text.h>

#include <jansson.h>

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

/* Decodes percent escapes and `+`. False when an escape is broken. */
static bool unescape(cmp_str from, kit_arena *a, cmp_str *to)
{
    char *const start = kit_arena_alloc(a, from.size), *out = start;
    for (size_t i = 0; i < from.size; i++) {
        if (from.at[i] != '%') {
            *out++ = from.at[i] == '+' ? ' ' : from.at[i];
            continue;
        }
        uint8_t octet;
        if (from.size - i < 3 || !kit_hex_decode((cmp_str){from.at + i + 1, 2}, &octet, 1)) {
            return false;
        }
        *out++ = (char)octet;
        i += 2;
    }
    *to = (cmp_str){start, (size_t)(out - start)};
    return true;
}

static bool decode_part(const char *from, const char *to, escapes *e, kit_arena *a, message *m,
                        fault *f)
{
    static const char broken[] = "A percent escape is broken";
    const char *equals = find(from, to, '=');
    cmp_str name = {from, (size_t)(equals - from)};
    if (escaped(e, from, equals) && !unescape(name, a, &name)) {
        return fail(f, ERROR_MALFORMED, CMP_NONE, broken);
    }
    if (name.size == 0) {
        return fail(f, ERROR_MALFORMED, CMP_NONE, "A parameter has no name");
    }
    const char *const begin = equals < to ? equals + 1 : to;
    cmp_str value = {begin, (size_t)(to - begin)};
    if (escaped(e, begin, to) && !unescape(value, a, &value)) {
        return fail(f, ERROR_MALFORMED, param_shown(name), broken);
    }
    return message_add(m, a, name, value, f);
}

bool decode_form(cmp_str text, kit_arena *a, message *m, fault *f)
{
    if (text.size == 0) {
        return true;
    }
    const char *at = text.at, *const end = text.at + text.size;
    escapes e = {end, find(at, end, '%'), find(at, end, '+')};
    while (at < end) {
        const char *const to = find(at, end, '&');
        if (to > at && !decode_part(at, to, &e, a, m, f)) {
            return false;
        }
        at = to < end ? to + 1 : end;
    }
    return true;
}

/* ---- JSON ---- */

/* The key in Jansson's text: duplicate object key near '"tid"'. It leaves long ones out. */
static cmp_str duplicate_key(const char *text, kit_arena *a)
{
    const char *from = strstr(text, "near '\"");
    const char *to = strrchr(text, '"');
    if (from == NULL) {
        return CMP_NONE;
    }
    from += strlen("near '\"");
    if (to < from) {
        return CMP_NONE;
    }
    return param_shown(kit_arena_copy(a, (cmp_str){from, (size_t)(to - from)}));
}

static bool json_fail(const json_error_t *error, kit_arena *a, fault *f)
{
    switch (json_error_code(error)) {
    case json_error_duplicate_key:
        return fail(f, ERROR_DUPLICATE_PARAMETER, duplicate_key(error->text, a), NULL);
    case json_error_invalid_utf8:
        return fail(f, ERROR_MALFORMED, CMP_NONE, "The body is not valid UTF-8");
    default:
        return fail(f, ERROR_MALFORMED, CMP_NONE, "The body is not valid JSON");
    }
}

static bool json_members(json_t *object, kit_arena *a, message *m, fault *f)
{
    const char *key;
    json_t *value;
    json_object_foreach(object, key, value)
    {
        const cmp_str name = kit_arena_copy(a, cmp_str_from(key));
        if (!json_is_string(value)) {
            return fail(f, ERROR_INVALID_PARAMETER, param_shown(name), "The value is not a string");
        }
        const cmp_str text = {json_string_value(value), json_string_length(value)};
        if (!message_add(m, a, name, kit_arena_copy(a, text), f)) {
            return false;
        }
    }
    return true;
}

bool decode_json(cmp_str body, kit_arena *a, message *m, fault *f)
{
    /* NUL is let through so that message_add can name the parameter that has it. */
    json_error_t error;
    json_t *root = json_loadb(body.at, body.size, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
    if (root == NULL) {
        return json_fail(&error, a, f);
    }
    const bool good = json_is_object(root) ? json_members(root, a, m, f)
                                           : fail(f, ERROR_MALFORMED, CMP_NONE,
                                                  "The body is not one object of strings");
    json_decref(root);
    return good;
}
