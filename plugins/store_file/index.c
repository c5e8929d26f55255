/* SPDX-License-Identifier: Apache-2.0 */
/* The index that a look-up searches. A look-up misses the cache twice: once for a line of the
 * table, once for the record, which begins with its ICI.
 *
 * A line of the table has 8 slots in 64 octets. A slot holds the offset of a record and a tag, 15
 * bits of the hash of its ICI, so hardly ever a wrong record is looked at. The hash also chooses
 * the line; a code takes its first free slot, or one in the lines after it when it is full. */
#include "index.h"

#include "tags.h"

#include <stdlib.h>
#include <sys/mman.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#define LOAD_PERCENT    65 /* fuller, and more look-ups need the line after theirs */
#define OFFSET_MAX      ((UINT64_C(1) << 48) - 1) /* what a slot can hold */
#define TAG_FREE        0
#define HUGE_PAGES_FROM ((size_t)4 << 20) /* two of them */
#define BUILD_AHEAD     16 /* records whose table lines are fetched while others are entered */

typedef struct line {
    uint16_t tags[LINE_SLOTS];
    uint32_t offset_low[LINE_SLOTS];
    uint16_t offset_high[LINE_SLOTS];
} line;

static_assert(sizeof(line) == 64, "it is a line of the processor's cache");

struct code_index {
    line *lines;
    uint64_t line_count;
    uint64_t seed;
    uint8_t *records;
    size_t room, used;
    size_t count;
};

/* Zeroed memory that costs nothing until it is touched. It is not reserved: the room is as large as
 * the file, and most of it is given back unused. */
static void *map(size_t size)
{
    void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                    -1, 0);
    if (at == MAP_FAILED) {
        return NULL;
    }
    if (size >= HUGE_PAGES_FROM) {
        madvise(at, size, MADV_HUGEPAGE); /* saves a third miss, that of the page's address */
    }
    return at;
}

code_index *index_create(size_t room, uint64_t seed)
{
    if (room > OFFSET_MAX) {
        return NULL;
    }
    code_index *index = calloc(1, sizeof(*index));
    if (index == NULL) {
        return NULL;
    }
    index->seed = seed;
    index->room = room > 0 ? room : 1;
    index->records = map(index->room);
    if (index->records == NULL) {
        free(index);
        return NULL;
    }
    return index;
}

static size_t lines_size(const code_index *index)
{
    return index->line_count * sizeof(line);
}

void index_destroy(code_index **index)
{
    code_index *i = *index;
    if (i == NULL) {
        return;
    }
    munmap(i->records, i->room);
    if (i->lines != NULL) {
        munmap(i->lines, lines_size(i));
    }
    free(i);
    *index = NULL;
}

uint8_t *index_room(code_index *index)
{
    return index->records;
}

static uint64_t hash_of(const code_index *index, cmp_str ici)
{
    return XXH3_64bits_withSeed(ici.at, ici.size, index->seed);
}

/* ---- the table ---- */

/* The hash as a fraction of all lines: no division, and their number need not be a power of two. */
static size_t line_of(const code_index *index, uint64_t hash)
{
    return (size_t)(((unsigned __int128)hash * index->line_count) >> 64);
}

static size_t line_after(const code_index *index, size_t at)
{
    return at + 1 < index->line_count ? at + 1 : 0;
}

/* The upper bits of the hash choose the line, these lower ones are the tag. */
static uint16_t tag_of(uint64_t hash)
{
    return (uint16_t)hash | 1; /* not TAG_FREE */
}

/* The slot that the lowest bit stands for. */
static unsigned slot_of(unsigned bits)
{
    return (unsigned)__builtin_ctz(bits) / 2;
}

static void slot_fill(line *l, unsigned slot, uint64_t hash, uint64_t offset)
{
    l->tags[slot] = tag_of(hash);
    l->offset_low[slot] = (uint32_t)offset;
    l->offset_high[slot] = (uint16_t)(offset >> 32);
}

static const uint8_t *record_of(const code_index *index, const line *l, unsigned slot)
{
    return index->records + ((uint64_t)l->offset_high[slot] << 32 | l->offset_low[slot]);
}

typedef struct place {
    const uint8_t *record; /* NULL: the ICI is not there */
    line *free_line;       /* then, the first one with a free slot */
} place;

