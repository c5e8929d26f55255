/* SPDX-License-Identifier: Apache-2.0 */
/* `cmpctl reload`: has the running daemon take its configuration anew, and waits until it has. */
#include "ctl/admin_ask.h"
#include "ctl/args.h"
#include "ctl/commands.h"
#include "ctl/output.h"

#include <string.h>

#define PATIENCE_S 120 /* a store may have a lot to read */

typedef struct reload_options {
    const char *config, *socket;
    bool dry_run, json;
} reload_options;

static const args_row rows[] = {
    ADMIN_WHERE_ROWS(reload_options),
    ARGS_ROW("dry-run", FLAG, reload_options, dry_run, NULL,
             "only show what it would change, or what is wrong with it"),
    ADMIN_JSON_ROW(reload_options),
    {.name = NULL},
};

static const args_command command = {
    .name = "reload",
    .summary = "Has the running daemon take its changed configuration",
    .details =
        "Waits until every worker has it. Requests go on meanwhile, and connections stay open. "
        "Any\n"
        "error, and nothing changes. What is not changed is carried over as it is: stores with\n"
        "what they hold, caches, connections to peers. Some settings need a restart: they are\n"
        "named, and stay as they are until then.\n\n"
        "  cmpctl reload --config cmpd.yaml --dry-run\n"
        "  cmpctl reload --config cmpd.yaml\n",
    .rows = rows,
};

static void print_list(const json_t *answer, const char *list, const char *words)
{
    size_t i;
    json_t *path;
    json_array_foreach(json_object_get(answer, list), i, path)
    {
        printf("%s: ", words);
        output_visible(cmp_str_from(json_string_value(path)), stdout);
        putchar('\n');
    }
}

/* How many there are of each sort: with a thousand peers nobody wants to read them. */
static void print_carried(const json_t *answer)
{
    static const char *const sorts[] = {"listeners", "peers", "plugins"};
    const json_t *carried = json_object_get(answer, "carried_over");
    for (size_t s = 0; s < sizeof(sorts) / sizeof(sorts[0]); s++) {
        size_t count = 0, i;
        json_t *path;
        json_array_foreach(carried, i, path)
        {
            const size_t size = strlen(sorts[s]);
            const char *text = json_string_value(path);
            count += strncmp(text, sorts[s], size) == 0 && text[size] == '.';
        }
        if (count > 0) {
            printf("carried over: %zu %s\n", count, sorts[s]);
        }
    }
}

static void print_answer(const json_t *answer, bool dry_run)
{
    print_list(answer, "added", "added");
    print_list(answer, "changed", "changed");
    print_list(answer, "removed", "removed");
    print_carried(answer);
    print_list(answer, "restart", "needs a restart");
    if (dry_run) {
        puts("nothing was changed");
    } else {
        admin_print_workers("in force", answer);
    }
}

int reload_run(int argc, char **argv)
{
    reload_options o = {.config = NULL};
    const args_result parsed = args_parse(&command, argc, argv, &o, NULL);
    if (parsed != ARGS_GO) {
        return args_status(parsed);
    }
    json_t *answer = NULL;
    const int status =
        admin_command_ask(o.config, o.socket, o.dry_run ? "/reload?dry-run" : "/reload", NULL,
                          PATIENCE_S, &answer);
    if (status == EXIT_GOOD && o.json) {
        output_json(answer);
    } else if (status == EXIT_GOOD) {
        print_answer(answer, o.dry_run);
        json_decref(answer);
    }
    return status;
}
