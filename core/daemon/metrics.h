/* SPDX-License-Identifier: Apache-2.0 */
/* The question /metrics of the admin socket: all that is counted, as text for Prometheus. */
#pragma once

#include "daemon/state.h"

/* `d` is the daemon_state. */
void metrics_answer(admin_command *c, void *d);

/* Has listeners that answer /metrics ask it, too; before workers start. */
void metrics_offer(daemon_state *d, const admin_query *q);
