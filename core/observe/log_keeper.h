/* SPDX-License-Identifier: Apache-2.0 */
/* What the control thread does for the log while the process serves: says what limits held back,
 * says what could not be written, counts both, and guards the standard error. */
#pragma once

#include "event/loop.h"

void log_keeper_start(loop *control);

/* Says what is left to say. The log can be used before the start and after the stop. */
void log_keeper_stop(void);
