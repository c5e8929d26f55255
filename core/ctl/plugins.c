/* SPDX-License-Identifier: Apache-2.0 */
/* `cmpctl plugins`: the plugins of the running daemon, and how they fare. */
#include "ctl/admin_ask.h"
#include "ctl/args.h"
#include "ctl/commands.h"
#include "ctl/look.h"
#include "ctl/output.h"

typedef struct plugins_options {
    const char *config, *socket;
    bool json;
} plugins_options;

static const args_row rows[] = {
    ADMIN_WHERE_ROWS(plugins_options),
    ADMIN_JSON_ROW(plugins_options),
    {.name = NULL},
};

static const args_command command = {
    .name = "plugins",
    .summary = "Shows the plugins of the running daemon, and how they fare",
    .details =
        "Of each plugin its kind, version, the ABI that it was built for, and its file; of each\n"
        "instance how often it was asked, how often it could not tell (unavailable), how often it\n"
        "broke a rule (errors: bad answers and stale operations), how many answers came when\n"
        "nobody waited any more (late), and the longest time for which it has held a thread.\n"
        "To have one of them do something there is \"cmpctl plugin\".\n\n"
        "  cmpctl plugins --config cmpd.yaml\n",
    .rows = rows,
};

static void print_text(const json_t *from, const char *name)
{
    const char *text = json_string_value(json_object_get(from, name));
    output_visible(cmp_str_from(text != NULL ? text : "-"), stdout);
}

static void print_instance(const json_t *i)
{
    fputs("  ", stdout);
    print_text(i, "instance");
    printf(": %lld calls, %lld unavailable, %lld errors, %lld late", look_number(i, "calls"),
           look_number(i, "unavailable"), look_number(i, "errors"), look_number(i, "late_answers"));
    if (look_number(i, "under_way") > 0) {
        printf(", %lld under way", look_number(i, "under_way"));
    }
    if (look_number(i, "stalls") > 0) {
        printf(", %lld stalls (longest %lld ms)", look_number(i, "stalls"),
               look_number(i, "longest_stall_ms"));
    }
    puts(json_is_true(json_object_get(i, "blocks")) ? ", on the pool" : "");
}

static void print_plugin(const json_t *p)
{
    size_t at;
    json_t *i;
    print_text(p, "plugin");
    fputs(" (", stdout);
    print_text(p, "kind");
    fputs(", version ", stdout);
    print_text(p, "version");
    fputs(", plugin ABI ", stdout);
    print_text(p, "abi");
    fputs(") ", stdout);
    print_text(p, "file");
    putchar('\n');
    json_array_foreach(json_object_get(p, "instances"), at, i)
    {
        print_instance(i);
    }
}

int plugins_run(int argc, char **argv)
{
    plugins_options o = {.config = NULL};
    const args_result parsed = args_parse(&command, argc, argv, &o, NULL);
    if (parsed != ARGS_GO) {
        return args_status(parsed);
    }
    json_t *answer = admin_ask(o.config, o.socket, "/plugins");
    if (answer == NULL) {
        return EXIT_CANNOT;
    }
    if (o.json) {
        output_json(answer);
        return EXIT_GOOD;
    }
    size_t at;
    json_t *p;
    fputs("The daemon's plugin ABI is ", stdout);
    print_text(answer, "abi");
    putchar('\n');
    json_array_foreach(json_object_get(answer, "plugins"), at, p)
    {
        print_plugin(p);
    }
    json_decref(answer);
    return EXIT_GOOD;
}
