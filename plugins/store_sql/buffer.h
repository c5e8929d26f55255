/* SPDX-License-Identifier: Apache-2.0 */
/* A string that grows. */
#pragma once

#include <cmp-kit/memory.h>

#include <stdio.h>
#include <stdlib.h>

typedef struct buffer {
    char *at;
    size_t size, room;
} buffer;

static inline char *buffer_room(buffer *b, size_t more)
{
    if (b->room - b->size < more) {
        b->room = (b->size + more) * 2;
        b->at = (char *)kit_realloc(b->at, b->room);
    }
    return b->at + b->size;
}

static inline void buffer_add(buffer *b, const char *at, size_t size)
{
    char *to = buffer_room(b, size + 1);
    memcpy(to, at, size);
    to[size] = '\0'; /* so that it is a C string, too */
    b->size += size;
}
