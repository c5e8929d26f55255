/* SPDX-License-Identifier: Apache-2.0 */
/* From a request on the interface `codes` to what the pipeline reads; called by front.c. Bodies are
 * left as they are: the pipeline reads them when it knows who asks. */
#include "http/codes.h"

#include "http/fields.h"
#include "pipeline/codes.h"

#include <cmp-kit/text.h>
#include <cmp-kit/uuid.h>

/* SPEC 2, as for parameters. */
#define TID_MAX ((size_t)128)

#define RECORD  "/codes/"
#define LOOKUP  "/lookup"

#define GOOD    ((http_fault){ERROR_NONE, NULL, false})

static http_fault wrong(txn *t, error_code code, const char *parameter, const char *detail)
{
    t->fault.parameter = cmp_str_from(parameter);
    return (http_fault){code, detail, false};
}

/* ---- paths ---- */

static bool begins_with(cmp_str text, cmp_str head)
{
    return text.size >= head.size && memcmp(text.at, head.at, head.size) == 0;
}

/* The path behind what all of them begin with. */
static cmp_str below(const listener *l, cmp_str path)
{
    return (cmp_str){path.at + l->codes.size, path.size - l->codes.size};
}

bool codes_owns(const listener *l, cmp_str path)
{
    return l->codes.at != NULL && begins_with(path, l->codes) && path.size > l->codes.size &&
           path.at[l->codes.size] == '/';
}

/* The ICI in the path's last segment (RFC 3986, 2.1 and 3.3). False: it is none. */
static bool read_segment(txn *t, cmp_str segment, cmp_str *ici)
{
    char *to = kit_arena_alloc(&t->memory, segment.size);
    size_t size = 0;
    for (size_t i = 0; i < segment.size; i++) {
        uint8_t octet = (uint8_t)segment.at[i];
        if (octet == '%') {
            if (segment.size - i < 3 ||
                !kit_hex_decode((cmp_str){segment.at + i + 1, 2}, &octet, 1)) {
                return false;
            }
            i += 2;
        }
        to[size++] = (char)octet;
    }
    *ici = (cmp_str){to, size};
    return true;
}

/* ---- bodies ---- */

static http_fault check_body(const h2o_req_t *req, txn *t, bool wanted)
{
    if ((int64_t)req->entity.len > t->generation->conf->top.limits.codes_body_bytes) {
        return (http_fault){ERROR_BODY_TOO_LARGE, NULL, true};
    }
    t->text = (cmp_str){req->entity.base != NULL ? req->entity.base : "", req->entity.len};
    if (!wanted) {
        return req->entity.len == 0
                   ? GOOD
                   : (http_fault){ERROR_MALFORMED, "This method has no body", true};
    }
    return request_carries(req, CMP_STR("application/json"))
               ? GOOD
               : wrong(t, ERROR_UNSUPPORTED_MEDIA_TYPE, NULL,
                       "The body is application/json, not encoded");
}

/* ---- credentials ---- */

/* RFC 6750, 2.1. A credential of another kind is as good as a wrong token. */
static cmp_str read_bearer(const h2o_req_t *req)
{
    static const cmp_str scheme = {"Bearer ", 7};
    const cmp_str value = request_field(req, "authorization");
    if (value.at == NULL) {
        return CMP_NONE;
    }
    if (value.size <= scheme.size ||
        !kit_ascii_equal_fold((cmp_str){value.at, scheme.size}, scheme)) {
        return CMP_STR("");
    }
    return (cmp_str){value.at + scheme.size, value.size - scheme.size};
}

