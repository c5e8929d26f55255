/* SPDX-License-Identifier: Apache-2.0 */
/* A file that a long command fills: replaced when the last record is in it and not before, with
 * progress, and a line that says what was written. */
#pragma once

#include "ctl/newfile.h"
#include "ctl/progress.h"

typedef struct export
{
    FILE *to;
    const char *path;
    newfile *file;
    bool quiet;
    uint64_t count; /* of what was written, kept by whoever writes */
    progress progress;
}
export;

/* Opens `path` (NULL or "-": stdout), which outlives it, for so many `what` ("codes", static). With
 * `quiet` nothing is said but errors. False after a message. */
CMP_MUST_USE bool export_begin(export *e, const char *path, const char *what, bool quiet);

/* Puts the file in its place and says so, or leaves the old one when what it is of was not good, of
 * which a message was written. Returns the exit status. */
CMP_MUST_USE int export_end(export *e, bool good);
