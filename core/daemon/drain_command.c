/* SPDX-License-Identifier: Apache-2.0 */
/* See drain_command.h. */
#include "daemon/drain_command.h"

#include "base/log.h"
#include "daemon/notify.h"
#include "daemon/round.h"
#include "daemon/serve.h"

static void leave_on_worker(unsigned index, void *arg)
{
    server_worker_ask_to_leave(((daemon_state *)arg)->threads[index].server, true);
}

static void stay_on_worker(unsigned index, void *arg)
{
    server_worker_ask_to_leave(((daemon_state *)arg)->threads[index].server, false);
}

static void run(admin_command *c, daemon_state *d, bool leave)
{
    if (d->stopping) {
        admin_command_fail(c, 409, "the daemon is about to end", NULL);
        return;
    }
    log_notice("daemon", leave ? "draining: connections are told to leave, and readiness says no"
                               : "serving again after a drain");
    d->asked_to_drain = leave;
    notify_status(serve_status(d));
    round_begin(d, c, leave ? leave_on_worker : stay_on_worker, d,
                json_pack("{s:b}", "draining", leave),
                leave ? "the daemon drains" : "the daemon serves again");
}

void drain_command(admin_command *c, void *arg)
{
    run(c, arg, true);
}

void undrain_command(admin_command *c, void *arg)
{
    run(c, arg, false);
}
