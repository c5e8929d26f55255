/* SPDX-License-Identifier: Apache-2.0 */
/* The question /metrics of the admin socket: all that is counted, as text for Prometheus. */
#pragma once

#include "daemon/state.h"

/* Registers it; before workers start. */
void metrics_register(daemon_state *d);
