/* SPDX-License-Identifier: Apache-2.0 */
/* A command in which every worker has a part: answered when all have done it, or when some are held
 * for too long by plugins; those do it later. Control thread. */
#pragma once

#include "daemon/state.h"

#include <jansson.h>

/* Runs `run(index, arg)` on each worker's thread; NULL: it is enough that what was posted to it
 * before has run. The answer is `answer`, which is taken over, with the number of workers as
 * "workers". Too late it is a problem that begins with the words `held`, and names the workers. */
void round_begin(daemon_state *d, admin_command *c, void (*run)(unsigned index, void *arg),
                 void *arg, json_t *answer, const char *held);
