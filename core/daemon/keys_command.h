/* SPDX-License-Identifier: Apache-2.0 */
/* The admin command /keys: takes the keyring's file as it is now, and answers when every worker
 * has it. */
#pragma once

#include "daemon/state.h"

/* Registers it; before workers start. */
void keys_command_register(daemon_state *d);
