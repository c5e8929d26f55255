/* SPDX-License-Identifier: Apache-2.0 */
/* The interface `codes`: which ICIs a list asks for. A signature covers them, so they are read
 * before it is checked; who brings a token is known without, and a wrong one is refused first. */
#include "base/hash.h"
#include "mc/json_read.h"
#include "pipeline/codes.h"
#include "pipeline/step.h"

#include <cmp-kit/text.h>

static step_result refuse(txn *t, error_code code, const char *detail)
{
    const bool icis = code != ERROR_MALFORMED;
    return step_refuse(t, code, icis ? CMP_STR("icis") : CMP_NONE, detail);
}

static step_result malformed(txn *t)
{
    return refuse(t, ERROR_MALFORMED, "The body is not well-formed JSON");
}

static step_result no_list(txn *t)
{
    return refuse(t, ERROR_INVALID_PARAMETER,
                  "An object with the one member icis, a list, is expected");
}

static step_result no_ici(txn *t)
{
    return refuse(t, ERROR_INVALID_PARAMETER, "An ICI is 1 to 256 octets of visible ASCII");
}

/* The ICIs go where a signature wants them: one a line, in one text. No ICI has a newline in it,
 * and none of them is longer than it was in the body. */
static step_result take_items(txn *t, json_in *in)
{
    codes_request *c = t->codes;
    const size_t room = CODES_BATCH_MAX * (CODES_ICI_MAX + 1);
    char *text = kit_arena_alloc(&t->memory, t->text.size < room ? t->text.size : room), *to = text;
    cmp_str ici;
    c->icis = kit_arena_alloc(&t->memory, CODES_BATCH_MAX * sizeof(*c->icis));
    while (json_item(in, CODES_ICI_MAX, &ici)) {
        if (!codes_ici_valid(ici)) {
            return in->has_nul ? malformed(t) : no_ici(t);
        }
        if (c->count == CODES_BATCH_MAX) {
            break;
        }
        if (to > text) {
            *to++ = '\n';
        }
        memcpy(to, ici.at, ici.size);
        c->icis[c->count++] = (cmp_str){to, ici.size};
        to += ici.size;
    }
    if (in->fault != JSON_FAULT_NONE) {
        return in->fault == JSON_FAULT_SYNTAX || in->has_nul ? malformed(t) : no_ici(t);
    }
    if (c->count == 0 || in->items > CODES_BATCH_MAX) {
        return refuse(t, ERROR_INVALID_PARAMETER, "A list of 1 to 256 ICIs is expected");
    }
    if (c->bearer.at == NULL || c->count == 1) { /* else nobody looks at it */
        t->request.message.params[CMP_PARAM_ICI] = (cmp_str){text, (size_t)(to - text)};
    }
    return STEP_NEXT;
}

/* {"icis":[…]} */
static step_result read_list(txn *t)
{
    static const cmp_str icis = {"icis", 4};
    json_in in;
    cmp_str key;
    json_open(&in, t->text, &t->memory);
    if (!json_key(&in, icis.size, &key) || !cmp_str_equal(key, icis) || !json_list(&in)) {
        return in.fault == JSON_FAULT_SYNTAX ? malformed(t) : no_list(t);
    }
    const step_result bad = take_items(t, &in);
    if (bad != STEP_NEXT) {
        return bad;
    }
    t->text = CMP_NONE;
    const bool more = json_key(&in, icis.size, &key);
    if (more ? !cmp_str_equal(key, icis) : in.fault == JSON_FAULT_LONG) {
        return no_list(t);
    }
    return more || in.fault != JSON_FAULT_NONE ? malformed(t) : STEP_NEXT; /* or twice */
}

/* Reading and signing cost a stranger nothing, and us as much as the list is long. */
step_result step_signed_list(txn *t)
{
    const codes_request *c = t->codes;
    const int64_t most = t->generation->conf->top.limits.codes_list_bytes;
    if (c->operation != CODES_LOOKUP || c->bearer.at != NULL) {
        return STEP_NEXT;
    }
    if ((int64_t)t->text.size > most) {
        return refuse(t, ERROR_BODY_TOO_LARGE,
                      kit_arena_printf(&t->memory,
                                       "A list without a token has at most %lld octets: ask for "
                                       "fewer at a time",
                                       (long long)most));
    }
    return read_list(t);
}

/* The ICIs that were seen, by hash. Twice as many places as there can be ICIs. */
typedef struct listed {
    const cmp_str *places[2 * CODES_BATCH_MAX];
} listed;

/* False when it is there already. */
static bool list_once(listed *l, const cmp_str *ici)
{
    size_t at = hash_str(*ici) % (2 * CODES_BATCH_MAX);
    for (; l->places[at] != NULL; at = (at + 1) % (2 * CODES_BATCH_MAX)) {
        if (cmp_str_equal(*l->places[at], *ici)) {
            return false;
        }
    }
    l->places[at] = ici;
    return true;
}

step_result step_list(txn *t)
{
    codes_request *c = t->codes;
    if (c->operation != CODES_LOOKUP) {
        return STEP_NEXT;
    }
    const step_result bad = c->count == 0 ? read_list(t) : STEP_NEXT;
    if (bad != STEP_NEXT) {
        return bad;
    }
    listed l = {.places = {NULL}};
    for (size_t i = 0; i < c->count; i++) {
        if (!list_once(&l, &c->icis[i])) {
            return refuse(t, ERROR_DUPLICATE_PARAMETER, "An ICI is listed twice");
        }
    }
    return STEP_NEXT;
}
