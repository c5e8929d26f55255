/* SPDX-License-Identifier: Apache-2.0 */
/* See head.h. Stands in the place of libh2o's own reader; see picohttp.h. */
#include "http/head.h"

#include "base/field.h"

#include <cmp-kit/text.h>

#define LENGTH_MAX ((int64_t)1 << 40) /* far above any limit, and far from an overflow */

const char head_too_many_fields[] = "There are too many header fields";

/* What a request's fields say about its framing and its connection. */
typedef struct seen_fields {
    unsigned hosts, lengths, encodings;
    bool close, keep_alive;
    cmp_str connection; /* the field's name, as it came; absent: there was none */
} seen_fields;

/* ---- the request line ---- */

/* The size of `https://` or `http://` at the beginning of a target; 0: it is not absolute. */
static size_t scheme_size(cmp_str target)
{
    static const cmp_str schemes[] = {{"https://", 8}, {"http://", 7}};
    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        const size_t size = schemes[i].size;
        if (target.size >= size && kit_ascii_equal_fold((cmp_str){target.at, size}, schemes[i])) {
            return size;
        }
    }
    return 0;
}

static bool absolute_valid(cmp_str target)
{
    const size_t from = scheme_size(target);
    size_t to = from;
    while (to < target.size && target.at[to] != '/' && target.at[to] != '?') {
        to++;
    }
    return from > 0 && to > from && field_host_valid((cmp_str){target.at + from, to - from});
}

/* The form of a target (3.2), by its method. */
static bool form_valid(cmp_str method, cmp_str target, bool may_be_absolute)
{
    if (target.size > 0 && target.at[0] == '/') {
        return true;
    }
    if (cmp_str_equal(method, CMP_STR("OPTIONS")) && cmp_str_equal(target, CMP_STR("*"))) {
        return true;
    }
    if (cmp_str_equal(method, CMP_STR("CONNECT"))) {
        return target.size > 0 && field_host_valid(target);
    }
    return may_be_absolute && absolute_valid(target);
}

/* Octets beyond ASCII are let through: they can mean one thing only, and are judged as values. */
static bool has_space_or_control(cmp_str target)
{
    if (kit_ascii_visible(target)) {
        return false;
    }
    for (size_t i = 0; i < target.size; i++) {
        const uint8_t c = (uint8_t)target.at[i];
        if (c <= ' ' || c == 0x7F) {
            return true;
        }
    }
    return false;
}

const char *head_target_fault(cmp_str method, cmp_str target, bool may_be_absolute)
{
    if (has_space_or_control(target) || !form_valid(method, target, may_be_absolute)) {
        return "The target is not valid";
    }
    if (memchr(target.at, '#', target.size) != NULL) {
        return "The target has a fragment";
    }
    return NULL;
}

cmp_str head_target_path(cmp_str target)
{
    const size_t from = scheme_size(target);
    if (from == 0) {
        return target;
    }
    const char *end = target.at + target.size;
    const char *slash = memchr(target.at + from, '/', target.size - from);
    return slash != NULL ? (cmp_str){slash, (size_t)(end - slash)} : CMP_STR("/");
}

/* method SP target SP version (3) */
static const char *read_request_line(cmp_str line, head *h)
{
    static const cmp_str version = {"HTTP/1.", 7};
    h->method = (cmp_str){line.at, field_token_size(line)};
    if (h->method.size == 0 || h->method.size == line.size || line.at[h->method.size] != ' ') {
        return "The method is not valid";
    }
    const char *const end = line.at + line.size;
    h->target.at = line.at + h->method.size + 1;
    const char *space = memchr(h->target.at, ' ', (size_t)(end - h->target.at));
    if (space == NULL || end - space != 9 || memcmp(space + 1, version.at, version.size) != 0 ||
        end[-1] < '0' || end[-1] > '9') {
        return "The first line does not end in HTTP/1.1";
    }
    h->target.size = (size_t)(space - h->target.at);
    h->http_1_0 = end[-1] == '0';
    return head_target_fault(h->method, h->target, true);
}

/* ---- the fields ---- */

static const char *take_host(cmp_str value, seen_fields *seen)
{
    seen->hosts++;
    return field_host_valid(value) ? NULL : "Host is not valid";
}

static const char *take_length(cmp_str value, seen_fields *seen)
{
    int64_t unused;
    seen->lengths++;
    return kit_number_parse(value, 0, LENGTH_MAX, &unused) ? NULL : "Content-Length is not valid";
}

static const char *take_encoding(cmp_str value, seen_fields *seen)
{
    seen->encodings++;
    return kit_ascii_equal_fold(value, CMP_STR("chunked")) ? NULL
                                                           : "Transfer-Encoding is not chunked";
}

