/* SPDX-License-Identifier: Apache-2.0 */
/* See admin_ask.h. */
#include "ctl/admin_ask.h"

#include "conf/conf.h"
#include "ctl/https.h"
#include "ctl/output.h"

#include <cmp-kit/arena.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

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

static const char *text_at(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : "";
}

/* HTTP/1.1 without TLS, as the admin socket speaks it. The host in the URL is a form: nobody looks
 * at it. */
json_t *admin_look(const char *socket, const char *path, long timeout_s, char *failure, size_t size)
{
    kit_arena a;
    kit_arena_init(&a, NULL, 0);
    const https_request request = {.url = kit_arena_printf(&a, "http://cmpd%s", path)};
    const https_options options = {.timeout_s = timeout_s,
                                   .admin_socket = socket,
                                   .http1 = true,
                                   .failure = failure,
                                   .failure_size = size};
    https_answer got;
    json_t *body = NULL;
    if (https_ask(&request, &options, &got)) {
        body = json_loadb(got.body, got.body_size, 0, NULL);
        if (!json_is_object(body)) {
            snprintf(failure, size,
                     "%s: answered with %d and no JSON object; is the daemon another version?",
                     socket, got.status);
        } else if (got.status != 200) {
            const char *detail = text_at(body, "detail");
            snprintf(failure, size, "%s: %s", socket,
                     *detail != '\0' ? detail : text_at(body, "title"));
        }
        if (!json_is_object(body) || got.status != 200) {
            json_decref(body);
            body = NULL;
        }
    }
    https_answer_dispose(&got);
    kit_arena_reset(&a);
    return body;
}

const char *admin_socket_of(const char *config, const char *socket, kit_arena *memory)
{
    if ((config == NULL) == (socket == NULL)) {
        output_fail("one of --config and --socket is needed");
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

/* Of an answer that is no good one. */
static void tell_problem(const char *socket, const https_answer *got)
{
    json_t *body = json_loadb(got->body, got->body_size, 0, NULL);
    if (*text_at(body, "detail") != '\0') {
        output_fail_at(socket, 0, text_at(body, "detail"));
    } else {
        output_fail("%s: answered with %d; is the daemon another version?", socket, got->status);
    }
    json_decref(body);
}

int admin_show(const char *config, const char *socket, const char *path, const char *accept)
{
    kit_arena a;
    kit_arena_init(&a, NULL, 0);
    int status = EXIT_CANNOT;
    socket = admin_socket_of(config, socket, &a);
    if (socket != NULL) {
        const https_request request = {.url = kit_arena_printf(&a, "http://cmpd%s", path),
                                       .accept = accept};
        const https_options options = {.timeout_s = TIMEOUT_S,
                                       .admin_socket = socket,
                                       .http1 = true};
        https_answer got;
        const bool answered = https_ask(&request, &options, &got);
        if (answered && got.status == 200) {
            fwrite(got.body, 1, got.body_size, stdout);
            status = EXIT_GOOD;
        } else if (answered) {
            tell_problem(socket, &got);
        }
        https_answer_dispose(&got);
    }
    kit_arena_reset(&a);
    return status;
}

/* ---- commands ---- */

/* Whether a daemon listens there: a socket's file outlives its daemon. */
static bool is_absent(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof(address.sun_path)) {
        return false; /* to be told by whoever asks */
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const bool absent = fd >= 0 &&
                        connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0 &&
                        (errno == ENOENT || errno == ECONNREFUSED);
    if (fd >= 0) {
        close(fd);
    }
    return absent;
}

/* As the daemon would print it itself. */
static void print_error(const json_t *error)
{
    const char *file = text_at(error, "file"), *key = text_at(error, "key");
    const long long line = json_integer_value(json_object_get(error, "line"));
    const long long column = json_integer_value(json_object_get(error, "column"));
    output_visible(cmp_str_from(file), stderr);
    if (line != 0) {
        fprintf(stderr, ":%lld:%lld", line, column);
    }
    fputs(*file != '\0' ? ": " : "", stderr);
    output_visible(cmp_str_from(key), stderr);
    fputs(*key != '\0' ? ": " : "", stderr);
    output_visible(cmp_str_from(text_at(error, "text")), stderr);
    fputc('\n', stderr);
}

static void print_problem(const char *socket, const json_t *problem)
{
    size_t i;
    json_t *error;
    const char *detail = text_at(problem, "detail");
    json_array_foreach(json_object_get(problem, "errors"), i, error)
    {
        print_error(error);
    }
    output_fail_at(socket, 0, *detail != '\0' ? detail : text_at(problem, "title"));
}

static admin_outcome judge(const char *socket, const https_answer *got, json_t **answer)
{
    json_t *body = json_loadb(got->body, got->body_size, 0, NULL);
    if (!json_is_object(body)) {
        output_fail("%s: answered with %d and no JSON object; is the daemon another version?",
                    socket, got->status);
        json_decref(body);
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

admin_outcome admin_post(const char *socket, const char *path, json_t *body, long timeout_s,
                         json_t **answer)
{
    *answer = NULL;
    if (is_absent(socket)) {
        json_decref(body);
        return ADMIN_ABSENT;
    }
    kit_arena a;
    kit_arena_init(&a, NULL, 0);
    char *text = body != NULL ? json_dumps(body, JSON_COMPACT) : NULL;
    json_decref(body);
    const https_request request = {.url = kit_arena_printf(&a, "http://cmpd%s", path),
                                   .content_type = "application/json",
                                   .body = text != NULL ? text : ""};
    const https_options options = {.timeout_s = timeout_s, .admin_socket = socket, .http1 = true};
    https_answer got;
    const admin_outcome outcome =
        https_ask(&request, &options, &got) ? judge(socket, &got, answer) : ADMIN_UNKNOWN;
    https_answer_dispose(&got);
    free(text);
    kit_arena_reset(&a);
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
        output_fail("%s: nobody listens there; does the daemon run?", socket);
    }
    kit_arena_reset(&a);
    return outcome == ADMIN_DONE ? EXIT_GOOD : outcome == ADMIN_REFUSED ? EXIT_BAD : EXIT_CANNOT;
}
