/* SPDX-License-Identifier: Apache-2.0 */
/* Files that an operator may replace at any time: read whole, with an error that names the line.
 *
 * A file is read and not mapped into memory, because somebody may cut it short meanwhile. */
#pragma once

#include <cmp/host.h>

__BEGIN_DECLS

/* Tells one state of a file from another. All zero: there is no file. */
typedef struct kit_file_mark {
    uint64_t device, inode, size;
    int64_t modified_s, modified_ns; /* which whoever writes it can set as he likes */
    int64_t changed_s, changed_ns;   /* ctime, which nobody can */
} kit_file_mark;

/* The file's mark as it is now; zeros when it cannot be looked at, with errno. Any thread. */
kit_file_mark kit_file_mark_of(const char *path);

/* Whether nothing shows that the file has changed in between. Any thread. */
bool kit_file_mark_equal(const kit_file_mark *a, const kit_file_mark *b);

/* Room for a path of Linux's longest, 4096 octets, and for what is wrong with it. */
#define KIT_FILE_ERROR_SIZE (4096 + 640)

/* One reading of a file. One thread at a time, unless said otherwise. */
typedef struct kit_file {
    const char *path;   /* the caller's, as long as this; NULL: there is no file */
    int fd;             /* for the reader; -1 without a path */
    bool opened;        /* it could be opened; it stays true */
    kit_file_mark mark; /* as it was when it was opened; else zeros */
    const char *option; /* static: the option at fault in a report; NULL: the section */
    char error[KIT_FILE_ERROR_SIZE]; /* "path:line: what"; empty when all is good */
} kit_file;

typedef enum kit_file_result {
    KIT_FILE_GOOD,
    KIT_FILE_BAD,     /* `error` says where and what */
    KIT_FILE_CHANGED, /* it changed while it was read, so half of it may be old: read it again */
} kit_file_result;

/* Reads from f->fd, from its beginning and at most f->mark.size octets. False after an error was
 * filled in. Without a path it is called all the same, for what else there is to read. */
typedef bool (*kit_file_reader)(kit_file *f, void *arg);

/* Opens the file at `path`, which has to be a regular one, calls `read` and closes it. `option`
 * names the option that has the path. Unless it is GOOD what `read` has made of it is worthless,
 * and `error` is filled in. Blocks; any thread. */
kit_file_result kit_file_read(kit_file *f, const char *path, const char *option,
                              kit_file_reader read, void *arg);

/* For readers. Fills in the error, unless there is one already: the first counts. `line` counts
 * from 1; 0: of no line. Returns false. */
bool kit_file_fail(kit_file *f, uint64_t line, const char *format, ...) CMP_PRINTF(3, 4);

__END_DECLS
