/* SPDX-License-Identifier: Apache-2.0 */
/* Metrics of files that end by themselves: certificates and revocation lists. */
#pragma once

#include "daemon/state.h"
#include "observe/exposition.h"

/* On the control thread. The files are looked at again when they have changed, at most every ten
 * seconds. */
void metrics_expose_files(exposition *e, const generation *g);
