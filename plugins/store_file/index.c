/* The index that a look-up searches. A look-up misses the cache twice: once for a line of the
 * table, once for the record, which begins with its ICI.
 *
 * A line of the table has 8 slots in 64 octets. A slot holds the offset of a record and a tag, 16
 * bits of the hash of its ICI, so hardly ever a wrong record is looked at. The hash also chooses
 * the line; a code takes its first free slot, or one in the lines after it when it is full.
 *
 * All tags of a line are compared at once. No branch depends on where in its line a code is, so the
 * processor guesses right, and goes on to the next miss while it waits for one. */
#include "index.h"

#include <stdlib.h>
#include <sys/mman.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#define LINE_SLOTS      8
#define LOAD_PERCENT    65
#define OFFSET_MAX      ((UINT64_C(1) << 48) - 1)
#define EACH_OCTET      UINT64_C(0x0101010101010101)
#define HUGE_PAGES_FROM ((size_t)4 << 20)
#define BUILD_AHEAD     16 /* records whose table lines are fetched while others are entered */

typedef struct line {
    uint64_t tags_low, tags_high; /* slot i's is octet i of each; the lower is 0: free */
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

/* Zeroed memory that costs nothing until it is touched. */
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

static size_t line_of(const code_index *index, uint64_t hash)
{
    return (size_t)(((unsigned __int128)hash * index->line_count) >> 64);
}

static size_t line_after(const code_index *index, size_t at)
{
    return at + 1 < index->line_count ? at + 1 : 0;
}

/* The upper bits of the hash choose the line, these two octets are the tag. */
static uint64_t tag_low(uint64_t hash)
{
    const uint64_t octet = hash & 0xFF;
    return octet + (octet == 0); /* 0 is for free slots */
}

static uint64_t tag_high(uint64_t hash)
{
    return hash >> 8 & 0xFF;
}

/* The highest bit of each octet that is 0; above one that is, also of some that are not. */
static uint64_t zero_octets(uint64_t word)
{
    return (word - EACH_OCTET) & ~word & EACH_OCTET << 7;
}

/* The slot that the lowest bit stands for. */
static unsigned slot_of(uint64_t bits)
{
    return (unsigned)__builtin_ctzll(bits) / 8;
}

static uint64_t slots_free(const line *l)
{
    return zero_octets(l->tags_low);
}

/* Those with that tag, and hardly ever some that have not. */
static uint64_t slots_tagged(const line *l, uint64_t hash)
{
    return zero_octets((l->tags_low ^ EACH_OCTET * tag_low(hash)) |
                       (l->tags_high ^ EACH_OCTET * tag_high(hash)));
}

static uint64_t slot_offset(const line *l, unsigned slot)
{
    return (uint64_t)l->offset_high[slot] << 32 | l->offset_low[slot];
}

static void slot_fill(line *l, unsigned slot, uint64_t hash, uint64_t offset)
{
    l->tags_low |= tag_low(hash) << (8 * slot);
    l->tags_high |= tag_high(hash) << (8 * slot);
    l->offset_low[slot] = (uint32_t)offset;
    l->offset_high[slot] = (uint16_t)(offset >> 32);
}

/* The record with that ICI; NULL: none, and *free_line is the first one with a free slot. */
static const uint8_t *find(const code_index *index, uint64_t hash, cmp_str ici, line **free_line)
{
    for (size_t at = line_of(index, hash);; at = line_after(index, at)) {
        line *l = &index->lines[at];
        for (uint64_t tagged = slots_tagged(l, hash); tagged != 0; tagged &= tagged - 1) {
            const uint8_t *record = index->records + slot_offset(l, slot_of(tagged));
            if (packed_is(record, ici)) {
                return record;
            }
        }
        if (slots_free(l) != 0) {
            *free_line = l;
            return NULL;
        }
    }
}

/* Flat: with fewer instructions in the way, the next look-up's miss begins while this one waits. */
__attribute__((flatten)) const uint8_t *index_find(const code_index *index, cmp_str ici)
{
    line *free_line;
    return find(index, hash_of(index, ici), ici, &free_line);
}

/* ---- building ---- */

/* A record on its way into the table. */
typedef struct entry {
    uint64_t hash;
    cmp_str ici;
    uint64_t offset;
} entry;

/* How many records lie before that offset. */
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
    line *to;
    const uint8_t *other = find(index, e->hash, e->ici, &to);
    if (other != NULL) {
        *twin = index_offset(index, other);
        return false;
    }
    slot_fill(to, slot_of(slots_free(to)), e->hash, e->offset);
    return true;
}

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
    trim(index);
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
