/* SPDX-License-Identifier: Apache-2.0 */
/* What is written to the standard error past our log: by libh2o (a line for each odd frame that a
 * client sends), by plugins and their libraries. It becomes log lines, limited as all others are
 * that strangers can cause; none of those who write ever waits.
 *
 * What a process says when it ends by a fault of its own comes through: what was not logged yet
 * goes to the real standard error (last_words.c), and sanitizers are told of that one at the start.
 */
#pragma once

#include "event/loop.h"

/* Puts a pipe in place of descriptor 2, which `control` empties, and has the log go to the real one
 * from now on. One for the process; its control thread. False: it could not be, and nothing has
 * changed. */
bool stderr_guard_start(loop *control);

/* From a signal handler: what nobody has read yet goes to the real standard error, and so does all
 * that is still to come. `with_tail`: and before it what was read last, which may have been
 * left out of the log. A reader at work is waited for, not for ever. Does nothing when there is no
 * guard. */
void stderr_guard_last(bool with_tail);

/* Logs what is still there and gives descriptor 2 back. */
void stderr_guard_stop(void);
