/* SPDX-License-Identifier: Apache-2.0 */
/* All codes of one file: packed records in one run of memory, and a hash table of where they begin.
 * Immutable once built, so any thread may search it. */
#pragma once

#include "packing.h"

typedef struct code_index code_index;

/* An index that is still empty, with room for `room` octets of packed records. `seed` keys its
 * hash, so that nobody outside can aim at one place of the table. NULL: there is not that much
 * memory. */
code_index *index_create(size_t room, uint64_t seed);

/* NULL is fine. */
void index_destroy(code_index **index);

/* The room for packed records. */
uint8_t *index_room(code_index *index);

typedef enum index_result {
    INDEX_BUILT,
    INDEX_DUPLICATE, /* two records have one ICI */
    INDEX_NO_MEMORY,
} index_result;

typedef struct index_twins {
    cmp_str ici;          /* valid as long as the index */
    size_t first, second; /* which records, counted from 0 */
} index_twins;

/* Makes the `count` records findable that lie, one after the other, in the first `used` octets of
 * the room, and gives the rest of it back. *twins is filled for INDEX_DUPLICATE. */
index_result index_build(code_index *index, size_t count, size_t used, index_twins *twins);

/* The packed record of `ici`; NULL: there is none. Valid as long as the index. */
const uint8_t *index_find(const code_index *index, cmp_str ici);

/* Fetches the part of the table where `ici` would be, for index_find to come. */
void index_prefetch(const code_index *index, cmp_str ici);

size_t index_count(const code_index *index);

/* The packed record at an offset; offsets go from 0 to index_end, each record's to the next one's.
 */
const uint8_t *index_at(const code_index *index, uint64_t offset);
uint64_t index_offset(const code_index *index, const uint8_t *record);
uint64_t index_end(const code_index *index);

/* Octets of memory: packed records and table. */
size_t index_octets(const code_index *index);
