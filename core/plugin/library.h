/* SPDX-License-Identifier: Apache-2.0 */
/* One shared library, opened so that nothing is left to chance: whose file it is, that all its
 * symbols are there, and, the first time, that opening it does no harm. */
#pragma once

#include "plugin/descriptor.h"

/* Whose files are loaded. */
typedef enum library_trust {
    LIBRARY_GUARDED, /* root's or our own, in a folder of the same, written by nobody else */
    LIBRARY_ANY,     /* any; for development */
} library_trust;

typedef struct library library;

/* Opens `path` and reads its descriptor; `name` and `services` as at descriptor_read. NULL with
 * *error filled: the file, and the one thing that is wrong. Control thread. */
library *library_open(const char *path, const char *name, uint32_t services, library_trust trust,
                      char *error, size_t error_size);

/* Whether the file, unopened, is one that library_open would open. False with *error filled. */
bool library_file_good(const char *path, library_trust trust, char *error, size_t error_size);

/* No instance may be left. */
void library_close(library **lib);

/* Valid until library_close. */
const cmp_plugin *library_plugin(const library *lib);

/* The file's path when it is another one than was opened; else NULL. It is not opened again: a
 * library of the same name may or may not be the new code then. */
const char *library_changed(const library *lib);
