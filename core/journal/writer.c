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
#include <time.h>
#include <unistd.h>

#define BUSY_MS    10 /* the next batch, when a ring is filling */
#define LOOK_MS    250
#define SECOND_MS  1000
#define BLOCK_FULL ((size_t)64 * 1024)

/* ---- one batch ---- */

typedef struct batch {
    journal *j;
    lane *lane;
    ring *ring;
    segment *segment;
    block_head head;
    uint64_t numbers; /* of its records and of those that were lost between them */
    int64_t now_ms;
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

static bool write_block(batch *b, size_t taken)
{
    journal *j = b->j;
    if (b->head.count == 0) {
        return true;
    }
    const size_t size = BLOCK_HEAD_SIZE + b->head.size;
    b->head.sequence = b->lane->sequence;
    b->head.written_us = b->now_ms * 1000;
    block_seal(&b->head, j->block);
    if (b->segment->fd >= 0 && b->segment->size + size > segment_most(j, b->segment)) {
        end_segment(j, b->segment);
    }
    if (!segment_write(b->segment, j->block, size, b->now_ms)) {
        tell_failing(j, errno);
        return false;
    }
    tell_writing(j);
    b->lane->sequence += b->numbers;
    ring_take(b->ring, taken);
    octets_add(&b->lane->written_bytes, b->head.size);
    counter_add(j->counters.records, b->head.count);
    counter_add(j->counters.octets, size);
    b->head.size = b->head.count = 0;
    b->numbers = 0;
    return true;
}

static void add_record(batch *b, const uint8_t *octets)
{
    const size_t size = journal_record_size(octets);
    uint32_t lost;
    memcpy(&lost, octets + 16, sizeof(lost));
    memcpy(b->j->block + BLOCK_HEAD_SIZE + b->head.size, octets, size);
    b->head.size += (uint32_t)size;
    b->head.count++;
    b->numbers += (uint64_t)le32toh(lost) + 1;
}

/* All that is in the ring. Returns how many octets that were. */
static size_t write_ring(batch *b)
{
    const size_t begin = ring_tail(b->ring);
    size_t next = begin, taken = begin;
    for (const uint8_t *octets; (octets = ring_next(b->ring, &next)) != NULL;) {
        if (b->head.size + journal_record_size(octets) > BLOCK_FULL && !write_block(b, taken)) {
            return 0;
        }
        add_record(b, octets);
        taken = next;
    }
    return write_block(b, taken) ? taken - begin : 0;
}

/* Returns how many octets were written of the ring that had most. */
static size_t write_lane(journal *j, unsigned at, int64_t now_ms)
{
    lane *l = &j->lanes[at];
    size_t most = 0;
    for (ring *r = lane_out(l), *next; r != NULL; r = next) {
        batch b = {.j = j,
                   .lane = l,
                   .ring = r,
                   .segment = &j->segments[at % JOURNAL_STREAM_MAX],
                   .head.worker = at / JOURNAL_STREAM_MAX,
                   .now_ms = now_ms};
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
        sleep_ms(most > JOURNAL_RING_SIZE / 8 ? BUSY_MS : JOURNAL_BATCH_MS);
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
