/* SPDX-License-Identifier: Apache-2.0 */
/* Any octets as a chunked body, in pieces of any size: always the same body, and the same end. One
 * that is let through is what its plainest writing says. */
#include "base/h1_chunks.h"

#include <ctype.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds) {
        abort();
    }
}

typedef struct reading {
    h1_progress progress;
    size_t size, end; /* of the body; where it ended */
    char *body;
} reading;

static reading read_all(cmp_str in, size_t step)
{
    h1_chunks chunks = {0};
    reading r = {.progress = H1_MORE, .body = malloc(in.size + 1)};
    must(r.body != NULL);
    while (r.end < in.size && r.progress == H1_MORE) {
        const size_t there = in.size - r.end < step ? in.size - r.end : step;
        size_t used = 0;
        cmp_str piece;
        r.progress = h1_read_chunked(&chunks, (cmp_str){in.at + r.end, there}, &used, &piece);
        must(used > 0 && used <= there && piece.size <= used);
        memcpy(r.body + r.size, piece.at, piece.size);
        r.size += piece.size;
        r.end += used;
    }
    return r;
}

/* A second reader, by lines, of bodies that the first one took. */
static void check_by_lines(cmp_str in, const reading *r)
{
    size_t at = 0, size = 0, left;
    do {
        char *behind;
        must(isxdigit((unsigned char)in.at[at]));
        left = strtoull(in.at + at, &behind, 16);
        must(strchr(";\r \t", *behind) != NULL && (in.at[at + 1] | 32) != 'x');
        const char *line_end = memchr(in.at + at, '\n', r->end - at);
        must(line_end != NULL && line_end[-1] == '\r');
        must(memchr(behind, '\r', (size_t)(line_end - behind)) == line_end - 1);
        at = (size_t)(line_end + 1 - in.at);
        must(left <= r->end - at && left <= r->size - size);
        must(memcmp(in.at + at, r->body + size, left) == 0);
        size += left;
        at += left;
        if (left > 0) {
            must(memcmp(in.at + at, "\r\n", 2) == 0);
            at += 2;
        }
    } while (left > 0);
    must(size == r->size && memcmp(in.at + r->end - 4, "\r\n\r\n", 4) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1); /* with a NUL, for strtoull */
    must(text != NULL);
    memcpy(text, data, size);
    text[size] = '\0';
    const cmp_str in = {text, size};
    reading whole = read_all(in, size + 1);
    if (whole.progress == H1_DONE) {
        check_by_lines(in, &whole);
    }
    for (size_t step = 1; step <= 64; step *= 8) {
        reading pieces = read_all(in, step);
        must(pieces.progress == whole.progress && pieces.end == whole.end);
        must(pieces.size == whole.size && memcmp(pieces.body, whole.body, whole.size) == 0);
        free(pieces.body);
    }
    free(whole.body);
    free(text);
    return 0;
}
