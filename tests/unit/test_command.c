/* SPDX-License-Identifier: Apache-2.0 */
/* admin/command.c: commands are POSTed, done one after the other, and answered once, whether
 * anybody still waits or not. Both loops turn on this thread. */
#include "admin/command.h"

#include "http/connection.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { CLIENTS = 20, WAITING_MAX = 16, ASKED_MAX = 4 };

typedef struct client {
    connection connection; /* as much of one as commands look at */
    int fd;                /* -1: gone */
    char got[4096];
    size_t size;
} client;

static loop *control, *serving;
static worker a_worker;
static server_worker server_side;
static h2o_globalconf_t config;
static h2o_context_t context;
static h2o_hostconf_t *hosts[2];
static h2o_accept_ctx_t accepting;
static admin_commands *commands;
static client clients[CLIENTS];

/* what the handler was asked, and has not answered yet */
static admin_command *asked;
static unsigned runs;

static void on_run(admin_command *c, void *arg)
{
    (void)arg;
    assert_null(asked); /* one at a time */
    asked = c;
    runs++;
}

static void on_query(admin_command *c, void *arg)
{
    (void)arg;
    const cmp_str accept = admin_command_accept(c);
    char *text = strdup("so it is\n");
    admin_command_text(c, accept.at == NULL ? "text/plain" : "text/other", text, strlen(text));
}

/* a question that is not answered at once */
static admin_command *held[ASKED_MAX];
static size_t held_count;

static void on_held(admin_command *c, void *arg)
{
    (void)arg;
    held[held_count++] = c;
}

/* As on a listener: the question is there without its path on the admin socket. */
static const admin_query *question;

static int on_stranger(h2o_handler_t *self, h2o_req_t *req)
{
    (void)self;
    admin_query_ask(question, req);
    return 0;
}

static int set_up(void **state)
{
    (void)state;
    memset(clients, 0, sizeof(clients));
    control = loop_create();
    serving = loop_create();
    a_worker = (worker){.loop = serving};
    server_side = (server_worker){.worker = &a_worker};
    h2o_config_init(&config);
    hosts[0] = h2o_config_register_host(&config, h2o_iovec_init(H2O_STRLIT("admin")), 65535);
    commands = admin_commands_create(control);
    admin_command_register(commands, hosts[0], "/change", ADMIN_CHANGE, on_run, NULL);
    admin_query_register(commands, hosts[0], "/look", ADMIN_READ, on_query, NULL);
    question = admin_query_register(commands, hosts[0], "/held", ADMIN_READ, on_held, NULL);
    h2o_pathconf_t *elsewhere = h2o_config_register_path(hosts[0], "/metrics", 0);
    h2o_create_handler(elsewhere, sizeof(h2o_handler_t))->on_req = on_stranger;
    held_count = 0;
    h2o_context_init(&context, loop_h2o(serving), &config);
    accepting = (h2o_accept_ctx_t){.ctx = &context, .hosts = hosts};
    asked = NULL;
    runs = 0;
    return 0;
}

static void leave(client *c)
{
    if (c->fd >= 0) {
        close(c->fd);
        c->fd = -1;
    }
}

static void turn(void)
{
    loop_settle(serving);
    loop_settle(control);
    loop_settle(serving);
}

static int tear_down(void **state)
{
    (void)state;
    for (size_t i = 0; i < CLIENTS; i++) {
        if (clients[i].connection.sw != NULL) {
            leave(&clients[i]);
        }
    }
    turn();
    turn();
    admin_commands_end(commands);
    h2o_context_dispose(&context);
    loop_destroy(&serving);
    loop_destroy(&control);
    admin_commands_destroy(&commands);
    h2o_config_dispose(&config);
    return 0;
}

static client *say(size_t at, const char *head, const char *body)
{
    client *c = &clients[at];
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    c->fd = ends[0];
    c->connection.sw = &server_side;
    h2o_socket_t *s = h2o_evloop_socket_create(loop_h2o(serving), ends[1],
                                               H2O_SOCKET_FLAG_IS_ACCEPTED_CONNECTION);
    s->on_close.cb = NULL;
    s->on_close.data = &c->connection;
    c->connection.socket = s;
    h2o_accept(&accepting, s);
    dprintf(c->fd, "%s HTTP/1.1\r\nHost: cmpd\r\nContent-Length: %zu\r\n\r\n%s", head, strlen(body),
            body);
    turn();
    return c;
}

