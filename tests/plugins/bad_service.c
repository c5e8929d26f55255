/* SPDX-License-Identifier: Apache-2.0 */
/* A wrong plugin: it needs a service that no host has.
 * Every host has to refuse it. */
#include "bad.h"

CMP_EXPORT const cmp_plugin cmp_plugin_descriptor = {
    CMP_PLUGIN_ABI, .name = "bad_service", .kind = CMP_PLUGIN_STORE, .services = UINT32_C(1) << 31,
    BAD_REST,
};
