/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that is given back all at once: a transaction's, a configuration's, one record's.
 *
 * One thread at a time. When memory ends, the process does (cmp-kit/memory.h). */
#pragma once

#include <cmp-kit/memory.h>

__BEGIN_DECLS

typedef struct kit_arena_block kit_arena_block;

/* May lie in another struct; its fields are the arena's own. */
typedef struct kit_arena {
    char *next, *end;        /* the free part of the current block */
    kit_arena_block *blocks; /* blocks taken from malloc, newest first */
    char *first;             /* the caller's own first block; may be NULL */
    size_t first_size;
} kit_arena;

/* Starts an arena, without memory yet. `first` is used before malloc is, stays the caller's, must
 * live as long as the arena and be aligned to max_align_t; NULL and 0 for none. */
void kit_arena_init(kit_arena *a, void *first, size_t first_size);

/* Gives all memory back, at the latest before the arena itself goes. It can be used again, with its
 * first block. */
void kit_arena_reset(kit_arena *a);

/* Memory for `size` octets, aligned for any type, not zeroed; lives until kit_arena_reset. Never
 * NULL. */
void *kit_arena_alloc(kit_arena *a, size_t size)
    __attribute__((malloc, alloc_size(2), returns_nonnull));

/* The same, zeroed, for `count` things of that size. */
void *kit_arena_calloc(kit_arena *a, size_t count, size_t size) __attribute__((returns_nonnull));

/* kit_arena_alloc for those who want a function of an untyped argument, as cmp_host.record_parse
 * does: `arena` is a kit_arena. */
void *kit_arena_take(void *arena, size_t size) __attribute__((returns_nonnull));

/* Gives back all but the first `size` octets of `allocated` ones, when they are the latest
 * allocation; otherwise it does nothing. */
void kit_arena_trim(kit_arena *a, void *at, size_t allocated, size_t size);

/* Copies, which live until kit_arena_reset. kit_arena_text and kit_arena_printf end theirs with a
 * NUL. An absent string stays absent (NULL in kit_arena_text). */
cmp_str kit_arena_copy(kit_arena *a, cmp_str text);
char *kit_arena_text(kit_arena *a, cmp_str text);
char *kit_arena_printf(kit_arena *a, const char *format, ...) CMP_PRINTF(2, 3);

__END_DECLS
