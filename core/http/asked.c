/* SPDX-License-Identifier: Apache-2.0 */
/* See asked.h. */
#include "http/asked.h"

/* Fields with one value. Sent twice, the next reader could take another one of them than we do; all
 * others are lists (RFC 9110, 5.3). */
static bool is_single(cmp_str name)
{
    return cmp_str_equal(name, CMP_STR("authorization")) ||
           cmp_str_equal(name, CMP_STR("proxy-authorization"));
}

/* Cookies of HTTP/2 come in several fields, too (RFC 9113, 8.2.3). */
static cmp_str separator_of(cmp_str name)
{
    return cmp_str_equal(name, CMP_STR("cookie")) ? CMP_STR("; ") : CMP_STR(", ");
}

typedef struct found {
    unsigned count;
    size_t size; /* of all values together */
    cmp_str last;
} found;

static found find(const h2o_req_t *req, cmp_str name)
{
    found f = {.last = CMP_NONE};
    ssize_t at = -1;
    while ((at = h2o_find_header_by_str(&req->headers, name.at, name.size, at)) >= 0) {
        const h2o_iovec_t value = req->headers.entries[at].value;
        f.last = (cmp_str){value.base != NULL ? value.base : "", value.len};
        f.size += value.len;
        f.count++;
    }
    return f;
}

static cmp_str join(const h2o_req_t *req, cmp_str name, const found *f, kit_arena *memory)
{
    const cmp_str separator = separator_of(name);
    char *text = kit_arena_alloc(memory, f->size + f->count * separator.size), *to = text;
    ssize_t at = -1;
    while ((at = h2o_find_header_by_str(&req->headers, name.at, name.size, at)) >= 0) {
        const h2o_iovec_t value = req->headers.entries[at].value;
        to = to != text ? mempcpy(to, separator.at, separator.size) : to;
        to = value.len > 0 ? mempcpy(to, value.base, value.len) : to;
    }
    return (cmp_str){text, (size_t)(to - text)};
}

http_fault asked_read(const h2o_req_t *req, txn *t)
{
    const asked_fields *asked = &t->listener->fields;
    if (interfaces[t->request.interface].anonymous) {
        return (http_fault){ERROR_NONE, NULL, false}; /* nobody is asked there */
    }
    cmp_pair *fields = kit_arena_alloc(&t->memory, asked->count * sizeof(*fields));
    for (size_t i = 0; i < asked->count; i++) {
        const cmp_str name = asked->names[i];
        const found f = find(req, name);
        if (f.count > 1 && is_single(name)) {
            return (http_fault){ERROR_MALFORMED, "Credentials come in one header field only",
                                false};
        }
        fields[i] = (cmp_pair){name, f.count > 1 ? join(req, name, &f, &t->memory) : f.last};
    }
    t->request.headers = fields;
    t->request.header_count = asked->count;
    return (http_fault){ERROR_NONE, NULL, false};
}
