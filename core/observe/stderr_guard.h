/* What is written to the standard error past our log: by libh2o (a line for each odd frame that a
 * client sends), by plugins and their libraries. It becomes log lines, limited as all others are
 * that strangers can cause; none of those who write ever waits.
 *
 * What a process says when it ends by a fault of its own comes through: at SIGABRT all that was not
 * logged yet goes to the real standard error, and sanitizers are told of that one at the start. */
#pragma once

#include "event/loop.h"

/* Puts a pipe in place of descriptor 2, which `control` empties, and has the log go to the real one
 * from now on. One for the process; its control thread. False: it could not be, and nothing has
 * changed. */
bool stderr_guard_start(loop *control);

/* Logs what is still there and gives descriptor 2 back. */
void stderr_guard_stop(void);
