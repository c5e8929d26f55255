/* SPDX-License-Identifier: Apache-2.0 */
/* Ctrl-C while something is under way that has to be undone. */
#pragma once

#include <stdbool.h>

/* From now on the first SIGINT, SIGTERM or SIGHUP is only remembered; a second one ends the process
 * as always. */
void interrupt_catch(void);

bool interrupt_came(void);
