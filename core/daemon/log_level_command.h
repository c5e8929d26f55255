/* SPDX-License-Identifier: Apache-2.0 */
/* The admin command /log-level: which lines the log gets from now on, from all threads. It holds
 * until the next reload, which goes by the configuration again, and not in a process that takes
 * over. */
#pragma once

#include "daemon/state.h"

/* {"level": one of log_level_names} is answered with {"before", "now", "configured"}. `d` is the
 * daemon_state. */
void log_level_command(admin_command *c, void *d);
