/* SPDX-License-Identifier: Apache-2.0 */
/* Services that need neither an operation nor a clock: complaints, counters, records, keys, peers,
 * and calls to all workers. */
#pragma once

#include <cmp/host.h>

void host_other_services(cmp_host *table);