static const char *answer_of(client *c)
{
    turn();
    const ssize_t got = read(c->fd, c->got + c->size, sizeof(c->got) - 1 - c->size);
    c->size += got > 0 ? (size_t)got : 0;
    c->got[c->size] = '\0';
    return c->got;
}

static void assert_has(client *c, const char *words)
{
    if (strstr(answer_of(c), words) == NULL) {
        fail_msg("no %s in: %s", words, c->got);
    }
}

static void done(const char *word)
{
    admin_command *c = asked;
    asked = NULL;
    admin_command_done(c, json_pack("{s: s}", "word", word));
}

static void only_post_changes(void **state)
{
    (void)state;
    client *c = say(0, "GET /change", "");
    assert_has(c, "HTTP/1.1 405 ");
    assert_has(c, "allow: POST");
    assert_has(say(1, "HEAD /change", ""), "HTTP/1.1 405 ");
    assert_null(strstr(clients[1].got, "POST it"));
    assert_has(say(2, "POST /change/more", ""), "HTTP/1.1 404 ");
    assert_has(say(3, "POST /change", "{"), "HTTP/1.1 400 ");
    assert_has(say(4, "POST /change", "[1]"), "the body is no JSON object");
    assert_int_equal(runs, 0);
    assert_has(c, "application/problem+json");
}

static void a_large_body_is_refused(void **state)
{
    (void)state;
    static char body[64 * 1024 + 2];
    memset(body, ' ', sizeof(body) - 1);
    assert_has(say(0, "POST /change", body), "HTTP/1.1 413 ");
    assert_int_equal(runs, 0);
}

static void it_is_answered_later(void **state)
{
    (void)state;
    client *c = say(0, "POST /change?x=1&dry-run", "{\"a\": 7}");
    assert_non_null(asked);
    assert_int_equal(json_integer_value(json_object_get(admin_command_body(asked), "a")), 7);
    assert_true(admin_command_flag(asked, "dry-run"));
    assert_true(admin_command_flag(asked, "x=1"));
    assert_false(admin_command_flag(asked, "dry"));
    assert_false(admin_command_flag(asked, "x"));
    assert_string_equal(answer_of(c), "");
    assert_int_equal(c->connection.active, 1); /* nobody takes it for idle */
    done("later");
    assert_has(c, "HTTP/1.1 200 ");
    assert_has(c, "{\"word\":\"later\"}");
    assert_int_equal(c->connection.active, 0);
}

static void without_a_body_there_is_none(void **state)
{
    (void)state;
    client *c = say(0, "POST /change", "");
    assert_null(admin_command_body(asked));
    assert_false(admin_command_flag(asked, "dry-run"));
    done("x");
    assert_has(c, "HTTP/1.1 200 ");
}

static void one_begins_when_the_other_is_answered(void **state)
{
    (void)state;
    client *first = say(0, "POST /change", ""), *second = say(1, "POST /change", "");
    assert_int_equal(runs, 1);
    done("first");
    assert_has(first, "first");
    assert_int_equal(runs, 2);
    assert_string_equal(answer_of(second), "");
    done("second");
    assert_has(second, "second");
}

static void a_client_that_goes_takes_nothing_along(void **state)
{
    (void)state;
    client *first = say(0, "POST /change", ""), *second = say(1, "POST /change", "");
    leave(first);
    turn();
    done("nobody hears");
    turn();
    done("second");
    assert_has(second, "second");
    assert_int_equal(first->connection.active, 0);
}

static void too_many_are_told_so(void **state)
{
    (void)state;
    for (size_t i = 0; i < WAITING_MAX; i++) {
        say(i, "POST /change", "");
    }
    assert_has(say(WAITING_MAX, "POST /change", ""), "HTTP/1.1 503 ");
    for (size_t i = 0; i < WAITING_MAX; i++) {
        done("x");
        assert_has(&clients[i], "HTTP/1.1 200 ");
    }
    assert_int_equal(runs, WAITING_MAX);
    client *again = say(WAITING_MAX + 1, "POST /change", "");
    done("again");
    assert_has(again, "again");
}

