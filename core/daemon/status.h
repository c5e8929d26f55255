/* SPDX-License-Identifier: Apache-2.0 */
/* How the daemon is at this moment, as one object: what `cmpctl status` shows. It reads what
 * /metrics reads, and tells it with its structure. */
#pragma once

#include "daemon/state.h"

/* The questions /status and /peers; `d` is the daemon_state:
 *
 *   /peers   {"now_ms": Unix time, "peers": see status_peers.h}
 *   /status  the same, and
 *     "version", "host": or null, "pid", "workers", "uptime_ms", "memory_bytes", "cpu_ms",
 *     "ready", "draining", "held": [{"thread", "held_ms", "stuck"}, …] those that do not move,
 *     "generation": {"number", "alive", "age_ms"}, "log_level": {"now", "configured"},
 *     "transactions": {"under_way", "most", "interfaces": [{"interface",
 *        "ends": {verdict: how many}, "errors": {code word: how many}, "took_us"}, …]},
 *     "instances": [{…, see admin/plugins.h, "plugin", "kind", "health", "why", "cached"}, …],
 *     "replay": {"entries", "capacity", "reach_ms", "window_ms", "forgotten", "refused"},
 *     "listeners": [{"listener", "share", "header", "turn", "handshake", "open"}, …],
 *     "counters", "gauges": {owner: {name: value}},
 *     "ends": [{"kind": certificate, ca, crl or key, "of": listener or peer, "name", "file" or
 *        "id", "end_ms"}, …] the first of what ends, the next one first
 */
void status_answer(admin_command *c, void *d);
void status_answer_peers(admin_command *c, void *d);
