/* Bump allocation in blocks; what a transaction or a configuration allocates it never frees alone.
 */
#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define BLOCK_SIZE ((size_t)8192)

struct arena_block {
    arena_block *older;
    max_align_t memory[];
};

static size_t align_up(size_t size)
{
    const size_t unit = _Alignof(max_align_t);
    return (size + unit - 1) & ~(unit - 1);
}

static void *must(void *at)
{
    if (at == NULL) {
        fputs("out of memory\n", stderr);
        abort();
    }
    return at;
}

void *mem_alloc(size_t size)
{
    return must(malloc(size != 0 ? size : 1));
}

void *mem_calloc(size_t count, size_t size)
{
    return must(calloc(count != 0 ? count : 1, size != 0 ? size : 1));
}

void *mem_realloc(void *at, size_t size)
{
    return must(realloc(at, size != 0 ? size : 1));
}

char *mem_text(const char *text)
{
    return must(strdup(text));
}

void arena_init(arena *a, void *first, size_t first_size)
{
    *a = (arena){.next = first,
                 .end = first != NULL ? (char *)first + first_size : NULL,
                 .first = first,
                 .first_size = first_size};
}

void arena_reset(arena *a)
{
    while (a->blocks != NULL) {
        arena_block *older = a->blocks->older;
        free(a->blocks);
        a->blocks = older;
    }
    arena_init(a, a->first, a->first_size);
}

void *arena_alloc(arena *a, size_t size)
{
    size = align_up(size != 0 ? size : 1);
    if (size > (size_t)(a->end - a->next)) {
        const size_t room = size > BLOCK_SIZE ? size : BLOCK_SIZE;
        arena_block *block = mem_alloc(sizeof(*block) + room);
        block->older = a->blocks;
        a->blocks = block;
        a->next = (char *)block->memory;
        a->end = a->next + room;
    }
    void *at = a->next;
    a->next += size;
    return at;
}

void *arena_calloc(arena *a, size_t count, size_t size)
{
    size_t total;
    if (__builtin_mul_overflow(count, size, &total)) {
        total = SIZE_MAX / 2;
    }
    return memset(arena_alloc(a, total), 0, total);
}

cmp_str arena_copy(arena *a, cmp_str text)
{
    if (text.at == NULL) {
        return CMP_NONE;
    }
    return (cmp_str){memcpy(arena_alloc(a, text.size), text.at, text.size), text.size};
}

char *arena_text(arena *a, cmp_str text)
{
    if (text.at == NULL) {
        return NULL;
    }
    char *at = arena_alloc(a, text.size + 1);
    memcpy(at, text.at, text.size);
    at[text.size] = '\0';
    return at;
}

char *arena_printf(arena *a, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *text = NULL;
    const int size = vasprintf(&text, format, args);
    va_end(args);
    must(size >= 0 ? text : NULL);
    char *copy = arena_text(a, (cmp_str){text, (size_t)size});
    free(text);
    return copy;
}
