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
    uint64_t refused_ms; /* when that was: clock_monotonic_ms */
} file_set;

/* What could not be used is read again after so long, though it has not changed: for want of memory
 * or descriptors, or of a right that the file's state does not show, it may not have been read. */
#define FILE_AGAIN_MS 60000

/* One file's state that could not be used. Begins as zeros. */
typedef struct file_refusal {
    bool any;
    kit_file_mark mark;
    uint64_t since_ms;
} file_refusal;

void file_refuse(file_refusal *r, const kit_file_mark *mark);

/* Whether the file in this state was refused before: what is wrong with it has been said. */
bool file_was_refused(const file_refusal *r, const kit_file_mark *mark);

/* Whether that was more than FILE_AGAIN_MS ago. */
bool file_is_due_again(const file_refusal *r);

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

/* Looks at them. True: they are others than those in use and than those that were refused within
 * the last FILE_AGAIN_MS, and have stood still since the last look, for an editor may write them in
 * several goes. They are to be read, and file_set_used or file_set_refused is to be called. */
bool file_set_changed(file_set *f, file_glance *round);

/* Whether what was there at the last look was refused before: what is wrong with it has been said.
 */
bool file_set_was_refused(const file_set *f);

/* What was there at the last look is in use now. */
void file_set_used(file_set *f);

/* It cannot be used now. */
void file_set_refused(file_set *f);
