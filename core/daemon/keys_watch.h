/* SPDX-License-Identifier: Apache-2.0 */
/* Watches the keyring's file: what changes there takes effect by itself, within a second.
 *
 * All on the control thread. */
#pragma once

#include "pipeline/generation.h"

typedef struct keys_watch keys_watch;

/* Looks at the file from now on. When it has changed and is good, it becomes the generation's
 * keyring, and `changed(arg)` is called. While it is not, the old keys stay in use, and the log
 * says what is wrong, once for each change. Without a keyring there is nothing to watch: NULL. */
keys_watch *keys_watch_start(loop *control, generation *g, void (*changed)(void *arg), void *arg);

/* Looks at once, for whoever has just written the file and waits: it need not stand still. False
 * with errors in the report, and the old keys stay; true when the file as it is now is what the
 * generation has, and what workers took or are about to take by the messages of `changed`. */
CMP_MUST_USE bool keys_watch_now(keys_watch *w, cmp_report *report);

/* NULL is fine. */
void keys_watch_stop(keys_watch **w);
