/* `cmpctl explain`: asks the running daemon what would happen to a request, and why. */
#include "base/clock.h"
#include "base/text.h"
#include "base/uuid.h"
#include "conf/conf.h"
#include "ctl/args.h"
#include "ctl/commands.h"
#include "ctl/https.h"
#include "ctl/output.h"
#include "ctl/params.h"

#define TIMEOUT_S 10

typedef struct explain_options {
    const char *config, *socket, *as, *user;
    args_list params;
    bool json;
} explain_options;

static const args_row rows[] = {
    {"config", ARGS_TEXT, offsetof(explain_options, config), "FILE",
     "the daemon's configuration, which names its admin socket"},
    {"socket", ARGS_TEXT, offsetof(explain_options, socket), "PATH", "or the admin socket itself"},
    {"as", ARGS_TEXT, offsetof(explain_options, as), "PEER",
     "as if that peer asked over MC-3; otherwise a handset over MC-1"},
    {"user", ARGS_TEXT, offsetof(explain_options, user), "USER", "otherwise cmpctl"},
    {"param", ARGS_LIST, offsetof(explain_options, params), "NAME=VALUE",
     "any other parameter, such as language=fr; may be repeated"},
    {"json", ARGS_FLAG, offsetof(explain_options, json), NULL, "print the daemon's own answer"},
    {.name = NULL},
};

static const args_command command = {
    .name = "explain",
    .operands = "ICI",
    .operand_count = 1,
    .summary = "Shows what the running daemon would do with a request, step by step",
    .details =
        "Nobody is authenticated, nothing is remembered, and nothing is sent to a next hop.\n"
        "Stores and routes are really asked.\n\n"
        "  cmpctl explain 2B001-42 --config cmpd.yaml --as b --param language=fr\n",
    .rows = rows,
};

/* The socket of the configuration, in the arena; NULL after a message. */
static const char *socket_of(const char *config, arena *a)
{
    cmp_report report;
    report_init(&report);
    conf *c = conf_load(config, &report);
    const char *path = NULL;
    if (c == NULL || report.count != 0) {
        output_fail_report(&report);
    } else if (c->top.admin.socket == NULL) {
        output_fail("%s: admin.socket is not configured", config);
    } else {
        path = arena_text(a, cmp_str_from(c->top.admin.socket));
    }
    conf_destroy(&c);
    report_dispose(&report);
    return path;
}

static const char *url_of(const explain_options *o, const char *ici, arena *a)
{
    query q;
    query_init(&q, a);
    char tid[UUID_TEXT_SIZE];
    uuid_v7_make(clock_now_ms(), tid);
    if (o->as != NULL) { /* on MC-1 the Home CMP makes it */
        query_add(&q, "tid", (cmp_str){tid, sizeof(tid)});
    }
    query_add(&q, "ici", cmp_str_from(ici));
    query_add(&q, "user", o->user != NULL ? cmp_str_from(o->user) : CMP_STR("cmpctl"));
    if (!params_add(&o->params, &q)) {
        return NULL;
    }
    return arena_printf(a, "http://cmpd/explain%s%s?%s", o->as != NULL ? "/as/" : "",
                        o->as != NULL ? o->as : "", query_form(&q));
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
    const char *code = json_string_value(json_object_get(answer, "code"));
    printf("%-12s %d%s%s\n", "answer", (int)json_integer_value(json_object_get(answer, "status")),
           code != NULL ? " " : "", code != NULL ? code : "");
}

static int ask(const explain_options *o, const char *socket, const char *url)
{
    const https_request request = {.url = url};
    const https_options options = {.timeout_s = TIMEOUT_S, .admin_socket = socket, .http1 = true};
    https_answer answer;
    int status = EXIT_CANNOT;
    if (https_ask(&request, &options, &answer)) {
        json_t *body = json_loadb(answer.body, answer.body_size, 0, NULL);
        if (!json_is_object(body)) {
            output_fail("%s: the answer is no JSON object", socket);
        } else if (o->json) {
            output_json(json_incref(body));
        } else {
            print_steps(body);
        }
        const bool good = json_integer_value(json_object_get(body, "status")) == 200;
        status = !json_is_object(body) ? EXIT_CANNOT : good ? EXIT_GOOD : EXIT_BAD;
        json_decref(body);
    }
    https_answer_dispose(&answer);
    return status;
}

int explain_run(int argc, char **argv)
{
    explain_options o = {.config = NULL};
    const char *operands[1];
    const args_result parsed = args_parse(&command, argc, argv, &o, operands);
    if (parsed != ARGS_GO) {
        return args_status(parsed);
    }
    if ((o.config == NULL) == (o.socket == NULL)) {
        return output_fail("one of --config and --socket is needed");
    }
    arena a;
    arena_init(&a, NULL, 0);
    const char *socket = o.socket != NULL ? o.socket : socket_of(o.config, &a);
    const char *url = socket != NULL ? url_of(&o, operands[0], &a) : NULL;
    const int status = url != NULL ? ask(&o, socket, url) : EXIT_CANNOT;
    arena_reset(&a);
    return status;
}
