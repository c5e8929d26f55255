/* Reads a file of code records, one JSON object a line (SPEC 6), into an index. */
#pragma once

#include "index.h"

#include <cmp/host.h>
#include <limits.h>

/* Tells one state of a file from another. All zero: there is no file. */
typedef struct file_mark {
    uint64_t device, inode, size;
    int64_t modified_s, modified_ns;
} file_mark;

/* False, and a mark of zeros, when the file cannot be looked at; errno says why. */
bool file_mark_of(const char *path, file_mark *mark);

static inline bool file_mark_equal(const file_mark *a, const file_mark *b)
{
    return a->device == b->device && a->inode == b->inode && a->size == b->size &&
           a->modified_s == b->modified_s && a->modified_ns == b->modified_ns;
}

typedef enum load_result {
    LOAD_GOOD,
    LOAD_BAD,     /* `error` says where and what */
    LOAD_CHANGED, /* the file changed while it was read: look again */
} load_result;

#define LOAD_THREADS_MAX 16
#define LOAD_ERROR_SIZE  (PATH_MAX + 640)

typedef struct load {
    const cmp_host *host;
    const char *path;
    unsigned threads; /* 1 to LOAD_THREADS_MAX, that share the work when the file is large */

    bool opened;
    file_mark mark;              /* the file as it was read; zeros when it was not opened */
    code_index *index;           /* GOOD: the caller's now */
    char error[LOAD_ERROR_SIZE]; /* BAD: `path:line: what` */
} load;

/* Reads the whole file. Any thread; the calling one does a part of the work. */
load_result load_codes(load *l);
