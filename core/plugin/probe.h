/* SPDX-License-Identifier: Apache-2.0 */
/* Tries something that may crash or hang, in a child process with a time limit. */
#pragma once

#include <cmp/base.h>

typedef enum probe_result {
    PROBE_GOOD,
    PROBE_BAD,  /* `run` said so, and `message` is what it wrote there */
    PROBE_DIED, /* it crashed, ended the process, or took too long: `why` says which */
} probe_result;

/* Runs `run(arg)` in a child. What it writes to `message` (memory of the caller's) comes back. */
probe_result probe_run(bool (*run)(void *arg), void *arg, char *message, size_t message_size,
                       char *why, size_t why_size);
