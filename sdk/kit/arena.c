/* SPDX-License-Identifier: Apache-2.0 */
/* Bump allocation in blocks; what a transaction or a configuration allocates it never frees alone.
 */
#include <cmp-kit/arena.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define BLOCK_SIZE ((size_t)8192)

struct kit_arena_block {
    kit_arena_block *older;
    max_align_t memory[];
};

static size_t align_up(size_t size)
{
    const size_t unit = _Alignof(max_align_t);
    return (size + unit - 1) & ~(unit - 1);
}

void kit_arena_init(kit_arena *a, void *first, size_t first_size)
{
    *a = (kit_arena){.next = first,
                     .end = first != NULL ? (char *)first + first_size : NULL,
                     .first = first,
                     .first_size = first_size};
}

void kit_arena_reset(kit_arena *a)
{
    while (a->blocks != NULL) {
        kit_arena_block *older = a->blocks->older;
        free(a->blocks);
        a->blocks = older;
    }
    kit_arena_init(a, a->first, a->first_size);
}

void *kit_arena_alloc(kit_arena *a, size_t size)
{
    size = align_up(size != 0 ? size : 1);
    if (size > (size_t)(a->end - a->next)) {
        /* What is left of the block before is given up: to look for room in it later would cost
         * every allocation more than that saves. */
        const size_t room = size > BLOCK_SIZE ? size : BLOCK_SIZE;
        kit_arena_block *block = kit_alloc(sizeof(*block) + room);
        block->older = a->blocks;
        a->blocks = block;
        a->next = (char *)block->memory;
        a->end = a->next + room;
    }
    void *at = a->next;
    a->next += size;
    return at;
}

void kit_arena_trim(kit_arena *a, void *at, size_t allocated, size_t size)
{
    if ((char *)at + align_up(allocated != 0 ? allocated : 1) == a->next) {
        a->next = (char *)at + align_up(size != 0 ? size : 1);
    }
}

void *kit_arena_take(void *arena, size_t size)
{
    return kit_arena_alloc(arena, size);
}

void *kit_arena_calloc(kit_arena *a, size_t count, size_t size)
{
    size_t total;
    if (__builtin_mul_overflow(count, size, &total)) {
        total = SIZE_MAX / 2; /* no malloc has that much, so it ends as any lack of memory does */
    }
    return memset(kit_arena_alloc(a, total), 0, total);
}

cmp_str kit_arena_copy(kit_arena *a, cmp_str text)
{
    if (text.at == NULL) {
        return CMP_NONE;
    }
    /* An empty text gets an address, too: without one it would be absent. */
    return (cmp_str){memcpy(kit_arena_alloc(a, text.size), text.at, text.size), text.size};
}

char *kit_arena_text(kit_arena *a, cmp_str text)
{
    if (text.at == NULL) {
        return NULL;
    }
    char *at = kit_arena_alloc(a, text.size + 1);
    memcpy(at, text.at, text.size);
    at[text.size] = '\0';
    return at;
}

char *kit_arena_printf(kit_arena *a, const char *format, ...)
{
    /* By way of malloc: how long the text is shows only when it is written. */
    va_list args;
    va_start(args, format);
    char *text = NULL;
    const int size = vasprintf(&text, format, args);
    va_end(args);
    kit_must(size >= 0 ? text : NULL);
    char *copy = kit_arena_text(a, (cmp_str){text, (size_t)size});
    free(text);
    return copy;
}
