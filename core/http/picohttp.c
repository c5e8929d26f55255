/* SPDX-License-Identifier: Apache-2.0 */
/* See picohttp.h: between libh2o's HTTP/1 and our readers. */
#include "http/picohttp.h"

#include "base/h1_chunks.h"
#include "http/head.h"

#define BAD        (-1)
#define INCOMPLETE (-2)

/* libh2o's own declarations of these are not in its headers: of picohttpparser of h2o 2.2.5. A
 * cmp_pair is what its struct phr_header is. */
typedef struct phr_chunked_decoder {
    size_t bytes_left_in_chunk;
    char consume_trailer; /* libh2o always says 1 */
    uint8_t digits;
    uint8_t state;
    uint32_t extra; /* in what are unused octets of theirs */
} phr_chunked_decoder;

_Static_assert(sizeof(phr_chunked_decoder) == 16, "it lies in memory of libh2o's");
_Static_assert(sizeof(cmp_pair) == 4 * sizeof(size_t), "as struct phr_header");

#define IN_PLACE_OF_LIBH2OS __attribute__((visibility("default"), used))

int phr_parse_request(const char *buf, size_t len, const char **method, size_t *method_len,
                      const char **path, size_t *path_len, int *minor_version, cmp_pair *headers,
                      size_t *num_headers, size_t last_len) IN_PLACE_OF_LIBH2OS;

ssize_t phr_decode_chunked(phr_chunked_decoder *decoder, char *buf,
                           size_t *bufsz) IN_PLACE_OF_LIBH2OS;

static _Thread_local size_t head_max = (size_t)32 * 1024;

static const char head_too_large[] = "The head of the request is too large";

void picohttp_set_limit(size_t head_bytes)
{
    head_max = head_bytes;
}

http_fault picohttp_refusal(const h2o_req_t *req)
{
    if (req->version >= 0x200 || req->input.method.len > 0) {
        return (http_fault){ERROR_NONE, NULL, false};
    }
    const char *why = req->input.method.base;
    const bool large = why == head_too_large || why == head_too_many_fields;
    return (http_fault){large ? ERROR_HEADERS_TOO_LARGE : ERROR_MALFORMED, why, true};
}

int phr_parse_request(const char *buf, size_t len, const char **method, size_t *method_len,
                      const char **path, size_t *path_len, int *minor_version, cmp_pair *headers,
                      size_t *num_headers, size_t last_len)
{
    head h = {.fields = headers, .field_max = *num_headers};
    const h1_progress progress = head_read((cmp_str){buf, len}, last_len, &h);
    const size_t size = progress == H1_MORE ? len : h.size;
    if (progress != H1_BAD && size > head_max) {
        h.fault = head_too_large;
    } else if (progress == H1_MORE) {
        return INCOMPLETE;
    }
    if (h.fault != NULL) {
        /* No method is empty. Of HTTP/1.0 and without fields, it has no body, and ends its
         * connection: nothing behind it is read. */
        h = (head){{h.fault, 0}, CMP_STR("/"), .http_1_0 = true, .size = len};
    }
    *method = h.method.at;
    *method_len = h.method.size;
    *path = h.target.at;
    *path_len = h.target.size;
    *minor_version = h.http_1_0 ? 0 : 1;
    *num_headers = h.field_count;
    return (int)h.size;
}

/* Moves the body's octets to the front; returns how many are left behind it when it is whole. */
ssize_t phr_decode_chunked(phr_chunked_decoder *decoder, char *buf, size_t *bufsz)
{
    h1_chunks chunks = {decoder->bytes_left_in_chunk, decoder->extra, decoder->state,
                        decoder->digits};
    h1_progress progress = H1_MORE;
    size_t from = 0, to = 0;
    while (from < *bufsz && progress == H1_MORE) {
        size_t used;
        cmp_str data;
        progress = h1_read_chunked(&chunks, (cmp_str){buf + from, *bufsz - from}, &used, &data);
        memmove(buf + to, data.at, data.size);
        to += data.size;
        from += used;
    }
    *decoder = (phr_chunked_decoder){chunks.left, decoder->consume_trailer, chunks.digits,
                                     chunks.state, chunks.extra};
    const size_t left = *bufsz - from;
    memmove(buf + to, buf + from, left);
    *bufsz = to;
    return progress == H1_DONE ? (ssize_t)left : progress == H1_MORE ? INCOMPLETE : BAD;
}
