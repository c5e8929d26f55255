/* SPDX-License-Identifier: Apache-2.0 */
/* One segment, block by block. */
#include "journal/reader.h"

#include <cmp-kit/memory.h>

#include <stdlib.h>

#define ROOM (2 * (BLOCK_HEAD_SIZE + BLOCK_MAX))

struct journal_input {
    journal_source read;
    void *arg;
    journal_state *state;
    segment_head head;
    bool headed, strange; /* the head was read; it is none */
    uint8_t *octets;
    size_t begin, end; /* of what is in `octets` and was not used yet */
    uint64_t skipped;  /* octets that were no block, since the last good one */
    block_head block;
    const uint8_t *record, *next, *records_end; /* in the block */
    bool first;                                 /* `record` is the block's first */
    journal_record current;
};

journal_input *journal_input_create(journal_source read, void *arg, journal_state *state)
{
    journal_input *in = kit_calloc(1, sizeof(*in));
    in->read = read;
    in->arg = arg;
    in->state = state;
    in->octets = kit_alloc(ROOM);
    return in;
}

void journal_input_destroy(journal_input **ref)
{
    journal_input *in = *ref;
    if (in != NULL) {
        /* Behind the last whole block there is nothing, or what was torn. */
        in->state->torn += in->headed && (in->skipped > 0 || in->begin < in->end);
        free(in->octets);
        free(in);
        *ref = NULL;
    }
}

/* False when there is nothing more, for now. */
static bool read_more(journal_input *in)
{
    if (in->begin > 0) {
        memmove(in->octets, in->octets + in->begin, in->end - in->begin);
        in->end -= in->begin;
        in->begin = 0;
    }
    const ptrdiff_t got = in->read(in->arg, in->octets + in->end, ROOM - in->end);
    if (got <= 0) {
        return false;
    }
    in->end += (size_t)got;
    in->state->octets += (uint64_t)got;
    return true;
}

const segment_head *journal_input_head(journal_input *in)
{
    while (!in->headed && !in->strange) {
        if (in->end - in->begin >= SEGMENT_HEAD_SIZE) {
            in->headed = segment_head_read(in->octets + in->begin, &in->head);
            in->strange = !in->headed;
            in->begin += SEGMENT_HEAD_SIZE;
        } else if (!read_more(in)) {
            return NULL;
        }
    }
    return in->headed ? &in->head : NULL;
}

bool journal_input_begun(const journal_input *in)
{
    return in->headed || in->strange;
}

bool journal_input_is_empty(const journal_input *in)
{
    return !journal_input_begun(in) && in->end == in->begin;
}

/* To where the next block may begin. */
static void skip_damage(journal_input *in)
{
    const uint8_t *from = in->octets + in->begin;
    const uint8_t *found = memmem(from + 1, in->end - in->begin - 1, BLOCK_MAGIC, 4);
    const size_t kept = in->end - in->begin < 4 ? in->end - in->begin - 1 : 3;
    const size_t skipped = found != NULL ? (size_t)(found - from) : in->end - in->begin - kept;
    in->skipped += skipped;
    in->begin += skipped;
}

/* What seems too short may be torn, or have a wrong size in it: then there is a good one behind. */
static bool good_one_behind(const journal_input *in)
{
    const uint8_t *at = in->octets + in->begin, *const end = in->octets + in->end;
    block_head h;
    while (at < end && (at = memmem(at + 1, (size_t)(end - at) - 1, BLOCK_MAGIC, 4)) != NULL) {
        if (block_open(at, (size_t)(end - at), &h) == BLOCK_GOOD) {
            return true;
        }
    }
    return false;
}

static bool next_block(journal_input *in)
{
    for (;;) {
        const size_t size = in->end - in->begin;
        switch (size > 0 ? block_open(in->octets + in->begin, size, &in->block) : BLOCK_SHORT) {
        case BLOCK_GOOD:
            in->next = in->octets + in->begin + BLOCK_HEAD_SIZE;
            in->records_end = in->next + in->block.size;
            in->begin += BLOCK_HEAD_SIZE + in->block.size;
            in->state->damaged += in->skipped;
            in->skipped = 0;
            in->first = true;
            in->record = NULL;
            return true;
        case BLOCK_SHORT:
            if (read_more(in)) {
                break;
            }
            if (size == 0 || !good_one_behind(in)) {
                return false;
            }
            skip_damage(in);
            break;
        case BLOCK_BAD:
            skip_damage(in);
            break;
        }
    }
}

/* A block whose checksum holds and whose records do not was written by a later version, or by
 * nobody of ours. */
static bool next_in_block(journal_input *in)
{
    const size_t left = (size_t)(in->records_end - in->next);
    if (left < JOURNAL_RECORD_HEAD) {
        in->state->damaged += left;
        in->next = in->records_end;
        return false;
    }
    const size_t size = journal_record_size(in->next);
    if (size > left || !journal_record_read(in->next, size, &in->current)) {
        in->state->damaged += left;
        in->next = in->records_end;
        return false;
    }
    in->first = in->record == NULL;
    in->record = in->next;
    in->next += size;
    in->state->records++;
    return true;
}

const journal_record *journal_input_next(journal_input *in, const block_head **block)
{
    if (journal_input_head(in) == NULL) {
        return NULL;
    }
    while (in->next == in->records_end || !next_in_block(in)) {
        if (!next_block(in)) {
            return NULL;
        }
    }
    if (block != NULL) {
        *block = &in->block;
    }
    return &in->current;
}

bool journal_input_block_begins(const journal_input *in)
{
    return in->first;
}

const uint8_t *journal_input_octets(const journal_input *in)
{
    return in->record;
}
