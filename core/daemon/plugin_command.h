/* SPDX-License-Identifier: Apache-2.0 */
/* The admin socket's /plugin: an operator's command to a plugin instance (cmp_plugin.command). */
#pragma once

#include "daemon/state.h"

typedef struct plugin_commands plugin_commands;

/* Before the first command. */
plugin_commands *plugin_commands_create(daemon_state *d);

/* When neither the control loop nor a thread of a plugin turns any more. NULL is fine. */
void plugin_commands_destroy(plugin_commands **p);

/* The command; `d` is the daemon_state. */
void plugin_command(admin_command *c, void *d);
