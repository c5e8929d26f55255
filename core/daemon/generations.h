/* SPDX-License-Identifier: Apache-2.0 */
/* The generations that live: the newest is in force, those before it last until no worker has a
 * transaction of theirs. All on the control thread. */
#pragma once

#include "daemon/state.h"

/* Registers what is counted; before the first. */
void generations_setup(void);

/* Puts the generation in force: it is the newest, and its new instances are started. Workers are
 * still to be told: each has a tenure of it from now on, and d->process.let_go ends them. */
void generations_put(daemon_state *d, generation *g);

/* Ends all of them; no worker is left. */
void generations_end(daemon_state *d);
