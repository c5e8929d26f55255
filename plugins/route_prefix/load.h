/* Builds the prefixes from the peers' entries and the table file. */
#pragma once

#include "prefixes.h"

#include <limits.h>

/* Tells one state of a file from another. All zero: there is no file. */
typedef struct file_mark {
    uint64_t device, inode, size;
    int64_t modified_s, modified_ns;
} file_mark;

/* A mark of zeros when the file cannot be looked at. */
file_mark file_mark_of(const char *path);

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

#define LOAD_ERROR_SIZE (PATH_MAX + 512)

typedef struct load {
    const cmp_host *host;
    const char *path; /* of the table file; NULL: none */
    bool need_hosts;  /* every peer that a prefix leads to must have a host */

    bool opened;
    file_mark mark;              /* the file as it was read; zeros when it was not opened */
    prefixes *prefixes;          /* GOOD: the caller's now */
    const char *option;          /* BAD: the option at fault, or NULL */
    char error[LOAD_ERROR_SIZE]; /* BAD: `path:line: what`, or what is wrong with a peer's entry */
} load;

/* All or nothing. Any thread. */
load_result load_prefixes(load *l);

/* Adds what went wrong, for a result that is not GOOD, to a report. */
void load_report(const load *l, load_result result, cmp_report *report);
