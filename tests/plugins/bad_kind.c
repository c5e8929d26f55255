/* SPDX-License-Identifier: Apache-2.0 */
/* A wrong plugin: of a kind that does not exist.
 * Every host has to refuse it. */
#include "bad.h"

CMP_EXPORT const cmp_plugin cmp_plugin_descriptor = {
    CMP_PLUGIN_ABI,
    .name = "bad_kind",
    .kind = (cmp_plugin_kind)99,
    BAD_REST,
};
