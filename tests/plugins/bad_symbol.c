/* SPDX-License-Identifier: Apache-2.0 */
/* A wrong plugin: it exports no descriptor, only something that looks like one.
 * Every host has to refuse it. */
#include "bad.h"

CMP_EXPORT const cmp_plugin cmp_plugin_description = {
    CMP_PLUGIN_ABI,
    .name = "bad_symbol",
    .kind = CMP_PLUGIN_STORE,
    BAD_REST,
};
