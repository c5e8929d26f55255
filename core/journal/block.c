/* SPDX-License-Identifier: Apache-2.0 */
/* See block.h. */
#include "journal/block.h"

#include "base/hash.h"
#include "journal/octets.h"

#define SEGMENT_MAGIC   "CMPJRNL1"
#define SEGMENT_VERSION 1
#define CHECKSUM_SIZE   8

/* ---- segments ---- */

void segment_head_write(const segment_head *h, uint8_t to[SEGMENT_HEAD_SIZE])
{
    memset(to, 0, SEGMENT_HEAD_SIZE);
    memcpy(to, SEGMENT_MAGIC, 8);
    octets_put32(to + 8, SEGMENT_VERSION);
    octets_put32(to + 12, (uint32_t)h->stream);
    octets_put64(to + 16, h->number);
    octets_put64(to + 24, (uint64_t)h->created_us);
    memcpy(to + 32, h->run, SEGMENT_RUN_SIZE);
    octets_put64(to + SEGMENT_HEAD_SIZE - CHECKSUM_SIZE,
                 hash_seeded(0, to, SEGMENT_HEAD_SIZE - CHECKSUM_SIZE));
}

bool segment_head_read(const uint8_t at[SEGMENT_HEAD_SIZE], segment_head *h)
{
    const uint32_t stream = octets_get32(at + 12);
    if (memcmp(at, SEGMENT_MAGIC, 8) != 0 || octets_get32(at + 8) != SEGMENT_VERSION ||
        stream >= JOURNAL_STREAM_MAX ||
        octets_get64(at + SEGMENT_HEAD_SIZE - CHECKSUM_SIZE) !=
            hash_seeded(0, at, SEGMENT_HEAD_SIZE - CHECKSUM_SIZE)) {
        return false;
    }
    *h = (segment_head){.stream = (journal_stream)stream,
                        .number = octets_get64(at + 16),
                        .created_us = (int64_t)octets_get64(at + 24)};
    memcpy(h->run, at + 32, SEGMENT_RUN_SIZE);
    return true;
}

/* ---- blocks ---- */

/* Of the head behind the checksum, and the records. */
static uint64_t checksum_of(const uint8_t *head, const uint8_t *records, size_t size)
{
    const size_t skipped = 4 + CHECKSUM_SIZE;
    return hash_seeded_parts(0, head + skipped, BLOCK_HEAD_SIZE - skipped, records, size);
}

void block_seal(const block_head *h, const uint8_t *records, uint8_t to[BLOCK_HEAD_SIZE])
{
    memcpy(to, BLOCK_MAGIC, 4);
    octets_put32(to + 12, h->size);
    octets_put32(to + 16, h->count);
    octets_put32(to + 20, h->worker);
    octets_put64(to + 24, h->sequence);
    octets_put64(to + 32, (uint64_t)h->written_us);
    octets_put64(to + 40, 0);
    octets_put64(to + 4, checksum_of(to, records, h->size));
}

block_state block_open(const uint8_t *at, size_t size, block_head *h)
{
    if (memcmp(at, BLOCK_MAGIC, size < 4 ? size : 4) != 0) {
        return BLOCK_BAD;
    }
    if (size < BLOCK_HEAD_SIZE) {
        return BLOCK_SHORT;
    }
    *h = (block_head){.size = octets_get32(at + 12),
                      .count = octets_get32(at + 16),
                      .worker = octets_get32(at + 20),
                      .sequence = octets_get64(at + 24),
                      .written_us = (int64_t)octets_get64(at + 32)};
    if (h->size > BLOCK_MAX) {
        return BLOCK_BAD;
    }
    if (size < BLOCK_HEAD_SIZE + h->size) {
        return BLOCK_SHORT;
    }
    return octets_get64(at + 4) == checksum_of(at, at + BLOCK_HEAD_SIZE, h->size) ? BLOCK_GOOD
                                                                                  : BLOCK_BAD;
}
