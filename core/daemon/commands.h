/* SPDX-License-Identifier: Apache-2.0 */
/* All that the control thread answers on the admin socket: paths, and the right that each takes. */
#pragma once

#include "daemon/state.h"

/* Before workers start. */
void commands_register(daemon_state *d);
