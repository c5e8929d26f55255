/* Small memory: when there is none, the process ends. */
#pragma once

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static inline void *memory_must(void *at)
{
    if (at == NULL) {
        fputs("store_remote: out of memory\n", stderr);
        abort();
    }
    return at;
}

/* Memory that is given back all at once. */
typedef struct memory_block memory_block;
struct memory_block {
    memory_block *next;
    max_align_t at[];
};

typedef struct memory {
    memory_block *blocks;
} memory;

static inline void *memory_alloc(void *m, size_t size)
{
    memory *owner = (memory *)m;
    memory_block *block = (memory_block *)memory_must(malloc(sizeof(*block) + size));
    block->next = owner->blocks;
    owner->blocks = block;
    return block->at;
}

static inline void memory_free(memory *m)
{
    while (m->blocks != NULL) {
        memory_block *block = m->blocks;
        m->blocks = block->next;
        free(block);
    }
}
