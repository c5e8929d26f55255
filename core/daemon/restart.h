/* SPDX-License-Identifier: Apache-2.0 */
/* The admin command /restart: a new process of this program takes over, and this one drains. */
#pragma once

#include "daemon/state.h"

/* Registers it; before workers start. */
void restart_register(daemon_state *d);

/* The daemon stops: a restart that is under way is given up, and its new process ended. */
void restart_cancel(daemon_state *d);