/* There is always an end: of all slots no more than LOAD_PERCENT are taken. */
static place find(const code_index *index, uint64_t hash, cmp_str ici)
{
    for (size_t at = line_of(index, hash);; at = line_after(index, at)) {
        line *l = &index->lines[at];
        for (unsigned tagged = tags_equal(l->tags, tag_of(hash)); tagged != 0;
             tagged &= tagged - 1) {
            const uint8_t *record = record_of(index, l, slot_of(tagged));
            if (packed_is(record, ici)) {
                return (place){record, NULL};
            }
        }
        if (tags_equal(l->tags, TAG_FREE) != 0) {
            return (place){NULL, l};
        }
    }
}

/* Nearly always the first line decides, and the first slot with the tag. The less is done and
 * stored for that, the sooner the next look-up's miss begins while this one's is waited for. */
const uint8_t *index_find(const code_index *index, cmp_str ici)
{
    const uint64_t hash = hash_of(index, ici);
    const line *l = &index->lines[line_of(index, hash)];
    const unsigned tagged = tags_equal(l->tags, tag_of(hash));
    if (tagged != 0) {
        const uint8_t *record = record_of(index, l, slot_of(tagged));
        if (packed_is(record, ici)) {
            return record;
        }
    } else if (tags_equal(l->tags, TAG_FREE) != 0) {
        return NULL;
    }
    return find(index, hash, ici).record;
}

void index_prefetch(const code_index *index, cmp_str ici)
{
    __builtin_prefetch(&index->lines[line_of(index, hash_of(index, ici))]);
}

/* ---- building ---- */

/* A record on its way into the table. */
typedef struct entry {
    uint64_t hash;
    cmp_str ici;
    uint64_t offset;
} entry;

/* How many records lie before that offset. A walk along all of them, for an error only. */
static size_t ordinal_of(const code_index *index, uint64_t offset)
{
    size_t ordinal = 0;
    for (const uint8_t *at = index->records; at < index->records + offset; at = packed_end(at)) {
        ordinal++;
    }
    return ordinal;
}

/* False when the ICI is there already; *twin is the other record's offset then. */
static bool enter(code_index *index, const entry *e, uint64_t *twin)
{
    const place to = find(index, e->hash, e->ici);
    if (to.record != NULL) {
        *twin = index_offset(index, to.record);
        return false;
    }
    const unsigned slot = slot_of(tags_equal(to.free_line->tags, TAG_FREE));
    slot_fill(to.free_line, slot, e->hash, e->offset);
    return true;
}

/* Each record is entered BUILD_AHEAD rounds after its line was asked for: otherwise every one of
 * them would wait for memory. */
static bool enter_all(code_index *index, index_twins *twins)
{
    entry ahead[BUILD_AHEAD];
    const uint8_t *next = index->records;
    for (size_t i = 0; i < index->count + BUILD_AHEAD; i++) {
        entry *e = &ahead[i % BUILD_AHEAD];
        uint64_t twin;
        if (i >= BUILD_AHEAD && i - BUILD_AHEAD < index->count && !enter(index, e, &twin)) {
            *twins = (index_twins){e->ici, ordinal_of(index, twin), i - BUILD_AHEAD};
            return false;
        }
        if (i < index->count) {
            e->offset = index_offset(index, next);
            e->ici = packed_ici(next);
            e->hash = hash_of(index, e->ici);
            next = packed_end(next);
            __builtin_prefetch(&index->lines[line_of(index, e->hash)], 1);
        }
    }
    return true;
}

/* Gives back what was not needed of the room. */
static void trim(code_index *index)
{
    const size_t size = index->used > 0 ? index->used : 1;
    void *at = mremap(index->records, index->room, size, 0); /* shrinks in place */
    if (at != MAP_FAILED) {
        index->room = size;
    }
}

index_result index_build(code_index *index, size_t count, size_t used, index_twins *twins)
{
    const size_t line_codes = LINE_SLOTS * LOAD_PERCENT; /* hundredths of a line's codes */
    index->count = count;
    index->used = used;
    /* Before the table is made: at no time are both the whole room and the table there. */
    trim(index);
    /* One line even for no codes, so that a search has where to end. */
    index->line_count = (count * 100 + line_codes - 1) / line_codes + (count == 0);
    index->lines = map(lines_size(index));
    if (index->lines == NULL) {
        return INDEX_NO_MEMORY;
    }
    return enter_all(index, twins) ? INDEX_BUILT : INDEX_DUPLICATE;
}

size_t index_count(const code_index *index)
{
    return index->count;
}

const uint8_t *index_at(const code_index *index, uint64_t offset)
{
    return index->records + offset;
}

uint64_t index_offset(const code_index *index, const uint8_t *record)
{
    return (uint64_t)(record - index->records);
}

uint64_t index_end(const code_index *index)
{
    return index->used;
}

size_t index_octets(const code_index *index)
{
    return index->used + lines_size(index) + sizeof(*index);
}
