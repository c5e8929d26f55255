/* SPDX-License-Identifier: Apache-2.0 */
/* See fields.h. */
#include "http/fields.h"

#include "base/field.h"

#include <cmp-kit/text.h>

cmp_str request_field(const h2o_req_t *req, const char *name)
{
    const ssize_t at = h2o_find_header_by_str(&req->headers, name, strlen(name), -1);
    return at < 0
               ? CMP_NONE
               : (cmp_str){req->headers.entries[at].value.base, req->headers.entries[at].value.len};
}

bool request_carries(const h2o_req_t *req, cmp_str media_type)
{
    const ssize_t at = h2o_find_header(&req->headers, H2O_TOKEN_CONTENT_TYPE, -1);
    if (at < 0 || h2o_find_header(&req->headers, H2O_TOKEN_CONTENT_ENCODING, -1) >= 0) {
        return false;
    }
    const h2o_iovec_t value = req->headers.entries[at].value;
    return kit_ascii_equal_fold(field_media_type((cmp_str){value.base, value.len}), media_type);
}
