/* `cmpctl stats`: the counters of the running daemon. */
#pragma once

#include <h2o.h>

/* Registers /stats:
 *   {"counters": [{"owner", "name", "help", "value"}, …],
 *    "caches": [{"store", "hits", "misses", "stale", "hit_ratio"}, …]}
 * with a cache for each store that is configured to have one; its hit_ratio is null until it was
 * asked. */
void stats_register(h2o_hostconf_t *host);
