/* Strictness that h2o 2.2.5 lacks; between its parser and our front, HTTP/1 only. */
#include "http/head.h"

#include <cmp-kit/text.h>

typedef struct head_seen {
    unsigned hosts, lengths, encodings;
} head_seen;

/* RFC 9110, 5.6.2: the characters of a token. */
static bool is_token_char(unsigned char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c != 0 && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

/* Cuts the next line from the head. False when it does not end in CRLF. */
static bool next_line(cmp_str *rest, cmp_str *line)
{
    const char *end = memchr(rest->at, '\n', rest->size);
    if (end == NULL || end == rest->at || end[-1] != '\r') {
        return false;
    }
    *line = (cmp_str){rest->at, (size_t)(end - 1 - rest->at)};
    rest->size -= (size_t)(end + 1 - rest->at);
    rest->at = end + 1;
    return true;
}

static bool method_valid(cmp_str line)
{
    size_t size = 0;
    while (size < line.size && line.at[size] >= 'A' && line.at[size] <= 'Z') {
        size++; /* every method there is consists of these */
    }
    return size > 0 && size < line.size && line.at[size] == ' ';
}

static const char *field_fault(cmp_str line, head_seen *seen)
{
    if (line.at[0] == ' ' || line.at[0] == '\t') {
        return "A header field is folded over several lines";
    }
    const char *colon = memchr(line.at, ':', line.size);
    if (colon == NULL || colon == line.at) {
        return "A header field has no name";
    }
    const cmp_str name = {line.at, (size_t)(colon - line.at)};
    for (size_t i = 0; i < name.size; i++) {
        if (!is_token_char((unsigned char)name.at[i])) {
            return "A header field's name has characters that are not allowed";
        }
    }
    switch (name.size) {
    case 4:
        seen->hosts += kit_ascii_equal_fold(name, CMP_STR("host"));
        break;
    case 14:
        seen->lengths += kit_ascii_equal_fold(name, CMP_STR("content-length"));
        break;
    case 17:
        seen->encodings += kit_ascii_equal_fold(name, CMP_STR("transfer-encoding"));
        break;
    default:
        break;
    }
    return NULL;
}

static const char *seen_fault(const head_seen *seen, bool http_1_0)
{
    if (seen->hosts > 1) {
        return "There is more than one Host";
    }
    if (seen->hosts == 0 && !http_1_0) {
        return "There is no Host";
    }
    if (seen->lengths > 1) {
        return "There is more than one Content-Length";
    }
    if (seen->encodings > 1 || (seen->encodings == 1 && (seen->lengths > 0 || http_1_0))) {
        return "Content-Length and Transfer-Encoding contradict each other";
    }
    return NULL;
}

const char *head_fault(const char *at, size_t size)
{
    cmp_str rest = {at, size}, line;
    if (size >= 2 && at[0] == '\r' && at[1] == '\n') { /* one empty line in front is allowed */
        rest = (cmp_str){at + 2, size - 2};
    }
    if (!next_line(&rest, &line)) {
        return "A line does not end in CR LF";
    }
    if (!method_valid(line)) {
        return "The method is not valid";
    }
    const bool http_1_0 = line.at[line.size - 1] == '0';
    head_seen seen = {0};
    for (;;) {
        if (!next_line(&rest, &line)) {
            return "A line does not end in CR LF";
        }
        if (line.size == 0) {
            return seen_fault(&seen, http_1_0);
        }
        const char *fault = field_fault(line, &seen);
        if (fault != NULL) {
            return fault;
        }
    }
}
