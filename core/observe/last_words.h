/* SPDX-License-Identifier: Apache-2.0 */
/* What the log says when the process ends though nobody has told it to: by a fatal signal, or
 * because something called exit. The last line names the plugin that the thread was in. The signal
 * then goes on, and leaves its core dump.
 *
 * _exit, and SIGKILL, end a process without a word. */
#pragma once

/* From now on. Signals that somebody handles already, as sanitizers do, stay theirs. */
void last_words_start(void);

/* The process ends as it should. */
void last_words_stop(void);
