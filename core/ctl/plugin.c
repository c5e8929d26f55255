/* SPDX-License-Identifier: Apache-2.0 */
/* `cmpctl plugin`: an operator's command to a plugin instance of the running daemon. */
#include "ctl/admin_ask.h"
#include "ctl/args.h"
#include "ctl/commands.h"
#include "ctl/look.h"
#include "ctl/output.h"

#define TIMEOUT_S 40 /* the daemon's own is 30 s */

typedef struct plugin_options {
    const char *config, *socket;
} plugin_options;

static const args_row rows[] = {
    ADMIN_WHERE_ROWS(plugin_options),
    {.name = NULL},
};

static const args_command command = {
    .name = "plugin",
    .operands = "INSTANCE [COMMAND [ARGUMENT]]",
    .operand_count = 1,
    .operand_most = 3,
    .summary = "Has a plugin instance of the running daemon do something",
    .details =
        "INSTANCE is a name under plugins (\"cmpctl plugins\" shows them all, and how they fare).\n"
        "Without a command those that it knows are listed; \"cmpd --help-plugin\" does so without\n"
        "a daemon. For example, a code file from which most codes are gone is not believed at\n"
        "once; when that is as it should be:\n\n"
        "  cmpctl plugin --config cmpd.yaml codes accept\n\n"
        "Exit status: 1 when the plugin says that it was not done.\n",
    .rows = rows,
};

static void show(const char *text)
{
    output_visible(cmp_str_from(text), stdout);
}

static const json_t *find(const json_t *answer, const char *instance, const json_t **plugin)
{
    size_t p, i;
    json_t *one, *at;
    json_array_foreach(json_object_get(answer, "plugins"), p, one)
    {
        json_array_foreach(json_object_get(one, "instances"), i, at)
        {
            if (strcmp(look_text(at, "instance"), instance) == 0) {
                *plugin = one;
                return at;
            }
        }
    }
    return NULL;
}

static void print_commands(const json_t *instance, const json_t *plugin)
{
    const json_t *commands = json_object_get(instance, "commands");
    size_t i;
    json_t *c;
    if (json_array_size(commands) == 0) {
        show(look_text(instance, "instance"));
        fputs(": ", stdout);
        show(look_text(plugin, "plugin"));
        puts(" knows no commands");
    }
    json_array_foreach(commands, i, c)
    {
        const char *argument = look_text(c, "argument");
        show(look_text(c, "name"));
        fputs(*argument != '\0' ? " [" : "", stdout);
        show(argument);
        fputs(*argument != '\0' ? "]  " : "  ", stdout);
        show(look_text(c, "help"));
        putchar('\n');
    }
}

/* Which changes nothing, and so is a question. */
static int list(const plugin_options *o, const char *name)
{
    json_t *answer = admin_ask(o->config, o->socket, "/plugins");
    const json_t *plugin = NULL, *instance = answer != NULL ? find(answer, name, &plugin) : NULL;
    int status = answer == NULL ? EXIT_CANNOT : EXIT_BAD;
    if (instance != NULL) {
        print_commands(instance, plugin);
        status = EXIT_GOOD;
    } else if (answer != NULL) {
        output_fail("there is no plugin \"%s\" under plugins; see cmpctl plugins", name);
    }
    json_decref(answer);
    return status;
}

static int give(const plugin_options *o, char **words)
{
    json_t *answer, *body = json_pack("{ss,ss,ss*}", "instance", words[0], "command", words[1],
                                      "argument", words[2]);
    if (body == NULL) {
        return output_fail("a word is no UTF-8");
    }
    const int status = admin_command_ask(o->config, o->socket, "/plugin", body, TIMEOUT_S, &answer);
    if (status == EXIT_GOOD) {
        show(look_text(answer, "text"));
        putchar('\n');
    }
    json_decref(answer);
    return status;
}

int plugin_run(int argc, char **argv)
{
    plugin_options o = {.config = NULL};
    char **words;
    const args_result parsed = args_parse_some(&command, argc, argv, &o, &words);
    if (parsed != ARGS_GO) {
        return args_status(parsed);
    }
    return words[1] == NULL ? list(&o, words[0]) : give(&o, words);
}
