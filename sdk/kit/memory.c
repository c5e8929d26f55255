/* SPDX-License-Identifier: Apache-2.0 */
/* Checked allocation; below everything else in the kit. */
#include <cmp-kit/memory.h>

#include <stdio.h>
#include <stdlib.h>

void *kit_must(void *at)
{
    if (at == NULL) {
        fputs("out of memory\n", stderr);
        abort();
    }
    return at;
}

/* A size of 0 is never handed on: NULL would be a good answer to it, and no lack of memory. */
void *kit_alloc(size_t size)
{
    return kit_must(malloc(size != 0 ? size : 1));
}

void *kit_calloc(size_t count, size_t size)
{
    return kit_must(calloc(count != 0 ? count : 1, size != 0 ? size : 1));
}

void *kit_realloc(void *at, size_t size)
{
    return kit_must(realloc(at, size != 0 ? size : 1));
}

char *kit_strdup(const char *text)
{
    return kit_must(strdup(text));
}
