/* SPDX-License-Identifier: Apache-2.0 */
/* See serve.h. Nobody is accepted before all workers can serve: a start that fails leaves those who
 * connect meanwhile to the process before, which listens on the same sockets. */
#include "daemon/serve.h"

#include "base/log.h"
#include "daemon/notify.h"
#include "daemon/workers.h"

static void begin(void *arg)
{
    daemon_state *d = arg;
    takeover_end(&d->takeover);
    if (d->stopping) {
        return;
    }
    workers_serve(d);
    log_notice("daemon", "ready: %u workers", d->ready);
    notify_ready();
    notify_status("serving");
}

/* It was killed, and with it goes what it had promised. Whoever looks after it starts anew. */
static void on_lost(void *arg)
{
    daemon_state *d = arg;
    log_error("daemon", "the process before has ended before it had handed over");
    d->failed = true;
    workers_stop(d);
}

void serve_when_ready(daemon_state *d)
{
    if (d->takeover.channel < 0) {
        begin(d);
    } else {
        takeover_ready(&d->takeover, d->control, admin_is_handed(d->admin), begin, on_lost, d);
    }
}
