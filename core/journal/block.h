/* SPDX-License-Identifier: Apache-2.0 */
/* Heads of segments and of the blocks in them (cmpd-journal(5)): what a torn end, and any other
 * damage, is recognised by. */
#pragma once

#include <cmp/base.h>

#define SEGMENT_HEAD_SIZE 64
#define SEGMENT_RUN_SIZE  16

typedef enum journal_stream {
    JOURNAL_STREAM_JOURNAL,    /* transactions and attempts */
    JOURNAL_STREAM_REJECTIONS, /* in files of their own */
    JOURNAL_STREAM_MAX
} journal_stream;

typedef struct segment_head {
    journal_stream stream;
    uint64_t number;               /* of the file, in its stream */
    int64_t created_us;            /* Unix time: all records before it were written by then */
    uint8_t run[SEGMENT_RUN_SIZE]; /* of the process that wrote it: sequences are within a run */
} segment_head;

void segment_head_write(const segment_head *h, uint8_t to[SEGMENT_HEAD_SIZE]);

/* False when it is no segment, or of a later version. */
CMP_MUST_USE bool segment_head_read(const uint8_t at[SEGMENT_HEAD_SIZE], segment_head *h);

#define BLOCK_HEAD_SIZE 48
#define BLOCK_MAGIC     "CMPB"
#define BLOCK_MAX       ((size_t)256 * 1024) /* octets of the records of one block */

typedef struct block_head {
    uint32_t size;  /* octets of the records behind it */
    uint32_t count; /* records */
    uint32_t worker;
    uint64_t sequence; /* of the first record, among all of that worker and stream; lost ones have
                          numbers, too */
    int64_t written_us;
} block_head;

/* Writes the head of a block with these records, wherever they stand. */
void block_seal(const block_head *h, const uint8_t *records, uint8_t to[BLOCK_HEAD_SIZE]);

typedef enum block_state {
    BLOCK_GOOD,
    BLOCK_SHORT, /* it begins as one, but more octets are needed */
    BLOCK_BAD,
} block_state;

/* Reads what `size` octets begin with. GOOD: its records are whole, and stand behind the head. */
block_state block_open(const uint8_t *at, size_t size, block_head *h);
