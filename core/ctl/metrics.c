/* SPDX-License-Identifier: Apache-2.0 */
/* `cmpctl metrics`: prints what a scrape of the running daemon would get. */
#include "ctl/admin_ask.h"
#include "ctl/args.h"
#include "ctl/commands.h"

typedef struct metrics_options {
    const char *config, *socket;
    bool openmetrics;
} metrics_options;

static const args_row rows[] = {
    ADMIN_WHERE_ROWS(metrics_options),
    ARGS_ROW("openmetrics", FLAG, metrics_options, openmetrics, NULL,
             "in the form of OpenMetrics; otherwise of Prometheus"),
    {.name = NULL},
};

static const args_command command = {
    .name = "metrics",
    .summary = "Prints all that the running daemon counts and measures, for Prometheus",
    .details = "cmpd-metrics(7) says what each of them means. On the admin socket it is GET "
               "/metrics.\n\n"
               "  cmpctl metrics --config cmpd.yaml | promtool check metrics",
    .rows = rows,
};

int metrics_run(int argc, char **argv)
{
    metrics_options o = {.config = NULL};
    const args_result parsed = args_parse(&command, argc, argv, &o, NULL);
    if (parsed != ARGS_GO) {
        return args_status(parsed);
    }
    return admin_show(o.config, o.socket, "/metrics",
                      o.openmetrics ? "application/openmetrics-text" : "text/plain");
}
