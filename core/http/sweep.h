/* SPDX-License-Identifier: Apache-2.0 */
/* Time and memory of connections, looked at a few times a second: who sends a request slowly or not
 * at all, who does not take what was answered, and how much of both lies here.
 *
 * libh2o's own limits live by the wall clock, restart with any frame of HTTP/2, and end no answer
 * that is not read; these live by the monotonic clock. */
#pragma once

#include "http/internal.h"

/* Registers the counters; once, before workers start. */
void sweep_setup(void);

/* Begins and ends with the worker. */
void sweep_start(server_worker *sw);
void sweep_stop(server_worker *sw);

/* Octets have come on a connection of HTTP/2, which libh2o may have to keep; looks at once when
 * they are many. The connection is at least still there afterwards, perhaps at its end. */
void sweep_received(connection *c, size_t octets);

/* An answer goes to it. */
void sweep_answered(connection *c, size_t octets);
