/* Reading HTTP/1.1 answers from octets: heads, and bodies in chunks. See h1_read.h. */
#include "outbound/h1_read.h"

#include <cmp-kit/text.h>

#define LENGTH_MAX      ((int64_t)1 << 40)
#define CHUNK_DIGITS    8
#define CHUNK_EXTRA_MAX ((unsigned)8192) /* octets of extensions and trailers */

/* ---- heads ---- */

/* Whether a line feed at `i` is followed by an empty line; its end goes to *end. */
static bool blank_line_after(cmp_str in, size_t i, size_t *end)
{
    if (i + 1 < in.size && in.at[i + 1] == '\n') {
        *end = i + 2;
        return true;
    }
    if (i + 2 < in.size && in.at[i + 1] == '\r' && in.at[i + 2] == '\n') {
        *end = i + 3;
        return true;
    }
    return false;
}

static bool head_end(cmp_str in, size_t *scanned, size_t *end)
{
    size_t i = *scanned;
    for (; i < in.size; i++) {
        const char *found = memchr(in.at + i, '\n', in.size - i);
        i = found != NULL ? (size_t)(found - in.at) : in.size;
        if (found != NULL && blank_line_after(in, i, end)) {
            return true;
        }
        if (i + 2 >= in.size) {
            break; /* what follows is not there yet */
        }
    }
    *scanned = i;
    return false;
}

/* Takes a line off *in; it ends with CR LF and holds neither alone, nor other controls. */
static bool line_take(cmp_str *in, cmp_str *line)
{
    const char *end = memchr(in->at, '\n', in->size);
    if (end == NULL || end == in->at || end[-1] != '\r') {
        return false;
    }
    *line = (cmp_str){in->at, (size_t)(end - 1 - in->at)};
    in->size -= (size_t)(end + 1 - in->at);
    in->at = end + 1;
    for (size_t i = 0; i < line->size; i++) {
        const unsigned char c = (unsigned char)line->at[i];
        if ((c < 0x20 && c != '\t') || c == 0x7f) {
            return false;
        }
    }
    return true;
}

static bool digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool status_line(cmp_str line, h1_head *head)
{
    if (line.size < 12 || memcmp(line.at, "HTTP/1.", 7) != 0 || !digit(line.at[7]) ||
        line.at[8] != ' ' || !digit(line.at[9]) || !digit(line.at[10]) || !digit(line.at[11]) ||
        (line.size > 12 && line.at[12] != ' ')) {
        return false;
    }
    head->status = (line.at[9] - '0') * 100 + (line.at[10] - '0') * 10 + (line.at[11] - '0');
    head->keep = line.at[7] != '0';
    return head->status >= 100 && head->status <= 599;
}

static cmp_str trim(cmp_str text)
{
    while (text.size > 0 && (text.at[0] == ' ' || text.at[0] == '\t')) {
        text.at++;
        text.size--;
    }
    while (text.size > 0 && (text.at[text.size - 1] == ' ' || text.at[text.size - 1] == '\t')) {
        text.size--;
    }
    return text;
}

/* Whether a list such as `Connection: keep-alive, close` names the token. */
static bool list_names(cmp_str list, cmp_str token)
{
    while (list.size > 0) {
        const char *comma = memchr(list.at, ',', list.size);
        const size_t size = comma != NULL ? (size_t)(comma - list.at) : list.size;
        if (kit_ascii_equal_fold(trim((cmp_str){list.at, size}), token)) {
            return true;
        }
        const size_t skip = comma != NULL ? size + 1 : size;
        list.at += skip;
        list.size -= skip;
    }
    return false;
}

static bool take_length(h1_head *head, cmp_str value)
{
    int64_t length;
    if (!kit_number_parse(value, 0, LENGTH_MAX, &length) ||
        (head->has_length && head->length != (uint64_t)length)) {
        return false;
    }
    head->has_length = true;
    head->length = (uint64_t)length;
    return true;
}

/* False when the field makes the framing doubtful. */
static bool take_field(h1_head *head, cmp_str name, cmp_str value)
{
    if (kit_ascii_equal_fold(name, CMP_STR("content-length"))) {
        return take_length(head, value);
    }
    if (kit_ascii_equal_fold(name, CMP_STR("transfer-encoding"))) {
        const bool again = head->chunked;
        head->chunked = true;
        return !again && kit_ascii_equal_fold(value, CMP_STR("chunked"));
    }
    if (kit_ascii_equal_fold(name, CMP_STR("connection")) && list_names(value, CMP_STR("close"))) {
        head->keep = false;
    } else if (kit_ascii_equal_fold(name, CMP_STR("content-type"))) {
        head->content_type = value;
    } else if (kit_ascii_equal_fold(name, CMP_STR("retry-after"))) {
        head->retry_after = value;
    }
    return true;
}

/* A name is a token (RFC 9110, 5.6.2); a line that begins with space goes on an older one, which
 * nobody may send any more. */
