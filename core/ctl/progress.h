/* SPDX-License-Identifier: Apache-2.0 */
/* How far a long command has come: a bar on a terminal, a line now and then elsewhere. To stderr.
 */
#pragma once

#include <cmp/base.h>

typedef struct progress {
    const char *what; /* "codes", unless it is set after progress_begin; static */
    const char *verb; /* "imported"; static */
    uint64_t total;   /* of whatever `done` counts; 0: nobody knows */
    bool quiet, bar;
    bool shown; /* the bar's line is not empty */
    int64_t begin_ms, next_ms;
} progress;

void progress_begin(progress *p, const char *verb, uint64_t total, bool quiet);

/* `done` of the total, which made `count` of them. Cheap: call it often. */
void progress_update(progress *p, uint64_t done, uint64_t count);

/* Takes the bar away, before anything else is written. */
void progress_clear(progress *p);

/* "1000 codes imported in 1.2 s (833/s)", for the line that ends a command. */
#define PROGRESS_TEXT_SIZE 96
void progress_summary(const progress *p, uint64_t count, char text[PROGRESS_TEXT_SIZE]);
