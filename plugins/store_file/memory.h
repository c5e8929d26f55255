/* Small memory: when there is none, the process ends. (The index, which may be large, is refused
 * instead, and the old one kept.) */
#pragma once

#include <stdio.h>
#include <stdlib.h>

static inline void *memory_must(void *at)
{
    if (at == NULL) {
        fputs("store_file: out of memory\n", stderr);
        abort();
    }
    return at;
}
