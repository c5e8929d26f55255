/* SPDX-License-Identifier: Apache-2.0 */
/* The writer's thread: from the rings to the segments.
 *
 * What could not be written stays in the rings, so that when there is room on the disk again it
 * goes on where it was; what finds no room in a ring meanwhile is counted in the next record. */
#include "journal/internal.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/running.h"
#include "observe/counters.h"

#include <errno.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define BUSY_MS    10 /* the next batch, when a ring is filling */
#define LOOK_MS    250
#define SECOND_MS  1000
#define BLOCKS_MAX (SEGMENT_PARTS_MAX / 2) /* of one batch */

/* ---- one batch ---- */

/* Its records stand behind each other in the ring, from where they go to the file. */
typedef struct block {
    const uint8_t *records;
    block_head head;
    uint64_t numbers; /* of its records and of those that were lost between them */
} block;

/* What goes to the file at once: for the kernel each write is dear, and each page is. */
typedef struct batch {
    journal *j;
    lane *lane;
    ring *ring;
    segment *segment;
    uint32_t worker;
    int64_t now_ms;
    block blocks[BLOCKS_MAX];
    int count;
    size_t size; /* octets of the blocks */
    size_t left; /* octets for which the segment has room */
} batch;

static void tell_failing(journal *j, int error)
{
    counter_add(j->counters.failures, 1);
    j->whole = false;
    if (!j->failing) {
        log_error("journal", "%s cannot be written: %s; %s", j->o.path, strerror(error),
                  j->o.when_full == JOURNAL_REFUSE
                      ? "requests are refused when there is no room for their records"
                      : "records are dropped when there is no room for them");
        j->failing = true;
    }
}

static void tell_writing(journal *j)
{
    if (j->failing) {
        log_notice("journal", "%s can be written again; %llu records were dropped so far",
                   j->o.path, (unsigned long long)counter_read(j->counters.dropped));
        j->failing = false;
    }
}

static uint64_t segment_most(const journal *j, const segment *s)
{
    return s->stream == JOURNAL_STREAM_JOURNAL ? j->o.segment_bytes : j->o.rejections_bytes / 4;
}

static void end_segment(journal *j, segment *s)
{
    segment_close(s, j->o.fsync != JOURNAL_FSYNC_NEVER);
    j->rotated = true;
}

static size_t room_left(const journal *j, const segment *s)
{
    const size_t most = segment_most(j, s), used = s->fd >= 0 ? s->size : SEGMENT_HEAD_SIZE;
    return most > used ? most - used : 0;
}

static bool write_octets(batch *b)
{
    uint8_t heads[BLOCKS_MAX][BLOCK_HEAD_SIZE];
    struct iovec parts[2 * BLOCKS_MAX];
    uint64_t sequence = b->lane->sequence;
    for (int i = 0; i < b->count; i++) {
        block *at = &b->blocks[i];
        at->head.worker = b->worker;
        at->head.sequence = sequence;
        at->head.written_us = b->now_ms * 1000;
        sequence += at->numbers;
        block_seal(&at->head, at->records, heads[i]);
        parts[2 * i] = (struct iovec){heads[i], BLOCK_HEAD_SIZE};
        parts[2 * i + 1] = (struct iovec){(void *)(uintptr_t)at->records, at->head.size};
    }
    return segment_write(b->segment, parts, 2 * b->count, b->now_ms);
}

/* All records before `taken`. */
static bool write_batch(batch *b, size_t taken)
{
    journal *j = b->j;
    if (b->count == 0) {
        return true;
    }
    if (!write_octets(b)) {
        tell_failing(j, errno);
        return false;
    }
    tell_writing(j);
    ring_take(b->ring, taken);
    for (int i = 0; i < b->count; i++) {
        const block *at = &b->blocks[i];
        b->lane->sequence += at->numbers;
        octets_add(&b->lane->written_bytes, at->head.size);
        counter_add(j->counters.records, at->head.count);
    }
    counter_add(j->counters.octets, b->size);
    b->left = room_left(j, b->segment);
    b->count = 0;
    b->size = 0;
    return true;
}

/* A block to which such a record can be added; NULL when what there is cannot be written. */
static block *block_for(batch *b, const uint8_t *octets, size_t size, size_t taken)
{
    block *last = b->count > 0 ? &b->blocks[b->count - 1] : NULL;
    if (last != NULL && octets == last->records + last->head.size &&
        last->head.size + size <= BLOCK_MAX && b->size + size <= b->left) {
        return last;
    }
    const bool full = b->size + BLOCK_HEAD_SIZE + size > b->left;
    if ((full || b->count == BLOCKS_MAX) && !write_batch(b, taken)) {
        return NULL;
    }
    if (full) {
        end_segment(b->j, b->segment);
        b->left = room_left(b->j, b->segment);
    }
    last = &b->blocks[b->count++];
    *last = (block){.records = octets};
    b->size += BLOCK_HEAD_SIZE;
    return last;
}

