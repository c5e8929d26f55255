/* SPDX-License-Identifier: Apache-2.0 */
/* The moment from which the process serves. */
#pragma once

#include "daemon/state.h"

/* All workers are ready: they begin to accept, at once, or when the process before says so. Whoever
 * waits for the daemon is told. Control thread. */
void serve_when_ready(daemon_state *d);

/* What it does, for whoever looks after it, when nothing else is going on. Static. */
const char *serve_status(const daemon_state *d);
