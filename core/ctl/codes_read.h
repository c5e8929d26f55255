/* SPDX-License-Identifier: Apache-2.0 */
/* Reads a file of code records, one JSON object a line (SPEC 6), a few thousand lines ahead of
 * whoever takes them: reading and parsing have a thread of their own. */
#pragma once

#include <cmp-kit/memory.h>
#include <cmp/record.h>

#define CODES_LINE_MAX ((size_t)16 << 20)

/* One line that is not blank. */
typedef struct codes_line {
    size_t number;
    const char *error; /* NULL: it is a good record */
    cmp_str ici;
    cmp_record record;
} codes_line;

typedef struct codes_batch {
    const codes_line *lines;
    size_t count;
    uint64_t bytes; /* of the file, up to the end of these lines */
} codes_batch;

typedef struct codes_reader codes_reader;

/* "-" is stdin. NULL after a message. */
codes_reader *codes_reader_open(const char *path);

/* How messages call the file; and its size, 0 when nobody knows. */
const char *codes_reader_name(const codes_reader *r);
uint64_t codes_reader_size(const codes_reader *r);

/* The next lines, valid until the next call; waits for them. NULL at the end, and when a signal
 * came (ctl/interrupt.h). */
const codes_batch *codes_reader_next(codes_reader *r);

/* After NULL: why the file could not be read to its end, or NULL. */
const char *codes_reader_failure(const codes_reader *r);

/* NULL is fine. */
void codes_reader_close(codes_reader **r);
