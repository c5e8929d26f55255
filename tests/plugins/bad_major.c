/* SPDX-License-Identifier: Apache-2.0 */
/* A wrong plugin: made for another major of the ABI.
 * Every host has to refuse it. */
#include "bad.h"

CMP_EXPORT const cmp_plugin cmp_plugin_descriptor = {
    .struct_size = sizeof(cmp_plugin),
    .abi_major = CMP_ABI_MAJOR + 1,
    .abi_minor = 0,
    .name = "bad_major",
    .kind = CMP_PLUGIN_STORE,
    BAD_REST,
};
