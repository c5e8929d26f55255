/* SPDX-License-Identifier: Apache-2.0 */
/* mc/json_read.c against Jansson: both read the same objects, with the same values. */
#pragma once

#include "mc/json_read.h"

#include <cmp-kit/text.h>

#include <jansson.h>

/* Of what is not a string and not an integer only the kind is compared. */
static inline bool json_member_agrees(const json_member *m, const json_t *value)
{
    if (m->kind == JSON_KIND_STRING) {
        const cmp_str read = {json_string_value(value), json_string_length(value)};
        return json_is_string(value) && cmp_str_equal(m->value, read) && kit_utf8_valid(m->value);
    }
    if (m->kind == JSON_KIND_INTEGER) {
        return json_is_integer(value) && json_integer_value(value) == m->number;
    }
    return m->kind == JSON_KIND_OTHER && !json_is_string(value) && !json_is_integer(value);
}

static inline bool json_object_agrees(cmp_str body, json_t *root, kit_arena *a)
{
    json_in in;
    json_member m;
    size_t count = 0;
    json_open(&in, body, a);
    for (; json_next(&in, &m); count++) {
        if (!json_member_agrees(&m, json_object_getn(root, m.key.at, m.key.size))) {
            return false;
        }
    }
    return in.fault == JSON_FAULT_NONE && json_object_size(root) == count;
}

static inline json_fault json_fault_of(cmp_str body, kit_arena *a)
{
    json_in in;
    json_member m;
    json_open(&in, body, a);
    while (json_next(&in, &m)) {
    }
    return in.fault;
}

/* Whether both say the same of a body. Not compared: numbers too large for Jansson, and what only
 * we have limits for (members, depth). */
static inline bool json_agrees(cmp_str body, kit_arena *a)
{
    const json_fault fault = json_fault_of(body, a);
    if (body.size > 0 && memchr(body.at, '\0', body.size) != NULL) {
        return fault != JSON_FAULT_NONE; /* Jansson takes no notice of one behind a number */
    }
    const size_t flags = fault == JSON_FAULT_TWICE ? JSON_REJECT_DUPLICATES : 0;
    json_error_t error;
    json_t *root = json_loadb(body.at != NULL ? body.at : "", body.size, flags, &error);
    const bool object = json_is_object(root);
    bool agrees = true;
    if (fault == JSON_FAULT_NONE) {
        agrees = object ? json_object_agrees(body, root, a)
                        : json_error_code(&error) == json_error_numeric_overflow;
    } else if (fault == JSON_FAULT_SYNTAX || fault == JSON_FAULT_TWICE) {
        agrees = !object;
    }
    json_decref(root);
    return agrees;
}
