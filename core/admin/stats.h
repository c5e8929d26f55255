/* SPDX-License-Identifier: Apache-2.0 */
/* `cmpctl stats`: the counters of the running daemon. */
#pragma once

#include <h2o.h>

/* Answers /stats:
 *   {"counters": [{"owner", "name", "help", "value"}, …],
 *    "ready": whether no thread is stuck, and the daemon does not drain,
 *    "draining": whether it does,
 *    "threads": [{"thread", "held_ms", "stuck", "in"}, …],
 *    "caches": [{"store", "hits", "misses", "stale", "hit_ratio"}, …]}
 * with, of a thread that has not moved for held_ms, the plugin that it is in (null: none), and a
 * cache for each store that is configured to have one; its hit_ratio is null until it was asked. */
int stats_answer(h2o_req_t *req);
