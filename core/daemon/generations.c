/* SPDX-License-Identifier: Apache-2.0 */
/* See generations.h. */
#include "daemon/generations.h"

#include "base/clock.h"
#include "daemon/build.h"
#include "observe/counters.h"

#define AGE_LOOK_MS 1000

static unsigned gauge_alive, gauge_oldest;

void generations_setup(void)
{
    gauge_alive = gauge_register("generations", "alive",
                                 "configurations in use: the newest, and those before it of which "
                                 "a request is still under way");
    gauge_oldest = gauge_register("generations", "replaced_s",
                                  "how long ago the oldest of those before was replaced");
}

/* How long each has been no longer the newest is known by the one behind it. */
static void show(daemon_state *d)
{
    int64_t alive = 0, replaced_ms = 0;
    for (const generation *g = d->generation; g != NULL; g = g->older) {
        alive++;
        if (g->older != NULL) {
            replaced_ms = (int64_t)(clock_monotonic_ms() - g->in_force_ms);
        }
    }
    gauge_set(gauge_alive, alive);
    gauge_set(gauge_oldest, replaced_ms / 1000);
}

static void on_age_look(void *arg)
{
    daemon_state *d = arg;
    show(d);
    d->age_timer = d->generation->older != NULL
                       ? loop_timer_start(d->control, AGE_LOOK_MS, on_age_look, d)
                       : NULL;
}

/* A worker has let it go. */
static void on_let_go(void *arg)
{
    generation *g = arg;
    daemon_state *d = g->holder;
    if (--g->tenures > 0 || g == d->generation) {
        return; /* the newest stays to the end */
    }
    generation **at = &d->generation;
    while (*at != g) {
        at = &(*at)->older;
    }
    *at = g->older;
    generation_destroy(&g, d->build.retired);
    show(d);
}

static bool has(const generation *g, const instance *one)
{
    size_t i = 0;
    while (i < g->instance_count && g->instances[i] != one) {
        i++;
    }
    return i < g->instance_count;
}

/* Those of the one before that do not go on. */
static void replace_instances(const generation *g)
{
    for (size_t i = 0; g->older != NULL && i < g->older->instance_count; i++) {
        if (!has(g, g->older->instances[i])) {
            instance_replace(g->older->instances[i]);
        }
    }
}

/* Workers may be called for its instances before they have it: they have no state there then, as
 * after their end. */
void generations_put(daemon_state *d, generation *g)
{
    g->holder = d;
    g->older = d->generation;
    g->tenures = d->site.worker_count;
    g->in_force_ms = clock_monotonic_ms();
    g->in_force_at_ms = clock_now_ms();
    d->generation = g;
    d->generations++;
    d->process.control = d->control;
    d->process.let_go = on_let_go;
    replace_instances(g);
    for (size_t i = 0; i < g->instance_count; i++) {
        if (g->instances[i]->stage == INSTANCE_MADE) {
            instance_start(g->instances[i], d->control);
        }
    }
    show(d);
    if (g->older != NULL && d->age_timer == NULL) {
        d->age_timer = loop_timer_start(d->control, AGE_LOOK_MS, on_age_look, d);
    }
}

void generations_end(daemon_state *d)
{
    while (d->generation != NULL) {
        generation *g = d->generation;
        d->generation = g->older;
        generation_destroy(&g, d->build.retired);
    }
    if (d->age_timer != NULL) {
        loop_timer_stop(d->age_timer);
        d->age_timer = NULL;
    }
}
