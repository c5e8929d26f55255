/* SPDX-License-Identifier: Apache-2.0 */
/* The live screen of `cmpctl status`. */
#pragma once

#include <stdint.h>

/* Looks at the daemon behind that admin socket again and again, and shows it on the terminal, until
 * the user has seen enough. Goes on when the daemon does not answer, but for the first time.
 * Returns the exit status. */
int status_live(const char *socket, int64_t interval_ms);
