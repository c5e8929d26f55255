/* SPDX-License-Identifier: Apache-2.0 */
/* See drain_command.h. */
#include "daemon/drain_command.h"

#include "base/log.h"
#include "daemon/notify.h"
#include "event/everywhere.h"

#include <cmp-kit/memory.h>

#include <stdlib.h>

#define PATIENCE_MS 5000 /* for workers that a plugin holds */

/* One command under way. */
typedef struct round {
    daemon_state *d;
    bool leave;
    admin_command *command; /* NULL: answered */
    cmp_timer *patience;    /* NULL: it has run out */
} round;

/* On a worker's thread. */
static void on_worker(unsigned index, void *arg)
{
    const round *r = arg;
    server_worker_ask_to_leave(r->d->threads[index].server, r->leave);
}

static void on_every_worker(void *arg)
{
    round *r = arg;
    if (r->patience != NULL) {
        loop_timer_stop(r->patience);
    }
    if (r->command != NULL) {
        json_t *answer = json_object();
        json_object_set_new(answer, "draining", json_boolean(r->leave));
        json_object_set_new(answer, "workers", json_integer(r->d->started));
        admin_command_done(r->command, answer);
    }
    free(r);
}

static void on_patience(void *arg)
{
    round *r = arg;
    r->patience = NULL;
    admin_command_fail(r->command, 504, "a plugin holds a worker, which will do so later", NULL);
    r->command = NULL;
}

static void run(admin_command *c, daemon_state *d, bool leave)
{
    if (d->stopping) {
        admin_command_fail(c, 409, "the daemon is about to end", NULL);
        return;
    }
    log_notice("daemon", leave ? "draining: connections are told to leave, and readiness says no"
                               : "serving again after a drain");
    notify_status(leave ? "draining, as it was asked to" : "serving");
    round *r = kit_calloc(1, sizeof(*r));
    *r = (round){.d = d, .leave = leave, .command = c};
    r->patience = loop_timer_start(d->control, PATIENCE_MS, on_patience, r);
    everywhere_run(d->site.worker_loops, d->started, d->control, on_worker, on_every_worker, r);
}

static void on_drain(admin_command *c, void *arg)
{
    run(c, arg, true);
}

static void on_undrain(admin_command *c, void *arg)
{
    run(c, arg, false);
}

void drain_command_register(daemon_state *d)
{
    struct st_h2o_hostconf_t *host = server_admin_host(d->server);
    admin_command_register(d->commands, host, "/drain", on_drain, d);
    admin_command_register(d->commands, host, "/undrain", on_undrain, d);
}
