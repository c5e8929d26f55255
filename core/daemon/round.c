/* SPDX-License-Identifier: Apache-2.0 */
/* See round.h. */
#include "daemon/round.h"

#include "event/everywhere.h"

#include <cmp-kit/memory.h>

#include <stdlib.h>

#define PATIENCE_MS 5000 /* for workers that a plugin holds */

typedef struct round {
    daemon_state *d;
    admin_command *command; /* NULL: answered */
    cmp_timer *patience;    /* NULL: it has run out */
    everywhere *workers;
    void (*run)(unsigned index, void *arg); /* NULL: nothing */
    void *arg;
    json_t *answer;
    const char *held;
} round;

static void on_every_worker(void *arg)
{
    round *r = arg;
    if (r->patience != NULL) {
        loop_timer_stop(r->patience);
    }
    if (r->command != NULL) {
        json_object_set_new(r->answer, "workers", json_integer(r->d->started));
        admin_command_done(r->command, r->answer);
    } else {
        json_decref(r->answer);
    }
    free(r);
}

static void on_patience(void *arg)
{
    round *r = arg;
    char detail[256];
    snprintf(detail, sizeof(detail), "%s, but a plugin holds", r->held);
    everywhere_add_missing(r->workers, detail, sizeof(detail));
    r->patience = NULL;
    admin_command_fail(r->command, 504, detail, NULL);
    r->command = NULL;
}

/* On the worker's thread. */
static void on_worker(unsigned index, void *arg)
{
    const round *r = arg;
    if (r->run != NULL) {
        r->run(index, r->arg);
    }
}

void round_begin(daemon_state *d, admin_command *c, void (*run)(unsigned index, void *arg),
                 void *arg, json_t *answer, const char *held)
{
    round *r = kit_calloc(1, sizeof(*r));
    *r = (round){.d = d, .command = c, .run = run, .arg = arg, .answer = answer, .held = held};
    r->patience = loop_timer_start(d->control, PATIENCE_MS, on_patience, r);
    r->workers =
        everywhere_run(d->site.worker_loops, d->started, d->control, on_worker, on_every_worker, r);
}
