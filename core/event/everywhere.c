/* SPDX-License-Identifier: Apache-2.0 */
/* See everywhere.h. */
#include "event/everywhere.h"

#include <cmp-kit/memory.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct place {
    everywhere *e;
    bool has;
} place;

struct everywhere {
    loop *back;
    void (*run)(unsigned index, void *arg);
    void (*done)(void *arg);
    void *arg;
    unsigned count, left;
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
    *e = (everywhere){
        .back = back, .run = run, .done = done, .arg = arg, .count = count, .left = count};
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

void everywhere_add_missing(const everywhere *e, char *text, size_t size)
{
    size_t used = strlen(text);
    for (unsigned i = 0; i < e->count && used < size; i++) {
        if (!everywhere_has(e, i)) {
            used += (size_t)snprintf(text + used, size - used, " worker %u", i);
        }
    }
}
