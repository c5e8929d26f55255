/* SPDX-License-Identifier: Apache-2.0 */
/* A wrong plugin: made for a newer minor of the ABI.
 * Every host has to refuse it. */
#include "bad.h"

CMP_EXPORT const cmp_plugin cmp_plugin_descriptor = {
    .struct_size = sizeof(cmp_plugin),
    .abi_major = CMP_ABI_MAJOR,
    .abi_minor = CMP_ABI_MINOR + 1,
    .name = "bad_minor",
    .kind = CMP_PLUGIN_STORE,
    BAD_REST,
};
