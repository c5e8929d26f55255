/* SPDX-License-Identifier: Apache-2.0 */
/* The four things that plugins are asked for, one row each: the only place that knows their
 * vtables.
 *
 * All of them begin with PENDING, and may answer at once or later. */
#pragma once

#include "plugin/instance.h"

#include <cmp-kit/arena.h>

/* The first verdict of all operations. */
#define OPERATION_PENDING 0

/* What an operation is about. */
typedef union operation_subject {
    cmp_outgoing outgoing; /* sign */
    cmp_str ici;           /* look-up */
    struct {
        cmp_route_reason reason;
        cmp_str target;
    } route;
} operation_subject;

typedef union operation_answer {
    cmp_auth_answer auth;
    cmp_signature signature;
    cmp_record record;
    cmp_route_answer route;
} operation_answer;

typedef struct operation {
    running_function function;
    int unavailable; /* the verdict for a plugin that fails */
    int last;        /* the highest verdict */
    abi_struct answer;
    size_t answer_size; /* of ours */

    /* The answer as the plugin finds it. */
    void (*begin)(operation_answer *answer);

    int (*call)(const instance *i, void *worker_state, cmp_op op, const operation_subject *subject,
                operation_answer *answer);

    /* Brings the answer of a plugin of an older minor into our layout, where it points to what may
     * have grown; NULL: nowhere. What is copied lies in `memory`. */
    void (*adopt)(int verdict, const abi_layout *older, kit_arena *memory,
                  operation_answer *answer);

    /* Copies what the subject borrows. */
    void (*own)(operation_subject *subject, kit_arena *memory);

    /* The plugin's `cancel`; NULL when it never answers PENDING. */
    void (*(*cancel)(const instance *i))(void *self, void *worker_state, cmp_op op, void *data);
} operation;

extern const operation operation_verify, operation_sign, operation_lookup, operation_route;
