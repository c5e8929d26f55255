/* SPDX-License-Identifier: Apache-2.0 */
/* The worker threads: start, what they are told, stop. All on the control thread. */
#pragma once

#include "daemon/state.h"

/* Starts as many as there are to be, and calls `ready(d)` later, when all of them are. False, and
 * an error in the log, when one cannot be: those before it run. */
bool workers_start(daemon_state *d, void (*ready)(daemon_state *d));

/* Has all begin to accept connections. */
void workers_serve(daemon_state *d);

/* Another process serves their listening sockets, too: a worker that is stuck is to leave its own
 * alone from now on. */
void workers_keep_sockets(daemon_state *d, bool keep);

/* Watches the newest generation's keyring: has each take it when it has changed. */
void workers_watch_keys(daemon_state *d);

/* Has them drain and end; d->ended counts those that have. A second time it does nothing. */
void workers_stop(daemon_state *d);
