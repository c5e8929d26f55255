/* SPDX-License-Identifier: Apache-2.0 */
/* `cmpctl log-level`: which lines the running daemon writes to its log. */
#include "ctl/admin_ask.h"
#include "ctl/args.h"
#include "ctl/commands.h"
#include "ctl/look.h"
#include "ctl/output.h"

#define TIMEOUT_S 10

typedef struct log_level_options {
    const char *config, *socket;
    bool json;
} log_level_options;

static const args_row rows[] = {
    ADMIN_WHERE_ROWS(log_level_options),
    ARGS_JSON_ROW(log_level_options),
    {.name = NULL},
};

static const args_command command = {
    .name = "log-level",
    .operands = "[LEVEL]",
    .operand_most = 1,
    .summary = "Shows which lines the running daemon logs, or changes it",
    .details =
        "LEVEL is error, warning, notice, info or debug; a line of that level or of one before it\n"
        "is logged. All of the daemon goes by it at once, until the next reload or restart: then\n"
        "the configuration (log.level) counts again.\n\n"
        "  cmpctl log-level --config cmpd.yaml debug\n",
    .rows = rows,
};

static int show(const log_level_options *o)
{
    json_t *answer = admin_ask(o->config, o->socket, "/status");
    if (answer == NULL) {
        return EXIT_CANNOT;
    }
    const json_t *level = json_object_get(answer, "log_level");
    const char *now = look_text(level, "now"), *configured = look_text(level, "configured");
    if (o->json) {
        output_json(json_deep_copy(level));
    } else if (strcmp(now, configured) == 0) {
        puts(now);
    } else {
        printf("%s until the next reload; configured is %s\n", now, configured);
    }
    json_decref(answer);
    return EXIT_GOOD;
}

static int change(const log_level_options *o, const char *level)
{
    json_t *answer, *body = json_pack("{s:s}", "level", level);
    if (body == NULL) {
        return output_fail("the level is no UTF-8");
    }
    const int status =
        admin_command_ask(o->config, o->socket, "/log-level", body, TIMEOUT_S, &answer);
    if (status == EXIT_GOOD && o->json) {
        output_json(json_incref(answer));
    } else if (status == EXIT_GOOD) {
        printf("%s, was %s\n", look_text(answer, "now"), look_text(answer, "before"));
    }
    json_decref(answer);
    return status;
}

int log_level_run(int argc, char **argv)
{
    log_level_options o = {.config = NULL};
    char **words;
    const args_result parsed = args_parse_some(&command, argc, argv, &o, &words);
    if (parsed != ARGS_GO) {
        return args_status(parsed);
    }
    return words[0] == NULL ? show(&o) : change(&o, words[0]);
}
