/* SPDX-License-Identifier: Apache-2.0 */
/* The admin command /keys: takes the keyring's file as it is now, and answers when every worker
 * has it. */
#pragma once

#include "daemon/state.h"

/* `d` is the daemon_state. */
void keys_command(admin_command *c, void *d);
