/* SPDX-License-Identifier: Apache-2.0 */
/* `cmpctl plugin`: an operator's command to a plugin instance of the running daemon. */
#include "ctl/admin_ask.h"
#include "ctl/args.h"
#include "ctl/commands.h"
#include "ctl/output.h"

#define TIMEOUT_S 40 /* the daemon's own is 30 s */

typedef struct plugin_options {
    const char *config, *socket;
} plugin_options;

static const args_row rows[] = {
    ARGS_ROW("config", TEXT, plugin_options, config, "FILE",
             "the daemon's configuration, which names its admin socket"),
    ARGS_ROW("socket", TEXT, plugin_options, socket, "PATH", "or the admin socket itself"),
    {.name = NULL},
};

static const args_command command = {
    .name = "plugin",
    .operands = "INSTANCE [COMMAND [ARGUMENT]]",
    .operand_count = 1,
    .operand_most = 3,
    .summary = "Has a plugin instance of the running daemon do something",
    .details =
        "INSTANCE is a name under plugins. Without a command those that it knows are listed;\n"
        "\"cmpd --help-plugin\" does so without a daemon. For example, a code file from which\n"
        "most codes are gone is not believed at once; when that is as it should be:\n\n"
        "  cmpctl plugin --config cmpd.yaml codes accept\n\n"
        "Exit status: 1 when the plugin says that it was not done.\n",
    .rows = rows,
};

static const char *text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text != NULL ? text : "";
}

static void show(const char *text)
{
    output_visible(cmp_str_from(text), stdout);
}

static void print_list(const char *instance, const json_t *answer)
{
    const json_t *commands = json_object_get(answer, "commands");
    size_t i;
    json_t *c;
    if (json_array_size(commands) == 0) {
        show(instance);
        fputs(": ", stdout);
        show(text_of(answer, "plugin"));
        puts(" knows no commands");
    }
    json_array_foreach(commands, i, c)
    {
        const char *argument = text_of(c, "argument");
        show(text_of(c, "name"));
        fputs(*argument != '\0' ? " [" : "", stdout);
        show(argument);
        fputs(*argument != '\0' ? "]  " : "  ", stdout);
        show(text_of(c, "help"));
        putchar('\n');
    }
}

int plugin_run(int argc, char **argv)
{
    plugin_options o = {.config = NULL};
    char **words;
    const args_result parsed = args_parse_some(&command, argc, argv, &o, &words);
    if (parsed != ARGS_GO) {
        return args_status(parsed);
    }
    const char *name = words[1], *argument = name != NULL ? words[2] : NULL;
    json_t *answer, *body = json_pack("{ss,ss*,ss*}", "instance", words[0], "command", name,
                                      "argument", argument);
    if (body == NULL) {
        return output_fail("a word is no UTF-8");
    }
    const int status = admin_command_ask(o.config, o.socket, "/plugin", body, TIMEOUT_S, &answer);
    if (status == EXIT_GOOD && name == NULL) {
        print_list(words[0], answer);
    } else if (status == EXIT_GOOD) {
        show(text_of(answer, "text"));
        putchar('\n');
    }
    json_decref(answer);
    return status;
}
