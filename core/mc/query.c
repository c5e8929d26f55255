/* SPDX-License-Identifier: Apache-2.0 */
/* Writes a request's parameters as a query string or form, or as JSON. */
#include "mc/query.h"

#include <jansson.h>
#include <stdlib.h>

void query_init(query *q, kit_arena *memory)
{
    q->count = 0;
    q->memory = memory;
}

/* Beyond QUERY_PAIRS_MAX nothing is added: there is room for all of Table 19 and as many contextual
 * parameters as a request may have (forward.c asserts it). */
void query_add(query *q, const char *name, cmp_str value)
{
    if (value.at != NULL && q->count < QUERY_PAIRS_MAX) {
        q->pairs[q->count++] = (cmp_pair){cmp_str_from(name), value};
    }
}

/* All but the unreserved characters of RFC 3986, 2.3, which no reader takes for something else. A
 * space becomes %20: `+` means one in forms alone. */
static char *url_encode(cmp_str text, char *to)
{
    for (size_t i = 0; i < text.size; i++) {
        const uint8_t c = (uint8_t)text.at[i];
        const bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        if (letter || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~') {
            *to++ = (char)c;
        } else {
            *to++ = '%';
            *to++ = "0123456789ABCDEF"[c >> 4];
            *to++ = "0123456789ABCDEF"[c & 15];
        }
    }
    return to;
}

const char *query_form(query *q)
{
    size_t room = 1;
    for (size_t i = 0; i < q->count; i++) {
        room += 3 * (q->pairs[i].name.size + q->pairs[i].value.size) + 2;
    }
    char *text = kit_arena_alloc(q->memory, room), *to = text;
    for (size_t i = 0; i < q->count; i++) {
        if (i > 0) {
            *to++ = '&';
        }
        to = url_encode(q->pairs[i].name, to);
        *to++ = '=';
        to = url_encode(q->pairs[i].value, to);
    }
    *to = '\0';
    return text;
}

const char *query_json(query *q)
{
    json_t *object = json_object();
    bool good = true;
    for (size_t i = 0; i < q->count; i++) {
        /* Names come from the command line, and end with their NUL or at an `=`. */
        const char *name = kit_arena_text(q->memory, q->pairs[i].name);
        json_t *value = json_stringn(q->pairs[i].value.at, q->pairs[i].value.size);
        good = json_object_set_new(object, name, value) == 0 && good;
    }
    char *dumped = json_dumps(object, JSON_COMPACT);
    const char *text = good ? kit_arena_text(q->memory, cmp_str_from(dumped)) : NULL;
    free(dumped);
    json_decref(object);
    return text;
}
