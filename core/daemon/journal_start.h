/* SPDX-License-Identifier: Apache-2.0 */
/* The journal, from the configuration. Control thread. */
#pragma once

#include "daemon/state.h"

/* Whether there could be one where the configuration wants it; changes nothing. */
void journal_start_check(const conf *c, cmp_report *report);

/* Opens it, as the user that serves, when the configuration wants one. False, and an error in the
 * log, when it cannot be. */
bool journal_start(daemon_state *d);

/* Writes what is left, when no worker is there any more. */
void journal_stop(daemon_state *d);
