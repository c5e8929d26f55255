/* SPDX-License-Identifier: Apache-2.0 */
/* Where log lines go: a descriptor that may fail, and never holds anybody up. What could not be
 * written is counted. Any thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Lines go to `fd`, which stays the caller's, from now on; the standard error before. Before
 * threads start. Of a pipe the process gets an end of its own when it may, so that one that is full
 * is noticed and not waited for. */
void log_output_set(int fd);

/* Where they go now. */
int log_output_fd(void);

/* Writes a line, in one piece: lines of other threads and processes do not mix with it. */
void log_output_write(const char *line, size_t size);

/* From now on only this thread's lines are written, behind all that are being written just now (for
 * which it waits a moment, not for ever). May be called from a signal handler. */
void log_output_keep_to_this_thread(void);

/* How many lines were lost, in all; why the last one was, as errno; and whether lines are written
 * now, as far as the last one tells. */
uint64_t log_output_lost(void);
int log_output_error(void);
bool log_output_works(void);
