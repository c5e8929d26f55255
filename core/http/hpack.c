/* SPDX-License-Identifier: Apache-2.0 */
/* See hpack.h. */
#include "http/hpack.h"

#include "http/hpack_huffman.h"

/* What `pseudo` collects, as libh2o looks at it. */
enum { METHOD = 1, SCHEME = 2, PATH = 4, AUTHORITY = 8 };

static const char name_characters[] = "A field's name has characters that are not allowed";
static const char value_characters[] = "A field's value has characters that are not allowed";
static const char beyond_limits[] = "The header block is too large";

/* libh2o hands its reader nothing that could carry these; it reads a block in one go, on the thread
 * of its worker. */
static _Thread_local hpack_limits limits;
static _Thread_local bool refuse_all, exceeded;

void hpack_setup(void)
{
    hpack_huffman_setup();
}

void hpack_set_limits(const hpack_limits *l)
{
    limits = *l;
}

bool hpack_exceeded(void)
{
    const bool was = exceeded;
    exceeded = false;
    return was;
}

void hpack_refuse(bool all)
{
    refuse_all = all;
}

/* A block on its way into a request. */
typedef struct block {
    const uint8_t *at, *end;
    h2o_req_t *req;
    hpack_table *table;
    bool trailer;
    int *pseudo; /* what has come; NULL: none may come, or none any more */
    size_t *content_length;
    size_t fields, bytes;
} block;

/* A field, as far as it has been read. Its strings live as long as the request. */
typedef struct field {
    h2o_iovec_t *name, *value;
    const char *fault; /* of its characters */
    bool keep;         /* it goes to the dynamic table, so its strings need a count */
} field;

/* ---- integers and strings (RFC 7541, 5) ---- */

/* An integer that begins in the low bits of an octet; -1: none, or more than four octets behind the
 * first, as libh2o's limit is, too. */
static int32_t read_integer(block *b, unsigned prefix_bits)
{
    if (b->at == b->end) {
        return -1;
    }
    const int32_t prefix_max = (1 << prefix_bits) - 1;
    int32_t value = *b->at++ & prefix_max;
    if (value != prefix_max) {
        return value;
    }
    for (unsigned shift = 0; shift < 28 && b->at < b->end; shift += 7) {
        const uint8_t octet = *b->at++;
        value += (int32_t)(octet & 127) << shift;
        if ((octet & 128) == 0) {
            return value;
        }
    }
    return -1;
}

/* A string with room for its octets behind it, counted when it may outlive the request. */
static h2o_iovec_t *string_make(const block *b, size_t room, bool counted)
{
    const size_t size = sizeof(h2o_iovec_t) + room + 1;
    h2o_iovec_t *s = counted ? h2o_mem_alloc_shared(&b->req->pool, size, NULL)
                             : h2o_mem_alloc_pool(&b->req->pool, size);
    s->base = (char *)(s + 1);
    return s;
}

static h2o_iovec_t *read_coded(block *b, size_t size, bool counted, unsigned *classes)
{
    h2o_iovec_t *s = string_make(b, hpack_huffman_room(size), counted);
    s->len = hpack_huffman_decode(b->at, size, s->base, classes);
    if (s->len == SIZE_MAX) {
        return NULL;
    }
    s->base[s->len] = '\0';
    return s;
}

static h2o_iovec_t *read_plain(block *b, size_t size, bool counted, unsigned *classes)
{
    h2o_iovec_t *s = string_make(b, size, counted);
    for (size_t i = 0; i < size; i++) {
        s->base[i] = (char)b->at[i];
        *classes |= hpack_class_of(b->at[i]);
    }
    s->base[size] = '\0';
    s->len = size;
    return s;
}

/* NULL: it is cut off, or its code is wrong. */
static h2o_iovec_t *read_string(block *b, bool counted, unsigned *classes, bool *coded)
{
    *coded = b->at < b->end && (*b->at & 128) != 0;
    const int32_t size = read_integer(b, 7);
    if (size < 0 || size > b->end - b->at) {
        return NULL;
    }
    h2o_iovec_t *s = *coded ? read_coded(b, (size_t)size, counted, classes)
                            : read_plain(b, (size_t)size, counted, classes);
    b->at += size;
    return s;
}

static bool has_capital(const h2o_iovec_t *name)
{
    for (size_t i = 0; i < name->len; i++) {
        if (name->base[i] >= 'A' && name->base[i] <= 'Z') {
            return true;
        }
    }
    return false;
}

/* ---- one field (RFC 7541, 6) ---- */

/* Pseudo-header fields are looked at where they are known. Capitals end the connection, but for
 * those that are Huffman-coded, which are met as any other wrong character. */
