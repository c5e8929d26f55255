/* SPDX-License-Identifier: Apache-2.0 */
/* Any octets as the beginning of an HTTP/1 connection. A head that is let through can be read in
 * one way only, in whatever pieces it comes. */
#include "base/field.h"
#include "http/head.h"
#include <cmp-kit/text.h>

#include <stdlib.h>

#define FIELDS_MAX 100

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void kit_must(bool holds)
{
    if (!holds) {
        abort();
    }
}

static unsigned count(const head *h, const char *name)
{
    unsigned found = 0;
    for (size_t i = 0; i < h->field_count; i++) {
        found += kit_ascii_equal_fold(h->fields[i].name, cmp_str_from(name));
    }
    return found;
}

static void is_one_line(cmp_str text)
{
    for (size_t i = 0; i < text.size; i++) {
        const uint8_t c = (uint8_t)text.at[i];
        kit_must((c >= 0x20 && c != 0x7F) || c == '\t');
    }
}

static void good_check(cmp_str in, const head *h)
{
    kit_must(h->size <= in.size && h->size >= 4 && memcmp(in.at + h->size - 4, "\r\n\r\n", 4) == 0);
    kit_must(memmem(in.at + 2, h->size - 3, "\r\n\r\n", 4) == NULL); /* nothing was passed over */
    kit_must(field_is_token(h->method) && h->target.size > 0);
    kit_must(memchr(h->target.at, ' ', h->target.size) == NULL);
    kit_must(memchr(h->target.at, '#', h->target.size) == NULL);
    is_one_line(h->target);
    for (size_t i = 0; i < h->field_count; i++) {
        kit_must(field_is_token(h->fields[i].name));
        is_one_line(h->fields[i].value);
    }
    kit_must(count(h, "host") == 1 || (h->http_1_0 && count(h, "host") == 0));
    kit_must(count(h, "content-length") + count(h, "transfer-encoding") <= 1);
    kit_must(!h->http_1_0 || count(h, "transfer-encoding") + count(h, "expect") == 0);
    kit_must(count(h, "connection") <= 1);
}

/* The same octets, as they come in: no earlier piece is a whole head. */
static h1_progress read_in_pieces(cmp_str in, size_t step, head *h)
{
    size_t seen = 0;
    for (size_t there = step; there < in.size; there += step) {
        const h1_progress progress = head_read((cmp_str){in.at, there}, seen, h);
        if (progress != H1_MORE) {
            return progress;
        }
        seen = there;
    }
    return head_read(in, seen, h);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static cmp_pair fields[2][FIELDS_MAX];
    const cmp_str in = {size > 0 ? (const char *)data : "", size};
    head whole = {.fields = fields[0], .field_max = FIELDS_MAX};
    const h1_progress progress = head_read(in, 0, &whole);
    kit_must((progress == H1_BAD) == (whole.fault != NULL));
    if (progress == H1_DONE) {
        good_check(in, &whole);
    }
    for (size_t step = 1; step <= 16; step *= 4) {
        head pieces = {.fields = fields[1], .field_max = FIELDS_MAX};
        kit_must(read_in_pieces(in, step, &pieces) == progress || progress == H1_BAD);
        kit_must(progress != H1_DONE || pieces.size == whole.size);
    }
    return 0;
}
