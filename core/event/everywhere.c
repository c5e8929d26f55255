/* SPDX-License-Identifier: Apache-2.0 */
/* See everywhere.h. */
#include "event/everywhere.h"

#include <cmp-kit/memory.h>

#include <stdlib.h>

typedef struct place {
    everywhere *e;
    bool has;
} place;

struct everywhere {
    loop *back;
    void (*run)(unsigned index, void *arg);
    void (*done)(void *arg);
    void *arg;
    unsigned left;
    place at[];
};

static void on_back(void *arg)
{
    place *p = arg;
    everywhere *e = p->e;
    p->has = true;
    if (--e->left == 0) {
        e->done(e->arg);
        free(e);
    }
}

static void on_there(void *arg)
{
    place *p = arg;
    everywhere *e = p->e;
    e->run((unsigned)(p - e->at), e->arg);
    loop_post(e->back, on_back, p);
}

everywhere *everywhere_run(loop *const *loops, unsigned count, loop *back,
                           void (*run)(unsigned index, void *arg), void (*done)(void *arg),
                           void *arg)
{
    everywhere *e = kit_calloc(1, sizeof(*e) + count * sizeof(e->at[0]));
    *e = (everywhere){.back = back, .run = run, .done = done, .arg = arg, .left = count};
    for (unsigned i = 0; i < count; i++) {
        e->at[i].e = e;
        loop_post(loops[i], on_there, &e->at[i]);
    }
    return e;
}

bool everywhere_has(const everywhere *e, unsigned index)
{
    return e->at[index].has;
}
