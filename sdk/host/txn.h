/* SPDX-License-Identifier: Apache-2.0 */
/* What a plugin sees of a request. */
#pragma once

#include "host/ops.h"

/* The services of the names txn_…. */
void host_txn_services(cmp_host *table);
