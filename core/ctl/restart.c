/* SPDX-License-Identifier: Apache-2.0 */
/* `cmpctl restart`: has a new process of the daemon's program take over. */
#include "ctl/admin_ask.h"
#include "ctl/args.h"
#include "ctl/commands.h"
#include "ctl/output.h"

#define TIMEOUT_S     60
#define TIMEOUT_MAX_S 3600
#define MARGIN_S      10 /* for the daemon to say that it was too late */

typedef struct restart_options {
    const char *config, *socket, *timeout;
    bool json;
} restart_options;

static const args_row rows[] = {
    ADMIN_WHERE_ROWS(restart_options),
    ARGS_ROW("timeout", TEXT, restart_options, timeout, "SECONDS",
             "how long the new process may take to be ready (60)"),
    ADMIN_JSON_ROW(restart_options),
    {.name = NULL},
};

static const args_command command = {
    .name = "restart",
    .summary = "Has a new process of the daemon take over, without a refused connection",
    .details =
        "The daemon starts its program anew, as it was started itself, and hands over what it\n"
        "listens on and which requests were used. When the new process is ready, it serves, and\n"
        "the old one answers what it has begun and ends. A new process that cannot start leaves\n"
        "the old one serving; what is wrong is printed.\n\n"
        "  cmpctl restart --config cmpd.yaml\n",
    .rows = rows,
};

int restart_run(int argc, char **argv)
{
    restart_options o = {.config = NULL};
    int64_t timeout_s;
    const args_result parsed = args_parse(&command, argc, argv, &o, NULL);
    if (parsed != ARGS_GO) {
        return args_status(parsed);
    }
    if (!args_number("timeout", o.timeout, TIMEOUT_S, 1, TIMEOUT_MAX_S, &timeout_s)) {
        return EXIT_CANNOT;
    }
    json_t *answer = NULL;
    const int status =
        admin_command_ask(o.config, o.socket, "/restart",
                          json_pack("{s:I}", "limit_ms", (json_int_t)timeout_s * 1000),
                          (long)timeout_s + MARGIN_S, &answer);
    if (answer != NULL && o.json) {
        output_json(answer);
    } else if (answer != NULL) {
        printf("process %lld serves; the one before drains\n",
               (long long)json_integer_value(json_object_get(answer, "pid")));
        json_decref(answer);
    }
    return status;
}
