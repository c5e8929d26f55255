/* SPDX-License-Identifier: Apache-2.0 */
/* A wrong plugin: one of its options would be written far behind its struct. */
#include "bad.h"

static const cmp_option rows[] = {
    {.name = "far", .type = CMP_OPTION_STRING, .offset = 100000, .help = "out of bounds"},
    CMP_OPTION_END,
};

CMP_EXPORT const cmp_plugin cmp_plugin_descriptor = {
    CMP_PLUGIN_ABI,  .name = "bad_rows", .kind = CMP_PLUGIN_STORE,
    .options = rows, .options_size = 8,  BAD_REST,
};
