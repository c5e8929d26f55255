/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of the codes file. The file is read and not mapped, because somebody may cut it short at
 * any time. */
#include "lines.h"

#include <cmp-kit/memory.h>

#include <stdlib.h>
#include <unistd.h>

#define BUFFER_SIZE ((size_t)256 << 10) /* of each part; grows for a line that is longer */

void lines_init(lines *l, int fd, uint64_t begin, uint64_t end)
{
    *l = (lines){.fd = fd, .at = begin, .end = end, .room = BUFFER_SIZE};
    l->buffer = kit_alloc(l->room);
}

void lines_dispose(lines *l)
{
    free(l->buffer);
    l->buffer = NULL;
}

/* Makes room for more of a line that the buffer does not hold whole. */
static bool make_room(lines *l)
{
    l->filled -= l->begin;
    memmove(l->buffer, l->buffer + l->begin, l->filled);
    l->begin = 0;
    if (l->filled < l->room) {
        return true;
    }
    if (l->room >= LINE_MAX_SIZE) {
        return false;
    }
    l->room *= 2;
    l->buffer = kit_realloc(l->buffer, l->room);
    return true;
}

/* The number of octets that were read, 0 at the end. With an offset of its own: several threads
 * read from one descriptor. */
static ssize_t fill(lines *l)
{
    const uint64_t left = l->end - l->at;
    const size_t room = l->room - l->filled;
    const ssize_t got =
        pread(l->fd, l->buffer + l->filled, left < room ? (size_t)left : room, (off_t)l->at);
    if (got > 0) {
        l->filled += (size_t)got;
        l->at += (uint64_t)got;
    }
    return got;
}

static lines_result take(lines *l, size_t size, size_t end_size, cmp_str *line)
{
    *line = (cmp_str){l->buffer + l->begin, size};
    l->begin += size + end_size;
    l->number++;
    return LINES_LINE;
}

lines_result lines_next(lines *l, cmp_str *line)
{
    /* A line that grows over several readings is not searched from its beginning each time. */
    size_t searched = 0;
    for (;;) {
        const char *from = l->buffer + l->begin;
        const size_t held = l->filled - l->begin;
        const char *end = memchr(from + searched, '\n', held - searched);
        if (end != NULL) {
            return take(l, (size_t)(end - from), 1, line);
        }
        searched = held;
        if (!make_room(l)) {
            l->number++;
            return LINES_TOO_LONG;
        }
        const ssize_t got = fill(l);
        if (got < 0) {
            return LINES_FAILED;
        }
        if (got == 0) {
            return held > 0 ? take(l, held, 0, line) : LINES_END;
        }
    }
}

bool line_blank(cmp_str line)
{
    for (size_t i = 0; i < line.size; i++) {
        if (line.at[i] != ' ' && line.at[i] != '\t' && line.at[i] != '\r') {
            return false;
        }
    }
    return true;
}

bool line_begin(int fd, uint64_t from, uint64_t size, uint64_t *begin)
{
    char buffer[4096];
    *begin = from;
    if (from == 0) {
        return true;
    }
    for (uint64_t at = from - 1; at < size;) { /* from its end, the line before shows */
        const ssize_t got = pread(fd, buffer, sizeof(buffer), (off_t)at);
        if (got <= 0) { /* 0: it was cut short, which kit_file_read will see */
            *begin = size;
            return got == 0;
        }
        const char *end = memchr(buffer, '\n', (size_t)got);
        if (end != NULL) {
            *begin = at + (uint64_t)(end - buffer) + 1;
            *begin = *begin < size ? *begin : size;
            return true;
        }
        at += (uint64_t)got;
    }
    *begin = size;
    return true;
}
