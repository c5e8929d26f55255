/* Memory that is given back all at once: a transaction's, a configuration's. Not thread-safe. */
#pragma once

#include <cmp/base.h>

typedef struct arena_block arena_block;

typedef struct arena {
    char *next, *end;    /* the free part of the current block */
    arena_block *blocks; /* blocks taken from malloc, newest first */
    char *first;         /* the caller's own first block; may be NULL */
    size_t first_size;
} arena;

/* Starts an arena. `first` is used before malloc is, stays the caller's, and must be aligned to
 * max_align_t; NULL and 0 for none. */
void arena_init(arena *a, void *first, size_t first_size);

/* Gives all memory back; the arena can be used again, with its first block. */
void arena_reset(arena *a);

/* Memory for `size` octets, aligned for any type, not zeroed; lives until arena_reset. Never NULL:
 * the process ends when memory does. */
void *arena_alloc(arena *a, size_t size) __attribute__((malloc, alloc_size(2), returns_nonnull));
void *arena_calloc(arena *a, size_t count, size_t size) __attribute__((returns_nonnull));

/* Copies; arena_text NUL-terminates. An absent string stays absent (NULL in arena_text). */
cmp_str arena_copy(arena *a, cmp_str text);
char *arena_text(arena *a, cmp_str text);
char *arena_printf(arena *a, const char *format, ...) CMP_PRINTF(2, 3);

/* malloc, calloc, realloc that end the process when memory does. */
void *mem_alloc(size_t size) __attribute__((malloc, returns_nonnull));
void *mem_calloc(size_t count, size_t size) __attribute__((malloc, returns_nonnull));
void *mem_realloc(void *at, size_t size) __attribute__((returns_nonnull));
char *mem_text(const char *text) __attribute__((malloc, returns_nonnull));
