/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of a journal that is written share. */
#pragma once

#include "journal/journal.h"
#include "journal/ring.h"
#include "journal/segment.h"

#include <pthread.h>

/* At 40,000 records a second of 130 octets each a batch is 520 KiB. */
#define JOURNAL_RING_SIZE ((size_t)2048 * 1024)

/* One stream of one worker. There is a second ring, and a third, only while requests are refused
 * since the disk takes nothing: for the records of those that were under way. */
typedef struct lane {
    /* the worker's */
    _Alignas(RING_LINE) ring *in;
    uint32_t lost;              /* since the last record that found room */
    int64_t second;             /* of rejections: which one it is */
    unsigned taken;             /* … and how many it had */
    _Atomic uint64_t put_bytes; /* of all records; for who watches, as written_bytes */

    /* the writer's */
    _Alignas(RING_LINE) _Atomic(ring *) out; /* `in`, or one from which `next` leads there */
    uint64_t sequence;                       /* of the next record */
    _Atomic uint64_t written_bytes;
} lane;

/* Of one thread's. */
static inline void octets_add(_Atomic uint64_t *sum, size_t octets)
{
    const uint64_t before = atomic_load_explicit(sum, memory_order_relaxed);
    atomic_store_explicit(sum, before + octets, memory_order_relaxed);
}

static inline ring *lane_out(const lane *l)
{
    return atomic_load_explicit(&l->out, memory_order_relaxed);
}

typedef struct journal_counters {
    unsigned records, octets, dropped, unsampled, failures, removed;
} journal_counters;

struct journal {
    journal_options o;
    journal_counters counters;
    unsigned rejections_a_second; /* of one worker */
    int folder, lock;
    lane *lanes; /* of each worker, one for each stream */
    segment segments[JOURNAL_STREAM_MAX];
    _Atomic(const pseudonym_key *) key; /* of now; NULL: there are no pseudonyms */
    pthread_t thread;
    _Atomic bool stopping;
    _Atomic uint64_t whole_ms;   /* clock_monotonic_ms: all until then was written */
    _Atomic uint64_t kept_bytes; /* of all files, at the last sweep */

    /* the writer's thread */
    bool failing;                   /* the last batch could not be written */
    bool whole;                     /* all of this turn could */
    bool rotated;                   /* a segment has ended since keep_turn */
    int64_t turn_ms;                /* when this turn began; like the next, clock_monotonic_ms */
    int64_t synced_ms;              /* when segments were last made sure of */
    int64_t looked_ms;              /* … and the folder was last looked at */
    int64_t swept_ms;               /* … and old segments were last looked for */
    int64_t pack_from_ms;           /* when the packer may be started again */
    unsigned pack_failures;         /* in a row */
    char packed[SEGMENT_NAME_SIZE]; /* the segment that the packer works on, or worked on last */
    pid_t packer;                   /* 0: none runs */
    struct key_entry *keys;         /* all that were used, the newest first */
};

/* writer.c */
void *writer_main(void *arg);

/* keep.c: removes what is kept no longer, and has what has ended compressed. */
void keep_turn(journal *j, int64_t now_ms);
void keep_end(journal *j);

/* keys.c: the key of now. */
CMP_MUST_USE bool keys_begin(journal *j, int64_t now_ms);
void keys_turn(journal *j, int64_t now_ms);
void keys_dispose(journal *j);
