/* SPDX-License-Identifier: Apache-2.0 */
/* How the plugin instances are, as they say themselves. */
#pragma once

#include <cmp/host.h>

extern const char *const health_names[]; /* by cmp_health */

/* Keeps what an instance says of itself, and logs a change of its state. `why` may be NULL. Any
 * thread; takes a lock. */
void health_set(const char *instance, cmp_health health, const char *why);

/* What was said in that name holds no longer. Any thread. */
void health_forget(const char *instance);

/* Visits all instances that have ever said something, in the order in which they did. */
void health_each(void (*visit)(const char *instance, cmp_health health, const char *why, void *arg),
                 void *arg);
