/* SPDX-License-Identifier: Apache-2.0 */
/* The admin command /restart: a new process of this program takes over, and this one drains. */
#pragma once

#include "daemon/state.h"

/* `d` is the daemon_state. */
void restart_command(admin_command *c, void *d);

/* The daemon stops: a restart that is under way is given up, and its new process ended. */
void restart_cancel(daemon_state *d);
