/* SPDX-License-Identifier: Apache-2.0 */
/* A wrong plugin: it lists a command, and has nothing that would do it. */
#include "bad.h"

static const cmp_command commands[] = {{.name = "sit", .help = "is not done"}, CMP_COMMAND_END};

CMP_EXPORT const cmp_plugin cmp_plugin_descriptor = {
    CMP_PLUGIN_ABI, .name = "bad_commands", .kind = CMP_PLUGIN_STORE,
    BAD_REST,       .commands = commands,
};
