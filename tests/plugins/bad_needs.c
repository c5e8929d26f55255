/* SPDX-License-Identifier: Apache-2.0 */
/* A wrong plugin: it needs a library that is not there (see CMakeLists.txt). */
#include "bad.h"

int gone(void);

static const void *volatile needed __attribute__((used)) = (const void *)gone;

CMP_EXPORT const cmp_plugin cmp_plugin_descriptor = {CMP_PLUGIN_ABI, .name = "bad_needs",
                                                     .kind = CMP_PLUGIN_STORE, BAD_REST};
