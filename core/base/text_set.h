/* SPDX-License-Identifier: Apache-2.0 */
/* A list of texts out of the configuration, asked on a request's way whether one of them is there.
 */
#pragma once

#include <cmp-kit/arena.h>
#include <cmp/option.h>

typedef struct text_set {
    cmp_str *sorted;
    size_t count;
    bool all; /* "*" is one of them */
} text_set;

/* Borrows the texts, and allocates in `memory`. */
text_set text_set_make(const cmp_strings *texts, kit_arena *memory);

/* Whether the text is one of them, or all are. Any thread. */
bool text_set_has(const text_set *s, cmp_str text);
