/* SPDX-License-Identifier: Apache-2.0 */
/* The connections of one listener in one worker, by source and age: who gives way to a new one when
 * there are as many as may be. */
#pragma once

#include "http/internal.h"

/* Adds a connection, by its source. */
void crowd_add(crowd *all, connection *c);
void crowd_remove(crowd *all, connection *c);

/* It has a request: it is the newest now. */
void crowd_touch(crowd *all, connection *c);

/* The one that gives way first: without a request under way, and not so new that it had no time for
 * its first one. With a source: among its own; without: among those of whoever has most. `now_ms`
 * is server_now_ms. NULL: there is none. */
connection *crowd_weakest(const crowd *all, const uint8_t *source, uint64_t now_ms);
