/* SPDX-License-Identifier: Apache-2.0 */
/* See restart.h. */
#include "daemon/restart.h"

#include "base/log.h"
#include "daemon/handover.h"
#include "daemon/notify.h"
#include "daemon/serve.h"
#include "daemon/workers.h"

#include <cmp-kit/memory.h>

#include <stdlib.h>
#include <unistd.h>

#define LIMIT_MS     60000 /* systemd allows a start 90 s */
#define LIMIT_MIN_MS 100
#define LIMIT_MAX_MS 3600000

struct restarting {
    admin_command *command;
    handover *handover;
};

static void forget(daemon_state *d)
{
    handover_destroy(&d->restart->handover);
    free(d->restart);
    d->restart = NULL;
}

static void fail(daemon_state *d, const char *why, const cmp_report *faults)
{
    log_error("daemon", "no restart: %s; this process goes on serving", why);
    notify_status(serve_status(d));
    admin_command_fail(d->restart->command, 422, why, faults);
    forget(d);
}

/* In this order: the service manager knows whose word counts before the new process has said its
 * first, and the answer goes out before the drain begins. */
static void hand_over(daemon_state *d, const handover_result *result)
{
    notify_main_pid(result->pid);
    workers_keep_sockets(d, true);
    if (!handover_go(d->restart->handover, d->asked_to_drain)) {
        workers_keep_sockets(d, false);
        notify_main_pid(getpid());
        fail(d, "the new process has died when it was ready", NULL);
        return;
    }
    log_notice("daemon", "process %d serves from now on; this one drains", (int)result->pid);
    if (result->admin) {
        admin_leave(d->admin);
    }
    json_t *answer = json_object();
    json_object_set_new(answer, "pid", json_integer(result->pid));
    admin_command_done(d->restart->command, answer);
    forget(d);
    workers_stop(d);
}

static void on_ended(const handover_result *result, void *arg)
{
    if (result->ready) {
        hand_over(arg, result);
    } else {
        fail(arg, result->why, result->faults);
    }
}

/* False when the body says something else than a time limit in its bounds, or nothing. */
static bool limit_of(const json_t *body, uint64_t *limit_ms)
{
    const json_t *given = json_object_get(body, "limit_ms");
    *limit_ms = LIMIT_MS;
    if (given == NULL) {
        return true;
    }
    const json_int_t ms = json_integer_value(given);
    *limit_ms = (uint64_t)ms;
    return ms >= LIMIT_MIN_MS && ms <= LIMIT_MAX_MS;
}

void restart_command(admin_command *c, void *arg)
{
    daemon_state *d = arg;
    uint64_t limit_ms;
    char error[256];
    if (d->stopping) {
        admin_command_fail(c, 409, "the daemon is stopping", NULL);
        return;
    }
    if (!limit_of(admin_command_body(c), &limit_ms)) {
        admin_command_fail(c, 400, "limit_ms: expected a number from 100 to 3600000", NULL);
        return;
    }
    const handover_gift gift = {.sockets = d->sockets,
                                .admin = admin_descriptor(d->admin),
                                .replay = replay_fd(d->process.replay)};
    d->restart = kit_calloc(1, sizeof(*d->restart));
    d->restart->command = c;
    notify_status("restarting");
    log_notice("daemon", "restarting: a new process is started");
    d->restart->handover =
        handover_begin(d->control, &gift, limit_ms, on_ended, d, error, sizeof(error));
    if (d->restart->handover == NULL) {
        fail(d, error, NULL);
    }
}

void restart_cancel(daemon_state *d)
{
    if (d->restart != NULL) {
        admin_command_fail(d->restart->command, 409, "the daemon is stopping", NULL);
        forget(d);
    }
}