static http_fault read_credentials(const h2o_req_t *req, txn *t)
{
    cmp_str *params = t->request.message.params;
    t->codes->bearer = read_bearer(req);
    params[CMP_PARAM_APIKEYID] = request_field(req, "cmp-key-id");
    params[CMP_PARAM_SIGNATURE] = request_field(req, "cmp-signature");
    params[CMP_PARAM_TID] = request_field(req, "cmp-tid");
    const cmp_str tid = params[CMP_PARAM_TID];
    if (tid.at == NULL) {
        /* Only a signature needs the requestor's own; the log needs one. */
        char *made = kit_arena_alloc(&t->memory, KIT_UUID_TEXT_SIZE);
        kit_uuid_v7_make(t->request.now_ms, made);
        params[CMP_PARAM_TID] = (cmp_str){made, KIT_UUID_TEXT_SIZE};
    } else if (tid.size == 0 || tid.size > TID_MAX || !kit_ascii_visible(tid)) {
        params[CMP_PARAM_TID] = CMP_NONE;
        return wrong(t, ERROR_INVALID_PARAMETER, "tid",
                     "CMP-Tid is 1 to 128 octets of visible ASCII");
    }
    return GOOD;
}

/* ---- the request ---- */

static bool is_method(const h2o_req_t *req, cmp_str name)
{
    const h2o_iovec_t method = req->input.method;
    return h2o_memis(method.base, method.len, name.at, name.size);
}

static http_fault read_lookup(const h2o_req_t *req, txn *t)
{
    codes_request *c = t->codes;
    c->operation = CODES_LOOKUP;
    c->allow = "POST";
    if (!is_method(req, CMP_STR("POST"))) {
        return wrong(t, ERROR_METHOD_NOT_ALLOWED, NULL, NULL);
    }
    return check_body(req, t, true);
}

static http_fault read_record(const h2o_req_t *req, txn *t, cmp_str segment)
{
    codes_request *c = t->codes;
    c->allow = "GET, HEAD, PUT, DELETE";
    c->icis = kit_arena_alloc(&t->memory, sizeof(*c->icis));
    if (is_method(req, CMP_STR("GET")) || is_method(req, CMP_STR("HEAD"))) {
        c->operation = CODES_GET;
    } else if (is_method(req, CMP_STR("PUT"))) {
        c->operation = CODES_PUT;
    } else if (is_method(req, CMP_STR("DELETE"))) {
        c->operation = CODES_REMOVE;
    } else {
        return wrong(t, ERROR_METHOD_NOT_ALLOWED, NULL, NULL);
    }
    if (!read_segment(t, segment, &c->icis[0]) || !codes_ici_valid(c->icis[0])) {
        return wrong(t, ERROR_INVALID_PARAMETER, "ici",
                     "An ICI is 1 to 256 octets of visible ASCII, percent-encoded in the path");
    }
    c->count = 1;
    t->request.message.params[CMP_PARAM_ICI] = c->icis[0];
    return check_body(req, t, c->operation == CODES_PUT);
}

http_fault codes_read(const h2o_req_t *req, txn *t, cmp_str path)
{
    const cmp_str rest = below(t->listener, path), record = CMP_STR(RECORD);
    t->purpose = PURPOSE_CODES;
    t->request.interface = CMP_INTERFACE_CODES;
    t->codes = kit_arena_calloc(&t->memory, 1, sizeof(*t->codes));
    /* Segments are told apart before anything is decoded: %2F is part of an ICI, and ends none. */
    http_fault bad;
    if (cmp_str_equal(rest, CMP_STR(LOOKUP))) {
        bad = read_lookup(req, t);
    } else if (begins_with(rest, record) &&
               memchr(rest.at + record.size, '/', rest.size - record.size) == NULL) {
        bad = read_record(req, t, (cmp_str){rest.at + record.size, rest.size - record.size});
    } else {
        return (http_fault){ERROR_NOT_FOUND, NULL, false};
    }
    if (bad.code == ERROR_NONE && req->query_at != SIZE_MAX) {
        bad = wrong(t, ERROR_MALFORMED, NULL, "There is no query here");
    }
    return bad.code == ERROR_NONE ? read_credentials(req, t) : bad;
}

const char *codes_allowed(const txn *t)
{
    return t->codes->allow;
}
