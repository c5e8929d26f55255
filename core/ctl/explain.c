/* SPDX-License-Identifier: Apache-2.0 */
/* `cmpctl explain`: asks the running daemon what would happen to a request, and why. */
#include "base/clock.h"
#include "conf/conf.h"
#include "ctl/admin_ask.h"
#include "ctl/args.h"
#include "ctl/commands.h"
#include "ctl/output.h"
#include "ctl/params.h"

#include <cmp-kit/uuid.h>

typedef struct explain_options {
    const char *config, *socket, *as, *user;
    args_list params;
    bool json;
} explain_options;

static const args_row rows[] = {
    ADMIN_WHERE_ROWS(explain_options),
    ARGS_ROW("as", TEXT, explain_options, as, "PEER",
             "as if that peer asked over MC-3; otherwise a handset over MC-1"),
    ARGS_ROW("user", TEXT, explain_options, user, "USER", "otherwise cmpctl"),
    ARGS_ROW("param", LIST, explain_options, params, "NAME=VALUE",
             "any other parameter, such as language=fr; may be repeated"),
    ADMIN_JSON_ROW(explain_options),
    {.name = NULL},
};

static const args_command command = {
    .name = "explain",
    .operands = "ICI",
    .operand_count = 1,
    .summary = "Shows what the running daemon would do with a request, step by step",
    .details =
        "Nobody is authenticated, nothing is remembered, and nothing is sent to a next hop.\n"
        "Stores, routes and the signer are really asked.\n\n"
        "  cmpctl explain 2B001-42 --config cmpd.yaml --as b --param language=fr\n",
    .rows = rows,
};

/* What has an option or a place of its own would be given twice. */
static bool params_free(const args_list *params)
{
    static const struct {
        const char *head, *instead;
    } taken[] = {
        {"user=", "--param: the user is given with --user"},
        {"ici=", "--param: the ICI is given by itself, without --param"},
        {"tid=", "--param: explain makes a tid itself"},
    };
    for (size_t i = 0; i < params->count; i++) {
        for (size_t j = 0; j < sizeof(taken) / sizeof(taken[0]); j++) {
            if (strncmp(params->at[i], taken[j].head, strlen(taken[j].head)) == 0) {
                output_fail("%s", taken[j].instead);
                return false;
            }
        }
    }
    return true;
}

/* It goes into a path as it stands. NULL, not given, is fine; otherwise false after a message. */
static bool is_name(const char *as)
{
    if (as != NULL && !conf_name_valid(cmp_str_from(as))) {
        output_fail("--as: \"%s\" names no peer: %s", as, CONF_NAME_EXPECTED);
        return false;
    }
    return true;
}

/* The path and query to ask for; NULL after a message. By GET, with everything in the query, and
 * checked by the daemon as any request: what is refused here would be refused there. */
static const char *path_of(const explain_options *o, const char *ici, kit_arena *a)
{
    query q;
    query_init(&q, a);
    char tid[KIT_UUID_TEXT_SIZE];
    kit_uuid_v7_make(clock_now_ms(), tid);
    if (o->as != NULL) { /* on MC-1 the Home CMP makes it */
        query_add(&q, "tid", (cmp_str){tid, sizeof(tid)});
    }
    query_add(&q, "ici", cmp_str_from(ici));
    query_add(&q, "user", o->user != NULL ? cmp_str_from(o->user) : CMP_STR("cmpctl"));
    if (!params_free(&o->params) || !params_add(&o->params, &q)) {
        return NULL;
    }
    return kit_arena_printf(a, "/explain%s%s?%s", o->as != NULL ? "/as/" : "",
                            o->as != NULL ? o->as : "", query_form(&q));
}

/* The daemon sends nothing, so what the next hop would say is not known. */
static bool would_be_sent(const json_t *answer)
{
    return json_is_true(json_object_get(answer, "would_be_sent"));
}

/* The status, and of a problem what its answer says. */
static void print_answer(const json_t *answer)
{
    const char *code = json_string_value(json_object_get(answer, "code"));
    const char *detail = json_string_value(json_object_get(answer, "detail"));
    const char *parameter = json_string_value(json_object_get(answer, "parameter"));
    printf("%-12s %d%s%s", "answer", (int)json_integer_value(json_object_get(answer, "status")),
           code != NULL ? " " : "", code != NULL ? code : "");
    if (parameter != NULL) {
        fputs(", parameter ", stdout);
        output_visible(cmp_str_from(parameter), stdout);
    }
    if (detail != NULL) {
        fputs(": ", stdout);
        output_visible(cmp_str_from(detail), stdout);
    }
    putchar('\n');
}

static void print_steps(const json_t *answer)
{
    size_t i;
    json_t *step;
    json_array_foreach(json_object_get(answer, "steps"), i, step)
    {
        const char *name = json_string_value(json_object_get(step, "step"));
        const char *text = json_string_value(json_object_get(step, "text"));
        printf("%-12s ", name != NULL ? name : "");
        output_visible(cmp_str_from(text != NULL ? text : ""), stdout);
        putchar('\n');
    }
    if (would_be_sent(answer)) {
        printf("%-12s would be sent\n", "answer");
    } else {
        print_answer(answer);
    }
}

/* Gives the answer back; returns the exit status. */
static int show(const explain_options *o, json_t *answer)
{
    const bool good =
        would_be_sent(answer) || json_integer_value(json_object_get(answer, "status")) == 200;
    if (o->json) {
        output_json(answer);
    } else {
        print_steps(answer);
        json_decref(answer);
    }
    return good ? EXIT_GOOD : EXIT_BAD;
}

int explain_run(int argc, char **argv)
{
    explain_options o = {.config = NULL};
    const char *operands[1];
    const args_result parsed = args_parse(&command, argc, argv, &o, operands);
    if (parsed != ARGS_GO) {
        return args_status(parsed);
    }
    kit_arena a;
    kit_arena_init(&a, NULL, 0);
    const char *path = is_name(o.as) ? path_of(&o, operands[0], &a) : NULL;
    json_t *answer = path != NULL ? admin_ask(o.config, o.socket, path) : NULL;
    kit_arena_reset(&a);
    return answer != NULL ? show(&o, answer) : EXIT_CANNOT;
}
