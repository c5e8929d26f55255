/* SPDX-License-Identifier: Apache-2.0 */
/* Metrics of plugins' instances, caches in front of them, and threads. What counters.h has of them
 * comes by itself (observe/metrics.h). */
#pragma once

#include "daemon/state.h"
#include "observe/exposition.h"

/* On the control thread. */
void metrics_expose_plugins(exposition *e, const generation *g);

/* `w` may be NULL: nobody is watched. */
void metrics_expose_threads(exposition *e, watchdog *w);