static int check_name(field *f, unsigned classes, bool coded)
{
    if (coded && f->name->len == 0) {
        return H2O_HTTP2_ERROR_COMPRESSION;
    }
    if ((classes & HPACK_NOT_IN_NAME) == 0 || f->name->base[0] == ':') {
        return 0;
    }
    if (!coded && has_capital(f->name)) {
        return H2O_HTTP2_ERROR_PROTOCOL;
    }
    f->fault = name_characters;
    return 0;
}

static int read_name(block *b, field *f)
{
    unsigned classes = 0;
    bool coded;
    f->name = read_string(b, f->keep, &classes, &coded);
    if (f->name == NULL) {
        return H2O_HTTP2_ERROR_COMPRESSION;
    }
    const int wrong = check_name(f, classes, coded);
    if (wrong == 0 && f->fault == NULL) {
        const h2o_token_t *token = h2o_lookup_token(f->name->base, f->name->len);
        f->name = token != NULL ? (h2o_iovec_t *)(uintptr_t)&token->buf : f->name;
    }
    return wrong;
}

static int read_value(block *b, field *f)
{
    unsigned classes = 0;
    bool coded;
    f->value = read_string(b, f->keep, &classes, &coded);
    if (f->value == NULL) {
        return H2O_HTTP2_ERROR_COMPRESSION;
    }
    if ((classes & HPACK_NOT_IN_VALUE) != 0) {
        f->fault = value_characters;
    }
    return 0;
}

/* Takes the name, and the value when it is wanted, from one of the tables. */
static int take_indexed(const block *b, field *f, size_t index, bool value)
{
    if (index <= HPACK_STATIC_ENTRIES) {
        const hpack_static_entry *e = hpack_static(index);
        f->name = (h2o_iovec_t *)(uintptr_t)&e->name->buf;
        f->value = value ? (h2o_iovec_t *)(uintptr_t)&e->value : NULL;
        return 0;
    }
    const hpack_entry *e = hpack_table_get(b->table, index - HPACK_STATIC_ENTRIES - 1);
    if (e == NULL) {
        return H2O_HTTP2_ERROR_COMPRESSION;
    }
    f->fault = e->err_desc;
    f->name = e->name;
    /* The request takes part in the count: the entry may be evicted while it still has the string.
     * Names that libh2o knows are static. */
    if (!h2o_iovec_is_token(f->name)) {
        h2o_mem_link_shared(&b->req->pool, f->name);
    }
    if (value) {
        f->value = e->value;
        h2o_mem_link_shared(&b->req->pool, f->value);
    }
    return 0;
}

static int read_literal(block *b, field *f, unsigned prefix_bits)
{
    const int32_t index = read_integer(b, prefix_bits);
    if (index < 0) {
        return H2O_HTTP2_ERROR_COMPRESSION;
    }
    int wrong = index == 0 ? read_name(b, f) : take_indexed(b, f, (size_t)index, false);
    if (wrong == 0) {
        wrong = read_value(b, f);
    }
    if (wrong == 0 && f->keep) {
        hpack_table_add(b->table,
                        &(hpack_entry){.name = f->name, .value = f->value, .err_desc = f->fault});
    }
    return wrong;
}

/* A field must follow. */
static int read_size_update(block *b)
{
    const int32_t capacity = read_integer(b, 5);
    const bool good =
        capacity >= 0 && hpack_table_resize(b->table, (size_t)capacity) && b->at < b->end;
    return good ? 0 : H2O_HTTP2_ERROR_COMPRESSION;
}

/* Reads one representation; a size update leaves no name. */
static int read_field(block *b, field *f)
{
    const uint8_t first = *b->at;
    if (first >= 128) {
        const int32_t index = read_integer(b, 7);
        return index > 0 ? take_indexed(b, f, (size_t)index, true) : H2O_HTTP2_ERROR_COMPRESSION;
    }
    if (first >= 64) {
        f->keep = true;
        return read_literal(b, f, 6);
    }
    return first >= 32 ? read_size_update(b) : read_literal(b, f, 4);
}

/* ---- into the request ---- */

/* Where a pseudo-header field's value goes; NULL: it is none of a request. */
static h2o_iovec_t *pseudo_slot(block *b, const field *f, h2o_iovec_t *scheme, int *which)
{
    if (f->name == &H2O_TOKEN_METHOD->buf) {
        *which = METHOD;
        return &b->req->input.method;
    }
    if (f->name == &H2O_TOKEN_PATH->buf) {
        *which = PATH;
        return &b->req->input.path;
    }
    if (f->name == &H2O_TOKEN_AUTHORITY->buf) {
        *which = AUTHORITY;
        return &b->req->input.authority;
    }
    *which = SCHEME;
    return f->name == &H2O_TOKEN_SCHEME->buf ? scheme : NULL;
}

