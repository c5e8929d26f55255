/* SPDX-License-Identifier: Apache-2.0 */
/* What the owner of a counter is: by it a metric gets its name and its labels, and with it its end.
 */
#pragma once

#include <cmp/base.h>

typedef enum owner_kind {
    OWNER_CORE,     /* a part of the core, such as "handshakes" */
    OWNER_LISTENER, /* "listener:NAME", and `of` is the name */
    OWNER_INSTANCE, /* a plugin's instance, and `of` is the plugin: what that counts by itself */
    OWNER_ABOUT,    /* "instance:NAME", and `of` is the plugin: what the core counts of it */
    OWNER_GONE,     /* one of those three that is there no longer */
} owner_kind;

/* Says that there is one, before its first counter; the texts are copied. There may be several of a
 * name, as a reload puts one in the place of another. Any thread. */
void owner_enter(const char *owner, owner_kind kind, const char *of);

/* One of them is no longer there. What the last one has counted is not shown from then on; it goes
 * on when there is one again. Any thread. */
void owner_leave(const char *owner, const char *of);

/* Of those of that name that are there, the one that entered last; OWNER_GONE when there is none
 * any more, OWNER_CORE when there never was one. *of (NULL of the core) lives as long as the
 * process, and is the same for equal texts. Any thread. */
owner_kind owner_look_up(const char *owner, const char **of);

/* What it is, with `of` as it was looked up; OWNER_GONE when there is none any more. Any thread. */
owner_kind owner_kind_of(const char *owner, const char *of);
