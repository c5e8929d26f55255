/* SPDX-License-Identifier: Apache-2.0 */
/* Metrics of limits: how many there may be, how many there are, how often that was too few. */
#pragma once

#include "daemon/state.h"
#include "observe/exposition.h"

/* On the control thread. */
void metrics_expose_limits(exposition *e, const daemon_state *d);
