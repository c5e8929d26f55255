/* SPDX-License-Identifier: Apache-2.0 */
/* See headers_check.h. */
#include "plugin/headers_check.h"

#include "base/field.h"

#include <cmp-kit/text.h>

#include <stdio.h>

#define NAME_MAX_SIZE ((size_t)64)

/* A token (RFC 9110, 5.1) in lower case, as HTTP/2 has them all. */
static bool name_good(cmp_str name)
{
    if (name.size > NAME_MAX_SIZE || !field_is_token(name)) {
        return false;
    }
    for (size_t i = 0; i < name.size; i++) {
        if (kit_ascii_lower(name.at[i]) != name.at[i]) {
            return false;
        }
    }
    return true;
}

static const char *fault_of(const char *const *names, size_t at)
{
    const cmp_str name = {names[at], strnlen(names[at], NAME_MAX_SIZE + 1)};
    if (!name_good(name)) {
        return "is no name of a header field in lower case";
    }
    if (field_is_framing(name)) {
        return "is a connection's or the framing's, and not to be seen";
    }
    for (size_t i = 0; i < at; i++) {
        if (strcmp(names[i], names[at]) == 0) {
            return "is given twice";
        }
    }
    return NULL;
}

bool headers_check_asked(const char *const *names, char *error, size_t error_size)
{
    for (size_t i = 0; names != NULL && names[i] != NULL; i++) {
        if (i == CMP_AUTH_HEADERS_MAX) {
            snprintf(error, error_size, "auth asks for more than %d header fields",
                     CMP_AUTH_HEADERS_MAX);
            return false;
        }
        const char *fault = fault_of(names, i);
        if (fault != NULL) {
            snprintf(error, error_size, "auth asks for the header field \"%.64s\", which %s",
                     names[i], fault);
            return false;
        }
    }
    return true;
}

/* Without spaces around it (RFC 9110, 5.5). */
static bool value_good(cmp_str value)
{
    return value.at != NULL && kit_ascii_printable(value) && field_trim(value).size == value.size;
}

bool headers_check_challenge(const char *challenge)
{
    if (challenge == NULL) {
        return true;
    }
    const cmp_str text = {challenge, strnlen(challenge, CMP_AUTH_CHALLENGE_MAX + 1)};
    return text.size > 0 && text.size <= CMP_AUTH_CHALLENGE_MAX && value_good(text);
}

/* What the forwarder writes, or what its body would then not be. */
static bool is_ours(cmp_str name)
{
    static const char *const names[] = {"accept", "content-encoding", "content-type",
                                        "traceparent"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (cmp_str_equal(cmp_str_from(names[i]), name)) {
            return true;
        }
    }
    return field_is_framing(name);
}

bool headers_check_added(const cmp_pair *headers, size_t count)
{
    size_t size = 0;
    if (count > CMP_SIGNATURE_HEADERS_MAX || (count > 0 && headers == NULL)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        const cmp_pair *h = &headers[i];
        size += h->name.size + h->value.size;
        if (size > CMP_SIGNATURE_HEADERS_SIZE || !name_good(h->name) || is_ours(h->name) ||
            !value_good(h->value)) {
            return false;
        }
        for (size_t j = 0; j < i; j++) {
            if (cmp_str_equal(headers[j].name, h->name)) {
                return false;
            }
        }
    }
    return true;
}
