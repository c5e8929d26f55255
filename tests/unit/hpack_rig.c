/* SPDX-License-Identifier: Apache-2.0 */
/* See hpack_rig.h. */
#include "hpack_rig.h"

#include <dlfcn.h>
#include <h2o/cache_digests.h>
#include <stdlib.h>

#define TABLE_BYTES 4096

typedef int reader(h2o_req_t *req, hpack_table *table, const uint8_t *src, size_t size, int *pseudo,
                   size_t *content_length, struct st_h2o_cache_digests_t **digests,
                   const char **error);

void h2o_hpack_dispose_header_table(hpack_table *table);
size_t h2o_hpack_encode_string(uint8_t *dst, const char *s, size_t len);

static reader *theirs(void)
{
    static reader *found;
    if (found == NULL) {
        found = (reader *)(uintptr_t)dlsym(RTLD_NEXT, "h2o_hpack_parse_headers");
        if (found == NULL || found == h2o_hpack_parse_headers) {
            abort(); /* nothing to compare with */
        }
    }
    return found;
}

static void side_read(hpack_side *s, reader *read, const uint8_t *block, size_t size, bool trailer)
{
    h2o_mem_clear_pool(&s->req.pool);
    s->req.headers = (h2o_headers_t){.entries = NULL};
    memset(&s->req.input, 0, sizeof(s->req.input));
    s->pseudo = 0;
    s->error = NULL;
    struct st_h2o_cache_digests_t *digests = NULL;
    s->result = read(&s->req, &s->table, block, size, trailer ? NULL : &s->pseudo,
                     &s->content_length, &digests, &s->error);
    if (digests != NULL) {
        h2o_cache_digests_destroy(digests);
    }
}

void hpack_side_init(hpack_side *s)
{
    memset(s, 0, sizeof(*s));
    h2o_mem_init_pool(&s->req.pool);
    s->table.hpack_capacity = s->table.hpack_max_capacity = TABLE_BYTES;
}

void hpack_side_read(hpack_side *s, const uint8_t *block, size_t size, bool trailer)
{
    side_read(s, h2o_hpack_parse_headers, block, size, trailer);
}

void hpack_side_dispose(hpack_side *s)
{
    h2o_mem_clear_pool(&s->req.pool);
    h2o_hpack_dispose_header_table(&s->table); /* libh2o's, as in the daemon */
}

void hpack_rig_init(hpack_rig *r)
{
    hpack_side_init(&r->ours);
    hpack_side_init(&r->theirs);
}

void hpack_rig_dispose(hpack_rig *r)
{
    hpack_side_dispose(&r->ours);
    hpack_side_dispose(&r->theirs);
}

/* ---- comparing ---- */

static bool same(h2o_iovec_t a, h2o_iovec_t b)
{
    return (a.base == NULL) == (b.base == NULL) && a.len == b.len &&
           (a.len == 0 || memcmp(a.base, b.base, a.len) == 0);
}

/* Known names are told by their address. */
static bool same_name(const h2o_iovec_t *a, const h2o_iovec_t *b)
{
    return h2o_iovec_is_token(a) || h2o_iovec_is_token(b) ? a == b : same(*a, *b);
}

static const char *differ_in_headers(const h2o_headers_t *a, const h2o_headers_t *b)
{
    if (a->size != b->size) {
        return "count of fields";
    }
    for (size_t i = 0; i < a->size; i++) {
        if (!same_name(a->entries[i].name, b->entries[i].name)) {
            return "a field's name";
        }
        if (!same(a->entries[i].value, b->entries[i].value) ||
            a->entries[i].value.base[a->entries[i].value.len] != '\0') {
            return "a field's value";
        }
    }
    return NULL;
}

static const char *differ_in_table(const hpack_table *a, const hpack_table *b)
{
    if (a->num_entries != b->num_entries || a->hpack_size != b->hpack_size ||
        a->hpack_capacity != b->hpack_capacity || a->entry_capacity != b->entry_capacity ||
        a->entry_start_index != b->entry_start_index) {
        return "the table's sizes";
    }
    for (size_t age = 0; age < a->num_entries; age++) {
        const hpack_entry *x = hpack_table_get(a, age), *y = hpack_table_get(b, age);
        if (!same_name(x->name, y->name) || !same(*x->value, *y->value) ||
            (x->err_desc == NULL) != (y->err_desc == NULL)) {
            return "an entry of the table";
        }
    }
    return NULL;
}

static const char *differ_in_request(const hpack_side *a, const hpack_side *b)
{
    if (a->pseudo != b->pseudo || a->content_length != b->content_length) {
        return "pseudo-header fields or length";
    }
    if (!same(a->req.input.method, b->req.input.method) ||
        !same(a->req.input.path, b->req.input.path) ||
        !same(a->req.input.authority, b->req.input.authority) ||
        a->req.input.scheme != b->req.input.scheme) {
        return "a pseudo-header field";
    }
    return differ_in_headers(&a->req.headers, &b->req.headers);
}

const char *hpack_rig_read(hpack_rig *r, const uint8_t *block, size_t size, bool trailer)
{
    hpack_side *a = &r->ours, *b = &r->theirs;
    side_read(a, h2o_hpack_parse_headers, block, size, trailer);
    side_read(b, theirs(), block, size, trailer);
    if (a->result != b->result) {
        return "result";
    }
    if (a->result != 0 && a->result != H2O_HTTP2_ERROR_INVALID_HEADER_CHAR) {
        return NULL; /* that ends the connection, and what is half read goes with it */
    }
    if ((a->error == NULL) != (b->error == NULL)) {
        return "error";
    }
    const char *what = differ_in_table(&a->table, &b->table);
    if (what == NULL && trailer) {
        return a->req.headers.size == 0 ? NULL : "trailers are kept";
    }
    return what != NULL ? what : differ_in_request(a, b);
}

/* ---- writing ---- */

uint8_t *hpack_put_integer(uint8_t *at, uint8_t high_bits, unsigned prefix_bits, size_t value)
{
    const size_t prefix_max = ((size_t)1 << prefix_bits) - 1;
    if (value < prefix_max) {
        *at++ = (uint8_t)(high_bits | value);
        return at;
    }
    *at++ = (uint8_t)(high_bits | prefix_max);
    for (value -= prefix_max; value >= 128; value >>= 7) {
        *at++ = (uint8_t)(128 | (value & 127));
    }
    *at++ = (uint8_t)value;
    return at;
}

/* Huffman coding is libh2o's, which codes only what gets shorter. */
uint8_t *hpack_put_string(uint8_t *at, const char *text, size_t size, bool coded)
{
    if (coded) {
        return at + h2o_hpack_encode_string(at, text, size);
    }
    at = hpack_put_integer(at, 0, 7, size);
    memcpy(at, text, size);
    return at + size;
}