static bool field_line(cmp_str line, h1_head *head)
{
    const char *colon = memchr(line.at, ':', line.size);
    if (colon == NULL || colon == line.at) {
        return false;
    }
    const cmp_str name = {line.at, (size_t)(colon - line.at)};
    for (size_t i = 0; i < name.size; i++) {
        const char c = name.at[i];
        if (c <= 0x20 || strchr("\"(),/:;<=>?@[\\]{}", c) != NULL) {
            return false;
        }
    }
    return take_field(head, name, trim((cmp_str){colon + 1, line.size - name.size - 1}));
}

h1_progress h1_read_head(cmp_str in, size_t *scanned, size_t *used, h1_head *head)
{
    const size_t checked = in.size < 7 ? in.size : 7;
    size_t end = 0;
    if (checked > 0 && memcmp(in.at, "HTTP/1.", checked) != 0) {
        return H1_BAD; /* no need to wait for the end of something else */
    }
    if (!head_end(in, scanned, &end)) {
        return H1_MORE;
    }
    *used = end;
    *head = (h1_head){.status = 0};
    cmp_str rest = {in.at, end}, line;
    if (!line_take(&rest, &line) || !status_line(line, head)) {
        return H1_BAD;
    }
    while (line_take(&rest, &line)) {
        if (line.size == 0) {
            /* Length and chunks together is how answers are smuggled. */
            return rest.size == 0 && !(head->chunked && head->has_length) ? H1_DONE : H1_BAD;
        }
        if (!field_line(line, head)) {
            return H1_BAD;
        }
    }
    return H1_BAD;
}

/* ---- chunks ---- */

enum chunk_state {
    CHUNK_SIZE,
    CHUNK_EXTENSION,
    CHUNK_SIZE_LF,
    CHUNK_DATA,
    CHUNK_DATA_CR,
    CHUNK_DATA_LF,
    CHUNK_TRAILER,
    CHUNK_TRAILER_LF,
};

static int hex_value(char c)
{
    if (digit(c)) {
        return c - '0';
    }
    const char lower = kit_ascii_lower(c);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

static h1_progress size_octet(h1_chunks *c, char octet)
{
    const int value = hex_value(octet);
    if (value >= 0) {
        c->left = c->left * 16 + (uint64_t)value;
        return ++c->digits <= CHUNK_DIGITS ? H1_MORE : H1_BAD;
    }
    if (c->digits == 0) {
        return H1_BAD;
    }
    c->state = octet == '\r' ? CHUNK_SIZE_LF : CHUNK_EXTENSION;
    return octet == '\r' || octet == ';' || octet == ' ' || octet == '\t' ? H1_MORE : H1_BAD;
}

static h1_progress trailer_octet(h1_chunks *c, char octet)
{
    if (c->state == CHUNK_TRAILER_LF) {
        if (octet != '\n') {
            return H1_BAD;
        }
        c->state = CHUNK_TRAILER;
        const bool last = c->line_empty;
        c->line_empty = true;
        return last ? H1_DONE : H1_MORE;
    }
    if (octet == '\r') {
        c->state = CHUNK_TRAILER_LF;
        return H1_MORE;
    }
    c->line_empty = false;
    return octet != '\n' && ++c->extra <= CHUNK_EXTRA_MAX ? H1_MORE : H1_BAD;
}

static h1_progress chunk_octet(h1_chunks *c, char octet)
{
    switch ((enum chunk_state)c->state) {
    case CHUNK_SIZE:
        return size_octet(c, octet);
    case CHUNK_EXTENSION:
        c->state = octet == '\r' ? CHUNK_SIZE_LF : CHUNK_EXTENSION;
        return octet != '\n' && ++c->extra <= CHUNK_EXTRA_MAX ? H1_MORE : H1_BAD;
    case CHUNK_SIZE_LF:
        c->state = c->left > 0 ? CHUNK_DATA : CHUNK_TRAILER;
        c->line_empty = true;
        return octet == '\n' ? H1_MORE : H1_BAD;
    case CHUNK_DATA_CR:
        c->state = CHUNK_DATA_LF;
        return octet == '\r' ? H1_MORE : H1_BAD;
    case CHUNK_DATA_LF:
        c->state = CHUNK_SIZE;
        c->digits = 0;
        return octet == '\n' ? H1_MORE : H1_BAD;
    default:
        return trailer_octet(c, octet);
    }
}

h1_progress h1_read_chunked(h1_chunks *c, cmp_str in, size_t *used, cmp_str *data)
{
    size_t i = 0;
    h1_progress progress = H1_MORE;
    *data = (cmp_str){in.at, 0};
    while (i < in.size && progress == H1_MORE) {
        if (c->state == CHUNK_DATA) {
            const size_t there = in.size - i;
            *data = (cmp_str){in.at + i, there < c->left ? there : (size_t)c->left};
            c->left -= data->size;
            c->state = c->left == 0 ? CHUNK_DATA_CR : CHUNK_DATA;
            i += data->size;
            break;
        }
        progress = chunk_octet(c, in.at[i++]);
    }
    *used = i;
    return progress;
}
