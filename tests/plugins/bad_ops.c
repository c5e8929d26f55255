/* SPDX-License-Identifier: Apache-2.0 */
/* A wrong plugin: its functions have another size than this minor's. */
#include "bad.h"

static const cmp_store_ops ops = {
    .size = sizeof(cmp_store_ops) + 8,
    .lookup = bad_lookup,
};

CMP_EXPORT const cmp_plugin cmp_plugin_descriptor = {
    CMP_PLUGIN_ABI,       .name = "bad_ops",    .kind = CMP_PLUGIN_STORE, .version = "1",
    .summary = "Refused", .create = bad_create, .destroy = bad_destroy,   .ops.store = &ops,
};
