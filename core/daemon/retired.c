/* SPDX-License-Identifier: Apache-2.0 */
/* See retired.h. They are few and this is rare, so they are looked at now and then. */
#include "daemon/retired.h"

#include "pipeline/unanswered.h"
#include "plugin/section.h"

#include <cmp-kit/memory.h>

#include <stdlib.h>

#define LOOK_MS 100

struct retired {
    loop *control;
    cmp_timer *timer; /* NULL: there are none */
    instance **at;
    size_t count;
};

static void look(void *arg)
{
    retired *r = arg;
    size_t kept = 0;
    for (size_t i = 0; i < r->count; i++) {
        if (instance_idle(r->at[i])) {
            section_close(&r->at[i]);
        } else {
            r->at[kept++] = r->at[i];
        }
    }
    r->count = kept;
    r->timer = kept > 0 ? loop_timer_start(r->control, LOOK_MS, look, r) : NULL;
}

retired *retired_create(loop *control)
{
    retired *r = kit_calloc(1, sizeof(*r));
    r->control = control;
    return r;
}

void retired_add(retired *r, instance *i)
{
    if (instance_idle(i)) {
        section_close(&i);
        return;
    }
    r->at = kit_realloc(r->at, (r->count + 1) * sizeof(*r->at));
    r->at[r->count++] = i;
    if (r->timer == NULL) {
        r->timer = loop_timer_start(r->control, LOOK_MS, look, r);
    }
}

void retired_tell(const retired *r)
{
    for (size_t i = 0; i < r->count; i++) {
        unanswered_tell(r->at[i]);
    }
}

void retired_destroy(retired **ref)
{
    retired *r = *ref;
    if (r == NULL) {
        return;
    }
    if (r->timer != NULL) {
        loop_timer_stop(r->timer);
    }
    for (size_t i = 0; i < r->count; i++) {
        section_close(&r->at[i]);
    }
    free(r->at);
    free(r);
    *ref = NULL;
}
