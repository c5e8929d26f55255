/* The index that a look-up searches. A look-up misses the cache twice: once for a line of the
 * table, once for the record, whose ICI and head lie together.
 *
 * The table has lines of 8 slots (64 octets). An ICI's hash chooses a line; its slot is the first
 * free one from the line's beginning, in the next lines when that is full. A slot holds the offset
 * of the record and 24 bits of the hash, so hardly ever a wrong record is looked at. */
#include "index.h"

#include <stdlib.h>
#include <sys/mman.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#define LINE_SLOTS      8
#define LOAD_PERCENT    80
#define OFFSET_BITS     40
#define OFFSET_MASK     ((UINT64_C(1) << OFFSET_BITS) - 1)
#define HUGE_PAGES_FROM ((size_t)4 << 20)
#define BUILD_AHEAD     16 /* records whose table lines are fetched while others are entered */

struct code_index {
    uint64_t *slots; /* 0: free; else hash bits above, offset + 1 below */
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
    if (room > OFFSET_MASK) {
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

static size_t slots_size(const code_index *index)
{
    return index->line_count * LINE_SLOTS * sizeof(uint64_t);
}

void index_destroy(code_index **index)
{
    code_index *i = *index;
    if (i == NULL) {
        return;
    }
    munmap(i->records, i->room);
    if (i->slots != NULL) {
        munmap(i->slots, slots_size(i));
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

/* The upper bits choose the line, the lower ones are kept in the slot. */
static uint64_t *line_of(const code_index *index, uint64_t hash)
{
    const uint64_t line = (uint64_t)(((unsigned __int128)hash * index->line_count) >> 64);
    return index->slots + line * LINE_SLOTS;
}

/* The slot of `ici`, or the free one where it would go. Filled slots are followed to *p. */
static uint64_t *slot_find(const code_index *index, uint64_t hash, cmp_str ici, packed *p)
{
    const uint64_t *end = index->slots + index->line_count * LINE_SLOTS;
    uint64_t *slot = line_of(index, hash);
    for (; *slot != 0; slot = slot + 1 < end ? slot + 1 : index->slots) {
        if ((*slot >> OFFSET_BITS) != (hash & (UINT64_MAX >> OFFSET_BITS))) {
            continue;
        }
        packed_read(index->records + (*slot & OFFSET_MASK) - 1, p);
        if (cmp_str_equal(p->ici, ici)) {
            break;
        }
    }
    return slot;
}

bool index_find(const code_index *index, cmp_str ici, packed *p)
{
    return *slot_find(index, hash_of(index, ici), ici, p) != 0;
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
    packed p = {.end = index->records};
    size_t ordinal = 0;
    for (; p.end < index->records + offset; ordinal++) {
        packed_read(p.end, &p);
    }
    return ordinal;
}

/* False when the ICI is there already; *twin is the other record's offset then. */
static bool enter(code_index *index, const entry *e, uint64_t *twin)
{
    packed other;
    uint64_t *slot = slot_find(index, e->hash, e->ici, &other);
    if (*slot != 0) {
        *twin = (*slot & OFFSET_MASK) - 1;
        return false;
    }
    *slot = e->hash << OFFSET_BITS | (e->offset + 1);
    return true;
}

static bool enter_all(code_index *index, index_twins *twins)
{
    entry ahead[BUILD_AHEAD];
    packed p = {.end = index->records};
    for (size_t i = 0; i < index->count + BUILD_AHEAD; i++) {
        entry *e = &ahead[i % BUILD_AHEAD];
        uint64_t twin;
        if (i >= BUILD_AHEAD && i - BUILD_AHEAD < index->count && !enter(index, e, &twin)) {
            *twins = (index_twins){e->ici, ordinal_of(index, twin), i - BUILD_AHEAD};
            return false;
        }
        if (i < index->count) {
            e->offset = (uint64_t)(p.end - index->records);
            packed_read(p.end, &p);
            e->ici = p.ici;
            e->hash = hash_of(index, p.ici);
            __builtin_prefetch(line_of(index, e->hash), 1);
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
    index->slots = map(slots_size(index));
    if (index->slots == NULL) {
        return INDEX_NO_MEMORY;
    }
    return enter_all(index, twins) ? INDEX_BUILT : INDEX_DUPLICATE;
}

size_t index_count(const code_index *index)
{
    return index->count;
}

void index_read(const code_index *index, uint64_t offset, packed *p)
{
    packed_read(index->records + offset, p);
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
    return index->used + slots_size(index) + sizeof(*index);
}
