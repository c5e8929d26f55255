/* SPDX-License-Identifier: Apache-2.0 */
/* A file that is written whole or not at all: readers see the old one or the new one. */
#pragma once

#include <cmp/base.h>
#include <stdio.h>

typedef struct newfile newfile;

/* "-" is stdout; it and what is no regular file (a pipe, a terminal) are written as they are. NULL
 * after a message. */
newfile *newfile_open(const char *path);

FILE *newfile_stream(const newfile *f);

/* Puts the new file in its place. False after a message: the old one stays. Ends f in any case. */
CMP_MUST_USE bool newfile_commit(newfile **f);

/* Leaves the old one. NULL is fine. */
void newfile_discard(newfile **f);
