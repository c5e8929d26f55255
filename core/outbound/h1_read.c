/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the heads of HTTP/1.1 answers from octets. See h1_read.h. */
#include "outbound/h1_read.h"

#include "base/field.h"

#include <cmp-kit/text.h>

#define LENGTH_MAX ((int64_t)1 << 40) /* far above any answer_max, far below an overflow */

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
    /* HTTP/1.0 keeps nothing unless both sides say so, and we do not ask (RFC 9112, 9.3). */
    head->keep = line.at[7] != '0';
    return head->status >= 100 && head->status <= 599;
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
        /* Any other coding, or two of them: the end of the body would be a guess. */
        const bool again = head->chunked;
        head->chunked = true;
        return !again && kit_ascii_equal_fold(value, CMP_STR("chunked"));
    }
    if (kit_ascii_equal_fold(name, CMP_STR("connection")) && field_lists(value, CMP_STR("close"))) {
        head->keep = false;
    } else if (kit_ascii_equal_fold(name, CMP_STR("content-type"))) {
        head->content_type = value;
    } else if (kit_ascii_equal_fold(name, CMP_STR("retry-after"))) {
        head->retry_after = value;
    }
    return true;
}

static bool field_line(cmp_str line, h1_head *head)
{
    cmp_str name, value;
    return h1_field_split(line, &name, &value) == NULL && take_field(head, name, value);
}

h1_progress h1_read_head(cmp_str in, size_t *scanned, size_t *used, h1_head *head)
{
    const size_t checked = in.size < 7 ? in.size : 7;
    size_t end = 0;
    if (checked > 0 && memcmp(in.at, "HTTP/1.", checked) != 0) {
        return H1_BAD; /* no need to wait for the end of something else */
    }
    if (!h1_head_end(in, scanned, &end)) {
        return H1_MORE;
    }
    *used = end;
    *head = (h1_head){.status = 0};
    cmp_str rest = {in.at, end}, line;
    if (!h1_line_take(&rest, &line) || !status_line(line, head)) {
        return H1_BAD;
    }
    while (h1_line_take(&rest, &line)) {
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
