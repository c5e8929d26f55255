/* SPDX-License-Identifier: Apache-2.0 */
/* See budget.h; before anything is opened that is not to be missed. */
#include "daemon/budget.h"

#include "base/descriptors.h"
#include "base/log.h"

#include <limits.h>

#define LEAST             64 /* to read the configuration, load plugins, and say what is wrong */
#define FOR_PROCESS       64 /* code files, the pool, signals, logs, plugins that hold some */
#define FOR_WORKER        41 /* its loop, the admin socket, what stores and plugins open, linger.h */
#define FOR_ADMIN         17 /* the socket, and as many connections as it takes (gate.c) */
#define CONNECTIONS_LEAST 16
#define KEPT_BACK         32 /* of those above: not even a wrong guess about them goes deeper */

/* Unlimited is a number beyond any descriptor; what is reckoned with here are numbers of
 * descriptors. */
static int64_t limit_of_process(void)
{
    const uint64_t limit = descriptors_raise_limit();
    return limit < INT_MAX ? (int64_t)limit : INT_MAX;
}

bool budget_begin(void)
{
    const int64_t limit = limit_of_process();
    if (limit < LEAST) {
        log_error("daemon", "only %lld files may be open (ulimit -n); at least %d are needed",
                  (long long)limit, LEAST);
    }
    return limit >= LEAST;
}

/* What is open beside clients' connections, when there is most of it. Reckoned for the worst: every
 * peer's every URL with all of its connections, on every worker. A connection that could not be
 * opened then would be a request to a peer that fails. */
static int64_t others(const conf *c, unsigned workers)
{
    int64_t each = FOR_WORKER;
    const conf_listener *listeners = c->top.listeners.at;
    for (size_t i = 0; i < c->top.listeners.count; i++) {
        each += (int64_t)listeners[i].bind.count;
    }
    const conf_peer *peers = c->top.peers.at;
    for (size_t i = 0; i < c->top.peers.count; i++) {
        each += (int64_t)peers[i].url.count * peers[i].connections;
    }
    return FOR_PROCESS + FOR_ADMIN + each * workers;
}

/* Fewer connections than were asked for are served with a warning; a handful, and the start is
 * refused: it would be an outage that looks like a success. */
budget budget_make(const conf *c, unsigned workers, cmp_report *report)
{
    static const char key[] = "limits.connections";
    const int64_t limit = limit_of_process(), kept = others(c, workers);
    const int64_t wanted = c->top.limits.connections, room = limit - kept;
    const int64_t least = CONNECTIONS_LEAST < wanted ? CONNECTIONS_LEAST : wanted;
    if (room < least) {
        report_add(
            report, conf_place_of(c, key), key,
            "the process may open %lld files (ulimit -n, LimitNOFILE); %u workers, peers and "
            "stores may need %lld of them, and connections at least %lld",
            (long long)limit, workers, (long long)kept, (long long)least);
    } else if (room < wanted) {
        log_warning("daemon",
                    "limits.connections is %lld, but the process may open %lld files (ulimit -n, "
                    "LimitNOFILE), of which workers, peers and stores may need %lld: %lld "
                    "connections are served",
                    (long long)wanted, (long long)limit, (long long)kept, (long long)room);
    }
    return (budget){.connections = room < wanted ? room : wanted, .end = (int)limit - KEPT_BACK};
}
