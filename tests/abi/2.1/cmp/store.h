/* SPDX-License-Identifier: Apache-2.0 */
/* ICI storage plugins: what an ICI stands for. */
#pragma once

#include <cmp/record.h>

typedef enum cmp_store_verdict {
    CMP_STORE_PENDING,     /* the answer comes later, through cmp_store_complete */
    CMP_STORE_FOUND,       /* *record is filled */
    CMP_STORE_ABSENT,      /* this store does not know the ICI */
    CMP_STORE_UNAVAILABLE, /* cannot tell now; never the same as absent */
} cmp_store_verdict;

/* Gets one record of a scan, on the thread that scans; `ici`, `record` and what it points to are
 * valid during the call. False ends the scan, which is no failure of it. */
typedef bool (*cmp_store_visit)(cmp_str ici, const cmp_record *record, void *arg);

/* See cmp_auth_ops for `instance`, `worker` and threads. */
typedef struct cmp_store_ops {
    size_t size; /* of this struct, as the plugin was compiled */

    /* Looks `ici` up, octet by octet. *record comes initialised as CMP_RECORD_INIT; who owns what
     * it points to is said at cmp_record. `ici` is valid until the operation's end. */
    CMP_MUST_USE cmp_store_verdict (*lookup)(void *instance, void *worker, cmp_str ici, cmp_op op,
                                             cmp_record *record);

    /* As cmp_auth_ops.cancel. */
    void (*cancel)(void *instance, void *worker, cmp_op op, void *data);

    /* A hint: `ici` may be looked up soon, by a request that may turn out to be anybody's: it is
     * not authenticated yet. The place to fetch memory into the processor's cache, so that lookup
     * need not wait for it; nothing else is read, written, counted or asked, and nothing is kept.
     * Not called for every look-up, and not followed by one each time. NULL: of no use here, as in
     * every plugin that blocks. */
    void (*prefetch)(void *instance, void *worker, cmp_str ici);

    /* The loop has run all that was ready in this turn: the moment to send a batch of the look-ups
     * that are pending. Called only after turns in which lookup answered PENDING. May be NULL. */
    void (*turn_end)(void *instance, void *worker);

    /* ---- the rest is optional, and may block. Called on any thread but a worker's; one write is
     * used by one thread at a time. `error` is filled when the result is NULL or false. ---- */

    /* Visits all records, in an order in which it can go on: those whose ICI comes after `after` in
     * that order (absent: from the start). Records that are put meanwhile may be seen or not. NULL
     * in a store that cannot list what it has. */
    CMP_MUST_USE bool (*scan)(void *instance, cmp_str after, cmp_store_visit visit, void *arg,
                              char *error, size_t error_size);

    /* Begins a write: what is put and removed becomes visible at commit, all together, or never.
     * What is returned is the store's, until commit or abort. NULL (and the four below as well) in
     * a store that is only read. */
    CMP_MUST_USE void *(*begin)(void *instance, char *error, size_t error_size);

    /* Adds or replaces a record; it and `ici` are valid during the call, so what the store keeps it
     * copies. After a false the write can only be aborted. */
    CMP_MUST_USE bool (*put)(void *instance, void *write, cmp_str ici, const cmp_record *record,
                             char *error, size_t error_size);

    /* Removes a record; *existed says whether there was one (always true when the store learns it
     * only at commit). */
    CMP_MUST_USE bool (*remove)(void *instance, void *write, cmp_str ici, bool *existed,
                                char *error, size_t error_size);

    /* Both end the write. After a false from commit nothing was changed. */
    CMP_MUST_USE bool (*commit)(void *instance, void *write, char *error, size_t error_size);
    void (*abort)(void *instance, void *write);
} cmp_store_ops;
