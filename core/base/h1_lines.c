/* SPDX-License-Identifier: Apache-2.0 */
/* See h1_lines.h. */
#include "base/h1_lines.h"

#include "base/field.h"

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

/* *scanned stays at a line feed whose successors are still to come. So each octet is looked at
 * once, however slowly a head arrives; looking again from its start would let one that comes octet
 * by octet cost the square of its size. */
bool h1_head_end(cmp_str in, size_t *scanned, size_t *end)
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

#define EACH(octet) (UINT64_C(0x0101010101010101) * (octet))

/* Whether a control character is among the eight; tabs and octets of UTF-8 may seem to be. */
static bool eight_doubtful(const char *at)
{
    uint64_t eight;
    memcpy(&eight, at, sizeof(eight));
    return ((eight | (eight - EACH(0x20)) | (eight + EACH(1))) & EACH(0x80)) != 0;
}

static bool each_good(const char *at, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        const uint8_t c = (uint8_t)at[i];
        if ((c < 0x20 && c != '\t') || c == 0x7F) {
            return false;
        }
    }
    return true;
}

static bool eight_good(const char *at)
{
    return !eight_doubtful(at) || each_good(at, 8);
}

/* The last eight may overlap those before: a few octets one by one take longer. */
static bool no_controls(cmp_str line)
{
    if (line.size < 8) {
        return each_good(line.at, line.size);
    }
    const char *at = line.at, *const last = line.at + line.size - 8;
    for (; at < last; at += 8) {
        if (!eight_good(at)) {
            return false;
        }
    }
    return eight_good(last);
}

/* RFC 9112, 2.2 lets a recipient take a lone line feed for a line's end. A proxy before us may not,
 * and see one line where we would see two: that is how requests are smuggled. */
bool h1_line_take(cmp_str *in, cmp_str *line)
{
    const char *end = memchr(in->at, '\n', in->size);
    if (end == NULL || end == in->at || end[-1] != '\r') {
        return false;
    }
    *line = (cmp_str){in->at, (size_t)(end - 1 - in->at)};
    in->size -= (size_t)(end + 1 - in->at);
    in->at = end + 1;
    return no_controls(*line);
}

/* The colon has to follow the name at once (5.1): a name with a space behind it is a field to some
 * readers and none to others. */
const char *h1_field_split(cmp_str line, cmp_str *name, cmp_str *value)
{
    /* Such a line goes on an older one, which nobody may send any more (5.2). */
    if (line.size > 0 && (line.at[0] == ' ' || line.at[0] == '\t')) {
        return "A header field is folded over several lines";
    }
    *name = (cmp_str){line.at, field_token_size(line)};
    if (name->size == line.size || line.at[name->size] != ':') {
        return name->size == line.size || name->size == 0
                   ? "A header field has no name"
                   : "A header field's name has characters that are not allowed";
    }
    if (name->size == 0) {
        return "A header field has no name";
    }
    *value = field_trim((cmp_str){line.at + name->size + 1, line.size - name->size - 1});
    return NULL;
}