/* All that is in the ring. Returns how many octets that were. */
static size_t write_ring(batch *b)
{
    const size_t begin = ring_tail(b->ring);
    size_t next = begin, taken = begin;
    for (const uint8_t *octets; (octets = ring_next(b->ring, &next)) != NULL;) {
        const size_t size = journal_record_size(octets);
        block *to = block_for(b, octets, size, taken);
        if (to == NULL) {
            return 0;
        }
        to->head.size += (uint32_t)size;
        to->head.count++;
        to->numbers += (uint64_t)journal_record_lost(octets) + 1;
        b->size += size;
        taken = next;
    }
    return write_batch(b, taken) ? taken - begin : 0;
}

/* Returns how many octets were written of the ring that had most. */
static size_t write_lane(journal *j, unsigned at, int64_t now_ms)
{
    lane *l = &j->lanes[at];
    segment *to = &j->segments[at % JOURNAL_STREAM_MAX];
    size_t most = 0;
    for (ring *r = lane_out(l), *next; r != NULL; r = next) {
        batch b = {.j = j,
                   .lane = l,
                   .ring = r,
                   .segment = to,
                   .worker = at / JOURNAL_STREAM_MAX,
                   .now_ms = now_ms,
                   .left = room_left(j, to)};
        const size_t size = write_ring(&b);
        most = size > most ? size : most;
        next = ring_follower(r);
        if (next != NULL) {
            atomic_store_explicit(&l->out, next, memory_order_relaxed);
            ring_destroy(&r);
        }
    }
    return most;
}

/* ---- turns ---- */

static void sync_segments(journal *j)
{
    const bool due = j->o.fsync == JOURNAL_FSYNC_BATCH ||
                     (j->o.fsync == JOURNAL_FSYNC_SECOND && j->turn_ms - j->synced_ms >= SECOND_MS);
    for (int i = 0; due && i < JOURNAL_STREAM_MAX; i++) {
        if (!segment_sync(&j->segments[i])) {
            tell_failing(j, errno);
        }
    }
    j->synced_ms = due ? j->turn_ms : j->synced_ms;
}

/* So `cmpctl journal erase` has all that was written in segments that have ended. */
static bool asked_to_rotate(const journal *j)
{
    return j->lock >= 0 && unlinkat(j->folder, FOLDER_ROTATE, 0) == 0;
}

static void end_old_segments(journal *j)
{
    const bool asked = asked_to_rotate(j);
    for (int i = 0; i < JOURNAL_STREAM_MAX; i++) {
        segment *s = &j->segments[i];
        if (s->fd >= 0 && (asked || j->turn_ms - s->begun_ms >= j->o.segment_age_ms)) {
            end_segment(j, s);
        }
    }
}

/* Returns how many octets were written of the ring that had most. */
static size_t turn(journal *j)
{
    const int64_t now_ms = clock_now_ms();
    j->turn_ms = (int64_t)clock_monotonic_ms();
    size_t most = 0;
    j->whole = true;
    for (unsigned i = 0; i < j->o.workers * JOURNAL_STREAM_MAX; i++) {
        const size_t size = write_lane(j, i, now_ms);
        most = size > most ? size : most;
    }
    sync_segments(j);
    if (j->whole) {
        atomic_store_explicit(&j->whole_ms, (uint64_t)j->turn_ms, memory_order_relaxed);
    }
    if (j->rotated || j->turn_ms - j->looked_ms >= LOOK_MS) {
        j->looked_ms = j->turn_ms;
        end_old_segments(j);
        keep_turn(j, now_ms);
        keys_turn(j, now_ms);
    }
    return most;
}

static void sleep_ms(unsigned ms)
{
    const struct timespec time = {.tv_nsec = (long)ms * 1000000};
    nanosleep(&time, NULL);
}

static uint64_t left_in_rings(const journal *j)
{
    uint64_t left = 0;
    for (unsigned i = 0; i < j->o.workers * JOURNAL_STREAM_MAX; i++) {
        for (const ring *r = lane_out(&j->lanes[i]); r != NULL; r = ring_after(r)) {
            size_t at = ring_tail(r);
            while (ring_next(r, &at) != NULL) {
                left++;
            }
        }
    }
    return left;
}

void *writer_main(void *arg)
{
    journal *j = arg;
    running_thread_begin("the journal", "cmpd/journal");
    while (!atomic_load(&j->stopping)) {
        const size_t most = turn(j);
        sleep_ms(most > JOURNAL_RING_SIZE / 2 ? BUSY_MS : JOURNAL_BATCH_MS);
    }
    turn(j);
    const uint64_t left = left_in_rings(j);
    if (left > 0) {
        log_error("journal", "%llu records are lost: they could not be written",
                  (unsigned long long)left);
    }
    for (int i = 0; i < JOURNAL_STREAM_MAX; i++) {
        segment_close(&j->segments[i], j->o.fsync != JOURNAL_FSYNC_NEVER);
    }
    keep_end(j);
    running_thread_end();
    return NULL;
}