/* Each comes once, and before all others (RFC 9113, 8.3). */
static int add_pseudo(block *b, const field *f)
{
    int which;
    h2o_iovec_t scheme, *slot = pseudo_slot(b, f, &scheme, &which);
    if (slot == NULL || b->pseudo == NULL || (*b->pseudo & which) != 0) {
        return H2O_HTTP2_ERROR_PROTOCOL;
    }
    *b->pseudo |= which;
    *slot = *f->value;
    if (which == SCHEME) {
        const bool https = h2o_memis(scheme.base, scheme.len, H2O_STRLIT("https"));
        b->req->input.scheme = https ? &H2O_URL_SCHEME_HTTPS : &H2O_URL_SCHEME_HTTP;
    }
    return 0;
}

/* A field that is known by name. Those about the connection have no place here (RFC 9113, 8.2.2);
 * Host gives way to :authority. */
static int check_known(const block *b, const field *f, bool *take)
{
    const h2o_token_t *token = H2O_STRUCT_FROM_MEMBER(h2o_token_t, buf, f->name);
    const h2o_iovec_t value = *f->value;
    *take = false;
    if (token == H2O_TOKEN_CONTENT_LENGTH) {
        const size_t length = h2o_strtosize(value.base, value.len);
        *take = length > limits.body_bytes;
        *b->content_length = *take ? SIZE_MAX : length;
        return length != SIZE_MAX ? 0 : H2O_HTTP2_ERROR_PROTOCOL;
    }
    if (token == H2O_TOKEN_HOST) {
        return 0;
    }
    *take = !token->http2_should_reject ||
            (token == H2O_TOKEN_TE && h2o_lcstris(value.base, value.len, H2O_STRLIT("trailers")));
    return *take ? 0 : H2O_HTTP2_ERROR_PROTOCOL;
}

/* Trailers are not taken over: they would pass for headers, behind the back of a balancer that sets
 * or removes some. */
static int add_field(block *b, const field *f)
{
    if (f->name->base[0] == ':') {
        return add_pseudo(b, f);
    }
    b->pseudo = NULL;
    bool take = true;
    const int wrong = h2o_iovec_is_token(f->name) ? check_known(b, f, &take) : 0;
    if (wrong == 0 && take && !b->trailer) {
        h2o_headers_t *all = &b->req->headers;
        h2o_vector_reserve(&b->req->pool, all, all->size + 1);
        all->entries[all->size++] = (h2o_header_t){.name = f->name, .value = *f->value};
    }
    return wrong;
}

static int check_limits(block *b, const field *f)
{
    if (f->name != NULL) {
        b->bytes += f->name->len + f->value->len;
    }
    if (++b->fields <= limits.fields && b->bytes <= limits.bytes) {
        return 0;
    }
    exceeded = true;
    return H2O_HTTP2_ERROR_ENHANCE_YOUR_CALM;
}

/* Characters alone do not end it: the block is read to its end, for the sake of the table. */
static int read_block(block *b, const char **error)
{
    while (b->at < b->end) {
        field f = {.name = NULL};
        int wrong = read_field(b, &f);
        if (wrong == 0) {
            wrong = check_limits(b, &f);
        }
        if (f.fault != NULL && *error == NULL) {
            *error = f.fault;
        }
        if (wrong == 0 && f.name != NULL) {
            wrong = add_field(b, &f);
        }
        if (wrong != 0) {
            return wrong;
        }
    }
    return *error != NULL ? H2O_HTTP2_ERROR_INVALID_HEADER_CHAR : 0;
}

int h2o_hpack_parse_headers(h2o_req_t *req, hpack_table *table, const uint8_t *src, size_t size,
                            int *pseudo, size_t *content_length,
                            struct st_h2o_cache_digests_t **digests, const char **error)
{
    (void)digests;
    *content_length = SIZE_MAX;
    exceeded = exceeded || refuse_all;
    block b = {.at = src,
               .end = src + size,
               .req = req,
               .table = table,
               .trailer = pseudo == NULL,
               .pseudo = pseudo,
               .content_length = content_length};
    const int wrong = refuse_all ? H2O_HTTP2_ERROR_ENHANCE_YOUR_CALM : read_block(&b, error);
    if (wrong == H2O_HTTP2_ERROR_ENHANCE_YOUR_CALM) {
        *error = beyond_limits;
    }
    return wrong;
}
