/* SPDX-License-Identifier: Apache-2.0 */
/* What a reload changes, as an operator is told. */
#pragma once

#include "daemon/state.h"

/* Of `after` against the newest generation: lists of paths, as in reload.h. The caller's. */
json_t *changes_make(const daemon_state *d, const generation *after);

/* The same in one line for the log; to be freed. */
char *changes_line(const json_t *changes);
