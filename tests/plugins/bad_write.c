/* SPDX-License-Identifier: Apache-2.0 */
/* A wrong plugin: it begins writes that it can never commit. */
#include "bad.h"

static void *begin(void *instance, char *error, size_t error_size)
{
    (void)error, (void)error_size;
    return instance;
}

static const cmp_store_ops ops = {
    .size = sizeof(cmp_store_ops),
    .lookup = bad_lookup,
    .begin = begin,
};

CMP_EXPORT const cmp_plugin cmp_plugin_descriptor = {
    CMP_PLUGIN_ABI,       .name = "bad_write",  .kind = CMP_PLUGIN_STORE, .version = "1",
    .summary = "Refused", .create = bad_create, .destroy = bad_destroy,   .ops.store = &ops,
};
