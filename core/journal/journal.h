/* SPDX-License-Identifier: Apache-2.0 */
/* The journal of a process (SPEC 7): workers leave records in rings of their own, and a thread
 * takes them to the disk in batches. A worker never waits, for the disk as little as for another
 * worker.
 *
 * Its folder and files are described in cmpd-journal(5). */
#pragma once

#include "journal/pseudonym.h"
#include "journal/record.h"

/* What a crash of the process may take: the records of so long. */
#define JOURNAL_BATCH_MS 100

typedef enum journal_fsync {
    JOURNAL_FSYNC_NEVER,  /* the kernel writes when it likes */
    JOURNAL_FSYNC_SECOND, /* once a second */
    JOURNAL_FSYNC_BATCH,  /* behind every batch */
} journal_fsync;

typedef enum journal_when_full {
    JOURNAL_DROP,   /* records are lost, and counted */
    JOURNAL_REFUSE, /* requests are refused before the work */
} journal_when_full;

typedef struct journal_options {
    const char *path; /* of the folder, which is there or can be made */
    unsigned workers;
    uint64_t segment_bytes;
    int64_t segment_age_ms;
    int64_t keep_ms; /* of a segment, from its last record on */
    uint64_t keep_bytes;
    journal_fsync fsync;
    journal_when_full when_full;
    unsigned rejections;       /* an hour, that are recorded; the others are counted */
    uint64_t rejections_bytes; /* of all their files */
    uint64_t pseudonyms;       /* bit i: of the journal_personal i; 0: none */
    int64_t period_ms;         /* of a key for them */
    const char *packer;        /* the program for pack_start; NULL: segments stay as they are */
} journal_options;

typedef struct journal journal;

/* Whether this process could write a journal there; nothing is changed. False with a message. */
CMP_MUST_USE bool journal_check(const char *path, char *error, size_t size);

/* Opens the folder and starts the thread. `options` are copied, its texts are not. NULL after a
 * message. */
journal *journal_open(const journal_options *options, char *error, size_t size);

/* Writes what is left, and ends the thread; NULL is fine. No worker may use it any more. */
void journal_close(journal **j);

/* Leaves a record: sets its `lost` and takes a copy. On the worker's own thread. */
void journal_put(journal *j, unsigned worker, journal_record *r);

/* Whether there is room for one more rejection in this second; if not it is counted. On the
 * worker's own thread. */
CMP_MUST_USE bool journal_rejection_fits(journal *j, unsigned worker, int64_t now_ms);

/* Whether a request has to be refused, since its record might find no room. On the worker's own
 * thread. */
bool journal_refuses(journal *j, unsigned worker);

/* How it is, for those who watch. */
typedef struct journal_health {
    uint64_t waiting_bytes; /* of records that are not written yet */
    uint64_t behind_ms;     /* so long ago all that there was had been written; 0: all is */
    uint64_t kept_bytes;    /* of all files, compressed or not; 0 when another process keeps them */
} journal_health;

/* Any thread. */
journal_health journal_look(journal *j);

/* Adds the pseudonyms that are wanted of a request's parameters (by cmp_param). Any thread. */
void journal_add_pseudonyms(journal *j, journal_record *r, const cmp_str *params);
