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

/* NULL is fine. */
void keys_watch_stop(keys_watch **w);
