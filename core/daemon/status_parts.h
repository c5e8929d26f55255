/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of /status: what is counted of transactions, plugins, listeners, and the replay memory.
 * Their forms stand in status.h. Control thread; each answer is the caller's reference. */
#pragma once

#include "daemon/state.h"

#include <jansson.h>

json_t *status_transactions(const daemon_state *d);
json_t *status_instances(const generation *g);
json_t *status_replay(const daemon_state *d);
json_t *status_listeners(const daemon_state *d);
json_t *status_counters(void);
json_t *status_gauges(void);
