/* SPDX-License-Identifier: Apache-2.0 */
/* Something that every worker has to do, and the moment when all have. */
#pragma once

#include "event/loop.h"

typedef struct everywhere everywhere;

/* Runs `run(index, arg)` on the thread of each of the loops, soon and beside their other work, and
 * when all have, `done(arg)` on that of `back`, which is the caller's. The handle is valid until
 * `done` returns; `loops` may go before. */
everywhere *everywhere_run(loop *const *loops, unsigned count, loop *back,
                           void (*run)(unsigned index, void *arg), void (*done)(void *arg),
                           void *arg);

/* Whether the thread of that index has done it, as `back` knows. On its thread. */
bool everywhere_has(const everywhere *e, unsigned index);

/* Adds " worker 3" to the text for each that has not, as far as there is room. On its thread. */
void everywhere_add_missing(const everywhere *e, char *text, size_t size);
