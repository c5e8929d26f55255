/* ICI storage plugins: what an ICI stands for. */
#pragma once

#include <cmp/record.h>

typedef enum cmp_store_verdict {
    CMP_STORE_PENDING,     /* the answer comes later, through cmp_store_complete */
    CMP_STORE_FOUND,       /* *record is filled */
    CMP_STORE_ABSENT,      /* this store does not know the ICI */
    CMP_STORE_UNAVAILABLE, /* cannot tell now; never the same as absent */
} cmp_store_verdict;

/* See cmp_auth_ops for `instance`, `worker` and threads. */
typedef struct cmp_store_ops {
    size_t size; /* of this struct, as the plugin was compiled */

    /* Looks `ici` up, octet by octet. *record comes initialised as CMP_RECORD_INIT; who owns what
     * it points to is said at cmp_record. `ici` is valid until completion. */
    cmp_store_verdict (*lookup)(void *instance, void *worker, cmp_txn *txn, cmp_str ici, cmp_op *op,
                                cmp_record *record);

    /* The pending operation is no longer wanted. The completion must still come, exactly once. NULL
     * in a plugin that never answers PENDING. */
    void (*cancel)(void *instance, void *worker, cmp_op *op);

    /* The loop has run all that was ready in this turn: the moment to send a batch of the look-ups
     * that are pending. Called only after turns in which lookup answered PENDING. May be NULL. */
    void (*turn_end)(void *instance, void *worker);
} cmp_store_ops;
