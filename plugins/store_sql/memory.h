/* Small memory: when there is none, the process ends. */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static inline void *memory_must(void *at)
{
    if (at == NULL) {
        fputs("store_sql: out of memory\n", stderr);
        abort();
    }
    return at;
}

/* A string that grows. */
typedef struct text {
    char *at;
    size_t size, room;
} text;

static inline char *text_room(text *t, size_t more)
{
    if (t->room - t->size < more) {
        t->room = (t->size + more) * 2;
        t->at = (char *)memory_must(realloc(t->at, t->room));
    }
    return t->at + t->size;
}

static inline void text_add(text *t, const char *at, size_t size)
{
    char *to = text_room(t, size + 1);
    memcpy(to, at, size);
    to[size] = '\0'; /* so that it is a C string, too */
    t->size += size;
}
