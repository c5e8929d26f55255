/* SPDX-License-Identifier: Apache-2.0 */
/* See hang.h. There is nothing to clean up for whom a plugin still holds, and no way to make it let
 * go. */
#include "daemon/hang.h"

#include "base/log_limit.h"
#include "pipeline/unanswered.h"

#include <unistd.h>

static void tell_where(running_thread *t, void *arg)
{
    char where[RUNNING_TEXT_SIZE];
    const running_place *place = running_at(t);
    (void)arg;
    if (place != NULL) {
        log_warning("daemon", "%s is still in %s", t->name, running_text(place, where));
    }
}

/* One that several generations have is told of once: by the oldest. */
static void tell_instances(const generation *g)
{
    for (size_t i = 0; i < g->instance_count; i++) {
        const instance *one = g->instances[i];
        const generation *older = g->older;
        bool in_older = false;
        for (size_t n = 0; older != NULL && n < older->instance_count; n++) {
            in_older = in_older || older->instances[n] == one;
        }
        if (!in_older) {
            unanswered_tell(one);
        }
    }
}

void hang_end(const generation *newest, const retired *r)
{
    for (const generation *g = newest; g != NULL; g = g->older) {
        tell_instances(g);
    }
    retired_tell(r);
    running_threads_each(tell_where, NULL);
    log_limits_flush();
    log_warning("daemon", "ending while plugins still hang");
    _exit(1);
}
