/* SPDX-License-Identifier: Apache-2.0 */
/* Metrics of transactions and of peers. */
#pragma once

#include "daemon/state.h"
#include "observe/exposition.h"

/* On the control thread. */
void metrics_expose_transactions(exposition *e, const generation *g);
void metrics_expose_circuits(exposition *e, const generation *g);
