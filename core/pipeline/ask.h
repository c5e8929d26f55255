/* Asking a plugin: at once, later, or on the pool when it blocks. Steps see one way only.
 *
 * A step calls ask_… for the plugin whose turn it is. PENDING means that the step has to answer
 * STEP_WAIT; when the answer is there the same step runs again, asks again, and gets it. */
#pragma once

#include "pipeline/txn.h"

/* Returns the verdict; the answer is in t->ask.answer. */
cmp_auth_verdict ask_auth(cmp_txn *t, instance *i);
cmp_store_verdict ask_store(cmp_txn *t, instance *i);
cmp_route_verdict ask_route(cmp_txn *t, instance *i);

/* Nobody waits for the answer any more: cancels the operation, if one is under way. */
void ask_abandon(cmp_txn *t);

/* The service cmp_host.complete. */
void ask_complete(cmp_op *op, int verdict, const void *answer);
