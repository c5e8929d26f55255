/* SPDX-License-Identifier: Apache-2.0 */
/* A wrong plugin: its descriptor ends before the vtable.
 * Every host has to refuse it. */
#include "bad.h"

CMP_EXPORT const cmp_plugin cmp_plugin_descriptor = {
    .struct_size = offsetof(cmp_plugin, ops),
    .abi_major = CMP_ABI_MAJOR,
    .abi_minor = CMP_ABI_MINOR,
    .name = "bad_size",
    .kind = CMP_PLUGIN_STORE,
    BAD_REST,
};
