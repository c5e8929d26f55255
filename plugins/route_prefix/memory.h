/* Memory that must be there: when there is none, the process ends. */
#pragma once

#include <stdio.h>
#include <stdlib.h>

static inline void *memory_must(void *at)
{
    if (at == NULL) {
        fputs("route_prefix: out of memory\n", stderr);
        abort();
    }
    return at;
}
