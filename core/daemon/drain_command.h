/* SPDX-License-Identifier: Apache-2.0 */
/* The admin commands /drain and /undrain: the process goes on to serve, but its readiness says no,
 * and who is connected is told to go elsewhere; or as before that. Answered when every worker does
 * so. */
#pragma once

#include "daemon/state.h"

/* `d` is the daemon_state. */
void drain_command(admin_command *c, void *d);
void undrain_command(admin_command *c, void *d);
