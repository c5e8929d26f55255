/* SPDX-License-Identifier: Apache-2.0 */
/* See commands.h. A row without its right does not compile. */
#include "daemon/commands.h"

#include "daemon/drain_command.h"
#include "daemon/keys_command.h"
#include "daemon/log_level_command.h"
#include "daemon/metrics.h"
#include "daemon/plugin_command.h"
#include "daemon/reload.h"
#include "daemon/restart.h"
#include "daemon/status.h"

typedef struct row {
    const char *path;
    bool query; /* GET; otherwise POST */
    admin_right right;
    admin_command_run run;
    void (*offer)(daemon_state *d, const admin_query *q); /* elsewhere, too; NULL: nowhere */
} row;

#define QUESTION(path_, right_, run_, ...)                                                         \
    {                                                                                              \
        .path = (path_), .query = true, .right = ADMIN_##right_, .run = (run_), __VA_ARGS__        \
    }
#define COMMAND(path_, right_, run_)                                                               \
    {                                                                                              \
        .path = (path_), .right = ADMIN_##right_, .run = (run_)                                    \
    }

static const row rows[] = {
    QUESTION("/metrics", READ, metrics_answer, .offer = metrics_offer), /* what is counted */
    QUESTION("/status", READ, status_answer),         /* how it is, for cmpctl status */
    QUESTION("/peers", READ, status_answer_peers),    /* of it, the peers */
    COMMAND("/keys", CHANGE, keys_command),           /* the keyring is read again */
    COMMAND("/reload", CHANGE, reload_command),       /* and the configuration */
    COMMAND("/restart", CHANGE, restart_command),     /* a new process takes over */
    COMMAND("/drain", CHANGE, drain_command),         /* clients go elsewhere */
    COMMAND("/undrain", CHANGE, undrain_command),     /* and come back */
    COMMAND("/log-level", CHANGE, log_level_command), /* until the next reload */
    COMMAND("/plugin", CHANGE, plugin_command),       /* what a plugin offers */
};

static void register_row(const row *r, daemon_state *d)
{
    struct st_h2o_hostconf_t *host = server_admin_host(d->server);
    if (!r->query) {
        admin_command_register(d->commands, host, r->path, r->right, r->run, d);
        return;
    }
    const admin_query *q = admin_query_register(d->commands, host, r->path, r->right, r->run, d);
    if (r->offer != NULL) {
        r->offer(d, q);
    }
}

void commands_register(daemon_state *d)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        register_row(&rows[i], d);
    }
}
