/* SPDX-License-Identifier: Apache-2.0 */
/* Reads segments, whole or damaged, compressed or not, and goes through the files of a folder.
 *
 * Damage is passed over block by block, and counted; what is returned was written so. One thread
 * has a reader. */
#pragma once

#include "journal/folder.h"
#include "journal/record.h"

/* What was found beside records. */
typedef struct journal_state {
    uint64_t records, octets;
    uint64_t damaged; /* octets that were passed over, before the end of their file */
    uint64_t torn;    /* files whose end is not whole */
    uint64_t lost;    /* records that the writer says it had to drop */
    uint64_t missing; /* … and that are not there, nobody says why */
    uint64_t twice;   /* records that came again */
    uint64_t strange; /* files that are no segments, or of a later version */
} journal_state;

/* ---- one segment ---- */

typedef struct journal_input journal_input;

/* Where its octets come from: as many as there are, 0 at the end, -1 with errno. */
typedef ptrdiff_t (*journal_source)(void *arg, uint8_t *to, size_t room);

/* `arg` and `state` live as long as the input. Never NULL. */
journal_input *journal_input_create(journal_source read, void *arg, journal_state *state);
void journal_input_destroy(journal_input **in);

/* The head of the segment; NULL: it is none. */
const segment_head *journal_input_head(journal_input *in);

/* Whether so much was read that it has a head, or is known to be no segment. */
bool journal_input_begun(const journal_input *in);

/* Whether nothing has come yet: a file that was made a moment ago, or by who ended then. */
bool journal_input_is_empty(const journal_input *in);

/* The next record, good until the next call; NULL at the end. `block` (may be NULL) is its block's.
 */
const journal_record *journal_input_next(journal_input *in, const block_head **block);

/* Whether it is the first of its block. */
bool journal_input_block_begins(const journal_input *in);

/* Its octets as they are in the segment, until the next call. */
const uint8_t *journal_input_octets(const journal_input *in);

/* ---- a folder ---- */

typedef struct journal_reader journal_reader;

typedef struct journal_span {
    int64_t from_ms, until_ms; /* of the records' times; INT64_MIN and INT64_MAX: all */
} journal_span;

/* NULL with errno when the folder cannot be read. */
journal_reader *journal_reader_open(const char *path, journal_stream stream, journal_span span);
void journal_reader_close(journal_reader **r);

/* The next record of the span, those of each file in the order in which they were written, and
 * files in the order in which they were begun; NULL when there is none more: then it may be called
 * again later, when more was written, to any file that its writer has not ended. */
const journal_record *journal_reader_next(journal_reader *r);

/* Nothing more is expected: what there is of an end is one. journal_reader_state tells of it. */
void journal_reader_end(journal_reader *r);

const journal_state *journal_reader_state(const journal_reader *r);

/* Octets of all files, and of those that were read: for progress. */
void journal_reader_progress(const journal_reader *r, uint64_t *done, uint64_t *all);

/* A segment's file as a source; compressed ones by their name. */
typedef struct segment_source segment_source;
segment_source *segment_source_open(int folder, const char *name);
void segment_source_close(segment_source **s);
ptrdiff_t segment_source_read(void *arg, uint8_t *to, size_t room);

/* Whether a process writes to it, as segment_is_open. */
bool segment_source_is_written(const segment_source *s);

/* Whether it is still in the folder. */
bool segment_source_has_name(const segment_source *s);
