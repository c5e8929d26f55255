/* SPDX-License-Identifier: Apache-2.0 */
/* Metrics of keys and tokens: how long they are still valid, and when they were used last. */
#pragma once

#include "daemon/state.h"
#include "observe/exposition.h"

/* On the control thread. */
void metrics_expose_keys(exposition *e, const generation *g);
