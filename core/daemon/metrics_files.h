/* SPDX-License-Identifier: Apache-2.0 */
/* Metrics of files that end by themselves: certificates and revocation lists. */
#pragma once

#include "daemon/state.h"
#include "observe/exposition.h"

/* On the control thread. */
void metrics_expose_files(exposition *e, const generation *g);