/* Looks at what decides about framing and connection. *kept: it is one of the head's fields. */
static const char *take_field(cmp_pair field, const head *h, seen_fields *seen, bool *kept)
{
    const cmp_str name = field.name;
    switch (name.size) {
    case 4:
        return kit_ascii_equal_fold(name, CMP_STR("host")) ? take_host(field.value, seen) : NULL;
    case 6:
        /* An HTTP/1.0 client cannot be told to go on (RFC 9110, 10.1.1), and libh2o would. */
        *kept = !h->http_1_0 || !kit_ascii_equal_fold(name, CMP_STR("expect"));
        return NULL;
    case 10:
        if (kit_ascii_equal_fold(name, CMP_STR("connection"))) {
            *kept = false;
            seen->connection = name;
            seen->close |= field_lists(field.value, CMP_STR("close"));
            seen->keep_alive |= field_lists(field.value, CMP_STR("keep-alive"));
        }
        return NULL;
    case 14:
        return kit_ascii_equal_fold(name, CMP_STR("content-length"))
                   ? take_length(field.value, seen)
                   : NULL;
    case 17:
        return kit_ascii_equal_fold(name, CMP_STR("transfer-encoding"))
                   ? take_encoding(field.value, seen)
                   : NULL;
    default:
        return NULL;
    }
}

/* What no field can tell alone. */
static const char *whole_fault(const seen_fields *seen, bool http_1_0)
{
    /* RFC 9112, 3.2: with two of them, whoever stands before us may have looked at the other. */
    if (seen->hosts > 1) {
        return "There is more than one Host";
    }
    if (seen->hosts == 0 && !http_1_0) {
        return "There is no Host";
    }
    /* RFC 9112, 6.1 and 6.3: whoever stands before us may believe the other one, and then see
     * another request behind this one than we do. */
    if (seen->lengths > 1) {
        return "There is more than one Content-Length";
    }
    if (seen->encodings > 1 || (seen->encodings == 1 && (seen->lengths > 0 || http_1_0))) {
        return "Content-Length and Transfer-Encoding contradict each other";
    }
    return NULL;
}

/* One field in place of all: `close` wins (9.3), and libh2o looks at the last one only. */
static void settle_connection(head *h, const seen_fields *seen)
{
    const bool close = seen->close || (h->http_1_0 && !seen->keep_alive);
    if (seen->connection.at != NULL && close != h->http_1_0) {
        const cmp_str value = close ? CMP_STR("close") : CMP_STR("keep-alive");
        h->fields[h->field_count++] = (cmp_pair){seen->connection, value};
    }
}

static const char *add_field(cmp_str line, head *h, seen_fields *seen)
{
    cmp_pair field;
    bool kept = true;
    const char *fault = h1_field_split(line, &field.name, &field.value);
    if (fault == NULL) {
        fault = take_field(field, h, seen, &kept);
    }
    if (fault != NULL || !kept) {
        return fault;
    }
    if (h->field_count == h->field_max) {
        return head_too_many_fields;
    }
    h->fields[h->field_count++] = field;
    return NULL;
}

/* ---- the whole ---- */

static const char *read_lines(cmp_str rest, head *h)
{
    static const char bad_line[] = "A line does not end in CR LF";
    seen_fields seen = {.connection = CMP_NONE};
    cmp_str line;
    if (!h1_line_take(&rest, &line)) {
        return bad_line;
    }
    const char *fault = read_request_line(line, h);
    while (fault == NULL) {
        if (!h1_line_take(&rest, &line)) {
            return bad_line;
        }
        if (line.size == 0) {
            break;
        }
        fault = add_field(line, h, &seen);
    }
    if (fault == NULL) {
        fault = whole_fault(&seen, h->http_1_0);
    }
    if (fault == NULL) {
        settle_connection(h, &seen);
    }
    return fault;
}

/* What no request begins with need not be waited for. */
static bool may_begin_request(cmp_str in)
{
    const size_t size = field_token_size(in);
    return size == in.size || (size > 0 && in.at[size] == ' ');
}

h1_progress head_read(cmp_str in, size_t seen, head *h)
{
    /* One empty line in front is allowed (RFC 9112, 2.2). */
    const bool blank = in.size > 0 && in.at[0] == '\r';
    const size_t begin = !blank ? 0 : in.size > 1 ? 2 : 1;
    size_t scanned = seen > begin + 2 ? seen - 2 : begin;
    h->field_count = 0;
    h->fault = NULL;
    if (blank && in.size > 1 && in.at[1] != '\n') {
        h->fault = "A line does not end in CR LF";
        return H1_BAD;
    }
    if (!h1_head_end(in, &scanned, &h->size)) {
        if (seen == 0 && !may_begin_request((cmp_str){in.at + begin, in.size - begin})) {
            h->fault = "The method is not valid";
            return H1_BAD;
        }
        return H1_MORE;
    }
    h->fault = read_lines((cmp_str){in.at + begin, h->size - begin}, h);
    return h->fault == NULL ? H1_DONE : H1_BAD;
}
