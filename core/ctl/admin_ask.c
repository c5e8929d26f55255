/* SPDX-License-Identifier: Apache-2.0 */
/* See admin_ask.h. */
#include "ctl/admin_ask.h"

#include "conf/conf.h"
#include "ctl/https.h"
#include "ctl/look.h"
#include "ctl/output.h"

#include <cmp-kit/arena.h>

#include <stdlib.h>

/* More than the daemon's deadline of a resolve (3 s by default): an explanation of one that waits
 * for it still comes. */
#define TIMEOUT_S 10

/* The socket of the configuration, in the arena; NULL after a message. The whole configuration is
 * read for one path: defaults and included files decide on it as much as what stands there. */
static const char *socket_of(const char *config, kit_arena *a)
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
        path = kit_arena_text(a, cmp_str_from(c->top.admin.socket));
    }
    conf_destroy(&c);
    report_dispose(&report);
    return path;
}

/* HTTP/1.1 without TLS, as the admin socket speaks it. The host in the URL is a form: nobody looks
 * at it. */
static bool ask(const char *socket, const char *path, https_request request, https_options options,
                https_answer *got)
{
    kit_arena a;
    kit_arena_init(&a, NULL, 0);
    request.url = kit_arena_printf(&a, "http://cmpd%s", path);
    options.admin_socket = socket;
    options.http1 = true;
    const bool answered = https_ask(&request, &options, got);
    kit_arena_reset(&a);
    return answered;
}

#define ABSENT "%s: nobody listens there; does the daemon run?"

/* NULL: there is none, and `failure` says so. */
static json_t *object_of(const char *socket, const https_answer *got, char *failure, size_t size)
{
    json_t *body = json_loadb(got->body, got->body_size, 0, NULL);
    if (!json_is_object(body)) {
        snprintf(failure, size,
                 "%s: answered with %d and no JSON object; is the daemon another version?", socket,
                 got->status);
        json_decref(body);
        body = NULL;
    }
    return body;
}

/* Of an answer that is a problem (RFC 9457). */
static const char *detail_of(const json_t *problem)
{
    const char *detail = look_text(problem, "detail");
    return *detail != '\0' ? detail : look_text(problem, "title");
}

json_t *admin_look(const char *socket, const char *path, long timeout_s, char *failure, size_t size)
{
    https_answer got;
    json_t *body = NULL;
    if (ask(socket, path, (https_request){.url = NULL},
            (https_options){.timeout_s = timeout_s, .failure = failure, .failure_size = size},
            &got)) {
        body = object_of(socket, &got, failure, size);
        if (body != NULL && got.status != 200) {
            snprintf(failure, size, "%s: %s", socket, detail_of(body));
            json_decref(body);
            body = NULL;
        }
    } else if (got.absent) {
        snprintf(failure, size, ABSENT, socket);
    }
    https_answer_dispose(&got);
    return body;
}

const char *admin_socket_of(const char *config, const char *socket, kit_arena *memory)
{
    if ((config == NULL) == (socket == NULL)) {
        output_fail("either --config or --socket has to be given");
        return NULL;
    }
    return socket != NULL ? socket : socket_of(config, memory);
}

json_t *admin_ask(const char *config, const char *socket, const char *path)
{
    kit_arena a;
    kit_arena_init(&a, NULL, 0);
    char failure[ADMIN_FAILURE_SIZE];
    socket = admin_socket_of(config, socket, &a);
    json_t *body =
        socket != NULL ? admin_look(socket, path, TIMEOUT_S, failure, sizeof(failure)) : NULL;
    if (socket != NULL && body == NULL) {
        output_fail("%s", failure);
    }
    kit_arena_reset(&a);
    return body;
}

/* ---- what is answered ---- */

