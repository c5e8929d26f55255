/* SPDX-License-Identifier: Apache-2.0 */
/* A few files that are read together and may be replaced while what was read is in use: a
 * certificate and its key. Tells when they are to be read again. One thread at a time. */
#pragma once

#include <cmp-kit/file.h>

#define FILE_SET_MAX 3

typedef struct file_set {
    size_t count;
    char *paths[FILE_SET_MAX];
    kit_file_mark used[FILE_SET_MAX];    /* of what is in use */
    kit_file_mark seen[FILE_SET_MAX];    /* at the last look */
    kit_file_mark refused[FILE_SET_MAX]; /* of what could not be used, if anything could not */
    bool any_refused;
} file_set;

/* Marks found during one round of looks: many sets may have one file. Begins as zeros. */
#define FILE_GLANCE_MAX 8
typedef struct file_glance {
    const char *paths[FILE_GLANCE_MAX]; /* the sets' */
    kit_file_mark marks[FILE_GLANCE_MAX];
    size_t next;
} file_glance;

/* The files at these paths, which are copied (NULL ones are left out), as they are now: before they
 * are read, for what changes meanwhile is to be read again. */
void file_set_init(file_set *f, const char *const *paths, size_t count);
void file_set_dispose(file_set *f);

/* Whether what is there now is what is in use. */
bool file_set_is_current(const file_set *f);

/* Looks at them. True: they are others than those in use and than those refused, and have stood
 * still since the last look, for an editor may write them in several goes. They are to be read,
 * and one of the next two is to be called. */
bool file_set_changed(file_set *f, file_glance *round);

/* What was there at the last look is in use now. */
void file_set_used(file_set *f);

/* It cannot be used, and is not to be read again unless something changes. */
void file_set_refused(file_set *f);
