/* SPDX-License-Identifier: Apache-2.0 */
/* What a configuration says, in parts that have names: to tell an operator what another one
 * changes. */
#pragma once

#include "base/likeness.h"
#include "pipeline/generation.h"

/* A setting ("resolve.deadline"), or a listener, a peer or a plugin's instance ("peers.b"). */
typedef struct outline_part {
    const char *path;
    likeness likeness;
    bool carried; /* one of those three: it is carried over when it has not changed */
} outline_part;

/* By path. */
typedef struct outline {
    outline_part *parts;
    size_t count;
} outline;

/* Of a generation that was built; of its instances it says which they are. Lies in its memory, as
 * do the paths. */
outline *outline_make(generation *g);

typedef enum outline_change {
    OUTLINE_ADDED,
    OUTLINE_CHANGED,
    OUTLINE_REMOVED,
    OUTLINE_SAME,
} outline_change;

/* Visits all parts of both, each once, by path. */
void outline_compare(const outline *before, const outline *after,
                     void (*visit)(const outline_part *part, outline_change change, void *arg),
                     void *arg);

/* The part at a path, or NULL. */
const outline_part *outline_find(const outline *o, const char *path);