static void a_question_does_not_wait(void **state)
{
    (void)state;
    client *command = say(0, "POST /change", "");
    client *c = say(1, "GET /look", "");
    assert_has(c, "HTTP/1.1 200 ");
    assert_has(c, "content-type: text/plain\r\n");
    assert_has(c, "\r\n\r\nso it is\n");
    assert_int_equal(c->connection.requests, 1); /* who asks now and then is not idle */
    assert_int_not_equal(c->connection.last_ms, 0);
    assert_has(say(2, "POST /look", ""), "HTTP/1.1 405 ");
    assert_has(&clients[2], "allow: GET, HEAD");
    assert_string_equal(answer_of(command), "");
    done("x");
    assert_has(command, "HTTP/1.1 200 ");
}

static void strangers_take_nothing_from_operators(void **state)
{
    (void)state;
    assert_has(say(0, "POST /metrics", ""), "HTTP/1.1 405 ");
    for (size_t i = 0; i < ASKED_MAX; i++) {
        say(1 + i, "GET /metrics", "");
    }
    assert_int_equal(held_count, ASKED_MAX);
    assert_has(say(1 + ASKED_MAX, "GET /metrics", ""), "HTTP/1.1 503 ");
    assert_has(say(2 + ASKED_MAX, "GET /look", ""), "HTTP/1.1 200 ");
    for (size_t i = 0; i < ASKED_MAX; i++) {
        admin_command_text(held[i], "text/plain", strdup("so many\n"), 8);
        assert_has(&clients[1 + i], "\r\n\r\nso many\n");
    }
    held_count = 0;
    client *again = say(3 + ASKED_MAX, "GET /metrics", "");
    assert_int_equal(held_count, 1);
    admin_command_text(held[0], "text/plain", strdup("so many\n"), 8);
    assert_has(again, "HTTP/1.1 200 ");
}

static void errors_have_their_places(void **state)
{
    (void)state;
    client *c = say(0, "POST /change", "");
    cmp_report report;
    report_init(&report);
    report_add(&report, (conf_place){.file = "keys.yaml", .line = 3, .column = 5}, "issued[0].id",
               "a \"bad\" id");
    report_add(&report, (conf_place){.file = "keys.yaml"}, NULL, "the whole file");
    admin_command *command = asked;
    asked = NULL;
    admin_command_fail(command, 422, "nothing has changed", &report);
    report_dispose(&report);
    assert_has(c, "HTTP/1.1 422 ");
    assert_has(c, "{\"title\":\"Unprocessable Content\",\"status\":422,"
                  "\"detail\":\"nothing has changed\",\"errors\":["
                  "{\"file\":\"keys.yaml\",\"text\":\"the whole file\"},"
                  "{\"file\":\"keys.yaml\",\"line\":3,\"column\":5,\"key\":\"issued[0].id\","
                  "\"text\":\"a \\\"bad\\\" id\"}]}");
}

static void what_is_answered_at_the_end_goes_nowhere(void **state)
{
    (void)state;
    client *c = say(0, "POST /change", "");
    say(1, "POST /change", "");
    admin_commands_end(commands);
    done("too late");
    turn();
    assert_string_equal(answer_of(c), "");
    assert_int_equal(runs, 1); /* the other one goes with the queue */
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(only_post_changes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_large_body_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(it_is_answered_later, set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_a_body_there_is_none, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_begins_when_the_other_is_answered, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_client_that_goes_takes_nothing_along, set_up, tear_down),
        cmocka_unit_test_setup_teardown(too_many_are_told_so, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_question_does_not_wait, set_up, tear_down),
        cmocka_unit_test_setup_teardown(strangers_take_nothing_from_operators, set_up, tear_down),
        cmocka_unit_test_setup_teardown(errors_have_their_places, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_answered_at_the_end_goes_nowhere, set_up,
                                        tear_down),
    };
    signal(SIGPIPE, SIG_IGN); /* as cmpd does */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
