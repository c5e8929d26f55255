/* SPDX-License-Identifier: Apache-2.0 */
/* How it is with each peer, as the admin socket tells it. */
#pragma once

#include "daemon/state.h"
#include "observe/counters.h"

#include <jansson.h>

/* An array in the configuration's order; the caller's reference. Of each peer:
 *   {"peer", "host": or null,
 *    "state": "up", "troubled": the last attempt failed, "degraded": some of its servers are not
 *       used now, "down": none is, "asks": it has no server,
 *    "servers": [{"server": host:port, "circuit": closed, open or probing}, …],
 *    "in_flight", "attempts": {by what came of them: how often}, "took_us": see status_spread,
 *    "transactions", "problems": of its own requests, those answered with an error,
 *    "last_asked_ms", "last_answered_ms": Unix times, or null,
 *    "keys": [{"use": issued or received, "id", "not_before_ms", "not_after_ms": or null,
 *              "last_use_ms": or null}, …]}
 * Control thread. */
json_t *status_peers(const generation *g);

/* A histogram: {"to": [bounds], "count": [one more, each bucket's own]}. The caller's reference. */
json_t *status_spread(const histogram_sums *sums);
