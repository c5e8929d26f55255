/* SPDX-License-Identifier: Apache-2.0 */
/* Compresses segments that have ended, in a process of its own with the lowest priority. */
#pragma once

#include "journal/folder.h"

#include <sys/types.h>

/* Puts the compressed file in the place of the one at `path`, a segment that has ended; one without
 * octets is removed. Blocks. False with errno: the old one is as it was (EWOULDBLOCK: somebody
 * writes to it). */
CMP_MUST_USE bool pack_file(const char *path);

/* Removes what is there when packing or erasing was interrupted: files that did not become whole,
 * and segments of which there is the compressed file as well. The caller holds FOLDER_REWRITE.
 * False with errno. */
CMP_MUST_USE bool pack_clean_up(int folder);

/* Compresses what is in the open file `from` into the file `name` of the folder, in place of what
 * is there, with the time of `from`. The caller holds FOLDER_REWRITE. False with errno: nothing has
 * changed. */
CMP_MUST_USE bool pack_into(int from, int folder, const char *name);

/* A child of ours that does that and nothing else: `program` is this very program, called with
 * PACK_OPTION and the path. -1 with errno. */
#define PACK_OPTION "--pack-segment"
pid_t pack_start(const char *program, const char *path);

/* For the child: gives way to everybody, and packs. Returns the exit status. */
int pack_run(const char *path);
