/* SPDX-License-Identifier: Apache-2.0 */
/* Metrics of the process and of the machine's clock. */
#pragma once

#include "daemon/state.h"
#include "observe/exposition.h"

/* On the control thread. */
void metrics_expose_process(exposition *e, const daemon_state *d);
