/* SPDX-License-Identifier: Apache-2.0 */
/* See request_check.h. */
#include "outbound/request_check.h"

#include "base/field.h"

#include <cmp-kit/text.h>

#include <stdarg.h>
#include <stdio.h>

#define HEADERS_MAX 8 /* cmp_https_request promises no more */

static bool fail(char *fault, const char *format, ...) CMP_PRINTF(2, 3);
static bool fail(char *fault, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(fault, REQUEST_FAULT_MAX, format, args);
    va_end(args);
    return false;
}

static bool method_good(const char *method, char *fault)
{
    static const char *const methods[] = {"GET", "POST", "PUT", "DELETE"};
    for (size_t i = 0; method != NULL && i < sizeof(methods) / sizeof(methods[0]); i++) {
        if (strcmp(method, methods[i]) == 0) {
            return true;
        }
    }
    return fail(fault, "method: expected are GET, POST, PUT and DELETE");
}

/* Absent, or at a place where there can be octets. */
static bool placed(cmp_str text, const char *member, char *fault)
{
    return text.at != NULL || text.size == 0 ||
           fail(fault, "%s: %zu octets at no address", member, text.size);
}

/* Without spaces around it (RFC 9110, 5.5). */
static bool value_good(cmp_str value, const char *member, char *fault)
{
    return placed(value, member, fault) &&
           ((kit_ascii_printable(value) && field_trim(value).size == value.size) ||
            fail(fault, "%s: cannot stand in a header field", member));
}

/* The parts of a URL behind its host (RFC 3986, 3.3 and 3.4), escaped where that is needed. */
static bool path_good(cmp_str path, char *fault)
{
    return placed(path, "path", fault) &&
           ((kit_ascii_visible(path) &&
             memchr(path.at != NULL ? path.at : "", '#', path.size) == NULL) ||
            fail(fault, "path: is not visible ASCII, or has a fragment"));
}

/* What other members of the request say, or the client itself. */
static bool is_taken(cmp_str name)
{
    static const char *const names[] = {"accept", "authorization", "content-type"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (cmp_str_equal(cmp_str_from(names[i]), name)) {
            return true;
        }
    }
    return field_is_framing(name);
}

static bool is_lower(cmp_str text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (kit_ascii_lower(text.at[i]) != text.at[i]) {
            return false;
        }
    }
    return true;
}

static bool headers_good(const cmp_https_request *r, char *fault)
{
    if (r->header_count > HEADERS_MAX || (r->headers == NULL && r->header_count > 0)) {
        return fail(fault, "headers: %zu at %s, expected are at most %d", r->header_count,
                    r->headers == NULL ? "no address" : "an address", HEADERS_MAX);
    }
    for (size_t i = 0; i < r->header_count; i++) {
        const cmp_pair *h = &r->headers[i];
        if (h->name.at == NULL || !field_is_token(h->name) || !is_lower(h->name)) {
            return fail(fault, "headers[%zu]: the name is no token in lower case", i);
        }
        if (is_taken(h->name)) {
            return fail(fault, "headers[%zu]: %.*s is not said in this way", i, (int)h->name.size,
                        h->name.at);
        }
        if (!value_good(h->value, "a header's value", fault)) {
            return false;
        }
    }
    return true;
}

bool request_check(const cmp_https_request *r, char fault[REQUEST_FAULT_MAX])
{
    return method_good(r->method, fault) && path_good(r->path, fault) &&
           value_good(r->content_type, "content_type", fault) && placed(r->body, "body", fault) &&
           value_good(r->accept, "accept", fault) &&
           value_good(r->authorization, "authorization", fault) && headers_good(r, fault);
}
