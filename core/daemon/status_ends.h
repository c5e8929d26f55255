/* SPDX-License-Identifier: Apache-2.0 */
/* What ends by itself, and when: files and keys. */
#pragma once

#include "daemon/state.h"

#include <jansson.h>

/* The first STATUS_ENDS of them, the next one first, what is over included; a file that several
 * have stands for the first of them. The form stands in status.h. The caller's reference. Control
 * thread. */
#define STATUS_ENDS 50
json_t *status_ends(const generation *g);
