/* SPDX-License-Identifier: Apache-2.0 */
/* What the owner of a counter is: by it a metric gets its name and its labels. */
#pragma once

#include <cmp/base.h>

typedef enum owner_kind {
    OWNER_CORE,     /* a part of the core, such as "handshakes" */
    OWNER_LISTENER, /* "listener:NAME", and `of` is the name */
    OWNER_INSTANCE, /* a plugin's instance, and `of` is the plugin */
} owner_kind;

/* Says it, before the owner's first counter; the texts are copied. The last word counts. Any
 * thread.
 */
void owner_describe(const char *owner, owner_kind kind, const char *of);

/* What was said; OWNER_CORE when nothing was. *of lives as long as the process. Any thread. */
owner_kind owner_look_up(const char *owner, const char **of);
