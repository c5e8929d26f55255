/* SPDX-License-Identifier: Apache-2.0 */
/* A wrong plugin: its name is not that of its file.
 * Every host has to refuse it. */
#include "bad.h"

CMP_EXPORT const cmp_plugin cmp_plugin_descriptor = {
    CMP_PLUGIN_ABI,
    .name = "good_name",
    .kind = CMP_PLUGIN_STORE,
    BAD_REST,
};
