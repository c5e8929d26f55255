/* SPDX-License-Identifier: Apache-2.0 */
/* `cmpctl drain` and `cmpctl undrain`: have the running daemon's clients go elsewhere, and come
 * back. */
#include "ctl/admin_ask.h"
#include "ctl/args.h"
#include "ctl/commands.h"
#include "ctl/output.h"

#define PATIENCE_S 10

typedef struct drain_options {
    const char *config, *socket;
    bool json;
} drain_options;

static const args_row rows[] = {
    ADMIN_WHERE_ROWS(drain_options),
    ADMIN_JSON_ROW(drain_options),
    {.name = NULL},
};

static const args_command drain = {
    .name = "drain",
    .summary = "Has the running daemon's clients go elsewhere",
    .details =
        "Readiness says no (\"cmpctl stats --json\": ready), so that balancers send no new\n"
        "ones. Connections that are open are told to leave, by GOAWAY and \"Connection:\n"
        "close\"; after the time of the configuration's `drain` those that are idle end, and\n"
        "after twice that time all of them. Who comes nevertheless is served, and told the\n"
        "same. \"cmpctl undrain\" takes it back.\n\n"
        "  cmpctl drain --config cmpd.yaml\n",
    .rows = rows,
};

static const args_command undrain = {
    .name = "undrain",
    .summary = "Has the running daemon serve again as it did before \"cmpctl drain\"",
    .details = "  cmpctl undrain --config cmpd.yaml\n",
    .rows = rows,
};

static int run(const args_command *command, const char *path, const char *words, int argc,
               char **argv)
{
    drain_options o = {.config = NULL};
    const args_result parsed = args_parse(command, argc, argv, &o, NULL);
    if (parsed != ARGS_GO) {
        return args_status(parsed);
    }
    json_t *answer = NULL;
    const int status = admin_command_ask(o.config, o.socket, path, NULL, PATIENCE_S, &answer);
    if (status == EXIT_GOOD && o.json) {
        output_json(answer);
    } else if (status == EXIT_GOOD) {
        admin_print_workers(words, answer);
        json_decref(answer);
    }
    return status;
}

int drain_run(int argc, char **argv)
{
    return run(&drain, "/drain", "draining", argc, argv);
}

int undrain_run(int argc, char **argv)
{
    return run(&undrain, "/undrain", "serving", argc, argv);
}
