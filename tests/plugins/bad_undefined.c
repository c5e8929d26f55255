/* SPDX-License-Identifier: Apache-2.0 */
/* A wrong plugin: it calls a function that nobody has. Every host has to refuse it, and not only
 * when the call comes. */
#include "bad.h"

int nobody_has_this(void);

static void undefined_cancel(void *instance, void *worker, cmp_op op, void *data)
{
    (void)instance, (void)worker, (void)op, (void)data;
    nobody_has_this();
}

static const cmp_store_ops ops = {
    .size = sizeof(cmp_store_ops),
    .lookup = bad_lookup,
    .cancel = undefined_cancel,
};

CMP_EXPORT const cmp_plugin cmp_plugin_descriptor = {
    CMP_PLUGIN_ABI,       .name = "bad_undefined", .kind = CMP_PLUGIN_STORE, .version = "1",
    .summary = "Refused", .create = bad_create,    .destroy = bad_destroy,   .ops.store = &ops,
};