/* As the daemon would print it itself. */
static void print_error(const json_t *error)
{
    const char *file = look_text(error, "file"), *key = look_text(error, "key");
    const long long line = json_integer_value(json_object_get(error, "line"));
    const long long column = json_integer_value(json_object_get(error, "column"));
    output_visible(cmp_str_from(file), stderr);
    if (line != 0) {
        fprintf(stderr, ":%lld:%lld", line, column);
    }
    fputs(*file != '\0' ? ": " : "", stderr);
    output_visible(cmp_str_from(key), stderr);
    fputs(*key != '\0' ? ": " : "", stderr);
    output_visible(cmp_str_from(look_text(error, "text")), stderr);
    fputc('\n', stderr);
}

static void print_problem(const char *socket, const json_t *problem)
{
    size_t i;
    json_t *error;
    json_array_foreach(json_object_get(problem, "errors"), i, error)
    {
        print_error(error);
    }
    output_fail_at(socket, 0, detail_of(problem));
}

static admin_outcome judge(const char *socket, const https_answer *got, json_t **answer)
{
    char failure[ADMIN_FAILURE_SIZE];
    json_t *body = object_of(socket, got, failure, sizeof(failure));
    if (body == NULL) {
        output_fail("%s", failure);
        return ADMIN_UNKNOWN;
    }
    if (got->status == 200) {
        *answer = body;
        return ADMIN_DONE;
    }
    print_problem(socket, body);
    json_decref(body);
    return ADMIN_REFUSED;
}

/* ---- texts ---- */

int admin_show(const char *config, const char *socket, const char *path, const char *accept)
{
    kit_arena a;
    kit_arena_init(&a, NULL, 0);
    int status = EXIT_CANNOT;
    socket = admin_socket_of(config, socket, &a);
    if (socket != NULL) {
        https_answer got;
        json_t *unused;
        if (!ask(socket, path, (https_request){.accept = accept},
                 (https_options){.timeout_s = TIMEOUT_S}, &got)) {
            status = got.absent ? output_fail(ABSENT, socket) : EXIT_CANNOT;
        } else if (got.status == 200) {
            fwrite(got.body, 1, got.body_size, stdout);
            status = EXIT_GOOD;
        } else {
            (void)judge(socket, &got, &unused);
        }
        https_answer_dispose(&got);
    }
    kit_arena_reset(&a);
    return status;
}

/* ---- commands ---- */

admin_outcome admin_post(const char *socket, const char *path, json_t *body, long timeout_s,
                         json_t **answer)
{
    char *text = body != NULL ? json_dumps(body, JSON_COMPACT) : NULL;
    json_decref(body);
    https_answer got;
    *answer = NULL;
    const bool answered =
        ask(socket, path,
            (https_request){.content_type = "application/json", .body = text != NULL ? text : ""},
            (https_options){.timeout_s = timeout_s}, &got);
    const admin_outcome outcome = answered     ? judge(socket, &got, answer)
                                  : got.absent ? ADMIN_ABSENT
                                               : ADMIN_UNKNOWN;
    https_answer_dispose(&got);
    free(text);
    return outcome;
}

int admin_command_ask(const char *config, const char *socket, const char *path, json_t *body,
                      long timeout_s, json_t **answer)
{
    kit_arena a;
    kit_arena_init(&a, NULL, 0);
    admin_outcome outcome = ADMIN_UNKNOWN;
    *answer = NULL;
    socket = admin_socket_of(config, socket, &a);
    if (socket == NULL) {
        json_decref(body);
    } else if ((outcome = admin_post(socket, path, body, timeout_s, answer)) == ADMIN_ABSENT) {
        output_fail(ABSENT, socket);
    }
    kit_arena_reset(&a);
    return outcome == ADMIN_DONE ? EXIT_GOOD : outcome == ADMIN_REFUSED ? EXIT_BAD : EXIT_CANNOT;
}

void admin_print_workers(const char *words, const json_t *answer)
{
    const long long workers = look_number(answer, "workers");
    printf("%s on %lld worker%s\n", words, workers, workers == 1 ? "" : "s");
}
