/* SPDX-License-Identifier: Apache-2.0 */
/* Any octets as a segment of the journal: what comes out are records that can be written again, and
 * no octet is read twice or not at all. */
#include "journal/reader.h"

#include <stdlib.h>

#define MUST(holds)                                                                                \
    do {                                                                                           \
        if (!(holds)) {                                                                            \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct rest {
    const uint8_t *at;
    size_t size;
} rest;

/* In parts, as a pipe gives them. */
static ptrdiff_t read_part(void *arg, uint8_t *to, size_t room)
{
    rest *r = arg;
    size_t size = r->size < 1021 ? r->size : 1021;
    size = size < room ? size : room;
    memcpy(to, r->at, size);
    r->at += size;
    r->size -= size;
    return (ptrdiff_t)size;
}

static void write_again(const journal_record *r)
{
    uint8_t octets[JOURNAL_RECORD_MAX];
    journal_record again;
    const size_t size = journal_record_write(r, octets);
    MUST(size <= sizeof(octets) && journal_record_read(octets, size, &again));
    MUST(again.when_us == r->when_us && again.wait_count == r->wait_count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    rest r = {data, size};
    journal_state state = {.records = 0};
    journal_input *in = journal_input_create(read_part, &r, &state);
    uint64_t count = 0;
    for (const journal_record *record; (record = journal_input_next(in, NULL)) != NULL; count++) {
        write_again(record);
    }
    journal_input_destroy(&in);
    MUST(count == state.records && state.octets <= size && state.damaged <= size);
    /* Behind checksums few mutations get: the octets as a record by themselves, too. */
    journal_record record;
    if (size > SEGMENT_HEAD_SIZE + BLOCK_HEAD_SIZE) {
        const uint8_t *at = data + SEGMENT_HEAD_SIZE + BLOCK_HEAD_SIZE;
        const size_t left = size - SEGMENT_HEAD_SIZE - BLOCK_HEAD_SIZE;
        const size_t told = left >= 2 ? journal_record_size(at) : 0;
        if (told >= 2 && told <= left && journal_record_read(at, told, &record)) {
            write_again(&record);
        }
    }
    return 0;
}
