/* SPDX-License-Identifier: Apache-2.0 */
/* Reads a stretch of a file line by line. */
#pragma once

#include <cmp/base.h>

#define LINE_MAX_SIZE ((size_t)16 << 20)

typedef struct lines {
    int fd;           /* the caller's; several stretches may be read at once */
    uint64_t at, end; /* what is still to be read of the stretch */
    char *buffer;
    size_t room, begin, filled; /* the buffer holds begin..filled */
    size_t number;              /* of the line that was returned last, from 1 */
} lines;

/* The stretch begins at the first octet of a line. */
void lines_init(lines *l, int fd, uint64_t begin, uint64_t end);
void lines_dispose(lines *l);

typedef enum lines_result {
    LINES_LINE,
    LINES_END,
    LINES_TOO_LONG, /* a line of more than LINE_MAX_SIZE */
    LINES_FAILED,   /* errno says why */
} lines_result;

/* The next line, without its end; valid until the next call. */
lines_result lines_next(lines *l, cmp_str *line);

/* Nothing but white space. */
bool line_blank(cmp_str line);

/* The first octet of the first line that begins at or behind `from`; `size` when there is none. */
CMP_MUST_USE bool line_begin(int fd, uint64_t from, uint64_t size, uint64_t *begin);
