/* SPDX-License-Identifier: Apache-2.0 */
/* The segment of one stream that is being written. The writer's thread only. */
#pragma once

#include "journal/folder.h"

#include <sys/uio.h>

typedef struct segment {
    int folder; /* borrowed */
    journal_stream stream;
    uint8_t run[SEGMENT_RUN_SIZE];
    uint64_t next;    /* number of the next file */
    int fd;           /* -1: none is open */
    uint64_t size;    /* octets that are whole in it */
    uint64_t room;    /* octets that the file system was asked to have ready for it */
    int64_t begun_ms; /* clock_monotonic_ms */
    bool unsynced;    /* it holds what is not surely on the disk */
    bool unnamed;     /* … nor is its name */
} segment;

/* `next` is made to follow on the files that are there. False with errno. */
CMP_MUST_USE bool segment_init(segment *s, int folder, journal_stream stream,
                               const uint8_t run[SEGMENT_RUN_SIZE]);

#define SEGMENT_PARTS_MAX 16

/* Appends at most SEGMENT_PARTS_MAX parts, to a new file when none is open. False with errno:
 * nothing of them is there. */
CMP_MUST_USE bool segment_write(segment *s, const struct iovec *parts, int count, int64_t now_ms);

/* To the disk, whatever is not there yet. False with errno. */
CMP_MUST_USE bool segment_sync(segment *s);

/* Ends the file, if one is open; `sync` makes sure of it first. */
void segment_close(segment *s, bool sync);
