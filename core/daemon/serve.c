/* SPDX-License-Identifier: Apache-2.0 */
/* See serve.h. Nobody is accepted before all workers can serve: a start that fails leaves those who
 * connect meanwhile to the process before, which listens on the same sockets. */
#include "daemon/serve.h"

#include "base/log.h"
#include "daemon/notify.h"
#include "daemon/remembered.h"
#include "daemon/workers.h"

const char *serve_status(const daemon_state *d)
{
    return d->asked_to_drain ? "draining, as it was asked to" : "serving";
}

static void begin(void *arg)
{
    daemon_state *d = arg;
    takeover_end(&d->takeover);
    admin_own(d->admin, d->generation);
    if (d->stopping) {
        return;
    }
    remembered_begin(d->process.replay, d->generation->conf);
    d->asked_to_drain = d->takeover.drains;
    workers_serve(d);
    log_notice("daemon", "ready: %u workers", d->ready);
    if (d->asked_to_drain) {
        log_notice("daemon", "draining, as the process before was asked to");
    }
    notify_ready();
    notify_status(serve_status(d));
}

/* It was killed, and with it goes what it had promised. Whoever looks after it starts anew. */
static void on_lost(void *arg)
{
    daemon_state *d = arg;
    log_error("daemon", "the process before has ended before it had handed over");
    d->failed = true;
    workers_stop(d);
}

/* Not of a start that has failed, whose workers come and go: the process before is to go on. */
void serve_when_ready(daemon_state *d)
{
    if (d->stopping) {
        return;
    }
    if (d->takeover.channel < 0) {
        begin(d);
    } else {
        takeover_ready(&d->takeover, d->control, admin_is_handed(d->admin), begin, on_lost, d);
    }
}
