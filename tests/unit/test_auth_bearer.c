/* SPDX-License-Identifier: Apache-2.0 */
/* sdk/examples/auth_bearer.c: whose token it is, and what happens when that cannot be told. */
#include "fake_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

extern const cmp_plugin cmp_plugin_descriptor;

/* As the plugin's rows fill it. */
typedef struct client {
    const char *client, *peer;
} client;

typedef struct options {
    const char *url, *ca, *id, *secret;
    int by;
    cmp_rows clients;
    int64_t timeout_ms, waiting;
} options;

static const client clients[] = {{"client-b", "b"}, {"client-c", "c"}};
static const cmp_peer peers[] = {{.name = {"b", 1}}, {.name = {"c", 1}}};
static fake_host f;
static fake_txn txn;
static fake_op op;
static cmp_pair header, parameter;

static options good_options(void)
{
    return (options){.url = "https://as.example.net/introspect",
                     .id = "cmp-a",
                     .secret = "s3cret",
                     .clients = {clients, 2},
                     .timeout_ms = 1000,
                     .waiting = 2};
}

static options used;

static int setup(void **state)
{
    (void)state;
    fake_host_init(&f);
    f.peers = peers;
    f.peer_count = 2;
    used = good_options();
    assert_non_null(fake_host_open(&f, &cmp_plugin_descriptor, &used));
    fake_txn_init(&txn, &f);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fake_txn_dispose(&txn);
    fake_host_close(&f);
    fake_host_dispose(&f);
    return 0;
}

static void bring(const char *authorization, const char *access_token)
{
    header = (cmp_pair){CMP_STR("authorization"), cmp_str_from(authorization)};
    parameter = (cmp_pair){CMP_STR("access_token"), cmp_str_from(access_token)};
    txn.headers = &header;
    txn.header_count = 1;
    txn.contextual = &parameter;
    txn.contextual_count = access_token != NULL;
    txn.consumed = 0;
}

static cmp_auth_answer answer;

static cmp_auth_verdict verify(void)
{
    answer = (cmp_auth_answer){.once = CMP_ONCE_NO};
    return cmp_plugin_descriptor.ops.auth->verify(f.instance, f.worker,
                                                  fake_op_begin(&op, CMP_PLUGIN_AUTH, &txn),
                                                  &answer);
}

static void say(int status, const char *body)
{
    const cmp_https_answer a = {.result = CMP_HTTPS_ANSWERED,
                                .status = status,
                                .content_type = CMP_STR("application/json"),
                                .body = cmp_str_from(body)};
    fake_host_answer(&f, &a);
    assert_int_equal(op.completions, 1);
}

static const cmp_https_request *asked(void)
{
    assert_int_equal(f.call_count, 1);
    return &f.call_order[0]->request;
}

static void without_a_token_it_abstains(void **state)
{
    static const char *const others[] = {NULL,     "",        "Basic YTpi",
                                         "Bearer", "Bearer ", "bearertoken"};
    (void)state;
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        bring(others[i], NULL);
        assert_int_equal(verify(), CMP_AUTH_ABSTAIN);
        assert_null(answer.peer.at);
    }
    assert_int_equal(f.call_count, 0);
}

static void what_is_no_token_is_asked_for_nowhere(void **state)
{
    static char large[4200] = "Bearer ";
    static const char *const bad[] = {"Bearer a b", "Bearer a\"b",      "Bearer =",
                                      "Bearer a=b", "Bearer a&token=b", "Bearer a\xC3\xA4",
                                      large};
    (void)state;
    memset(large + 7, 'a', 4097);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        bring(bad[i], NULL);
        assert_int_equal(verify(), CMP_AUTH_REJECT);
        assert_string_equal(answer.reason, "the token is malformed");
    }
    bring("Bearer a", "a");
    assert_int_equal(verify(), CMP_AUTH_REJECT);
    assert_string_equal(answer.reason, "a token in two places");
    bring("Basic YTpi", "a");
    assert_int_equal(verify(), CMP_AUTH_REJECT);
    assert_int_equal(f.call_count, 0);
}

static void a_token_is_asked_for(void **state)
{
    (void)state;
    bring("bEARER aZ09-._~+/==", NULL);
    assert_int_equal(verify(), CMP_AUTH_PENDING);
    assert_string_equal(asked()->method, "POST");
    assert_true(cmp_str_equal(asked()->content_type, CMP_STR("application/x-www-form-urlencoded")));
    assert_true(cmp_str_equal(asked()->body, CMP_STR("token=aZ09-._~%2B%2F%3D%3D")));
    assert_true(cmp_str_equal(asked()->authorization, CMP_STR("Basic Y21wLWE6czNjcmV0")));
    assert_int_equal(asked()->timeout_ms, 1000);
    say(200, "{\"active\":true,\"client_id\":\"client-b\"}");
    assert_int_equal(op.verdict, CMP_AUTH_ACCEPT);
    assert_true(cmp_str_equal(op.answer.auth.peer, CMP_STR("b")));
    assert_int_equal(op.answer.auth.once, CMP_ONCE_NO);
}

static void a_token_among_the_parameters_is_taken(void **state)
{
    (void)state;
    bring(NULL, "abc");
    assert_int_equal(verify(), CMP_AUTH_PENDING);
    assert_int_equal(txn.consumed, 1);
    assert_true(cmp_str_equal(asked()->body, CMP_STR("token=abc")));
    say(200, "{\"active\":true,\"client_id\":\"client-c\",\"token_type\":\"bearer\"}");
    assert_int_equal(op.verdict, CMP_AUTH_ACCEPT);
    assert_true(cmp_str_equal(op.answer.auth.peer, CMP_STR("c")));
}

static void what_the_server_says_decides(void **state)
{
    /* The host's clock begins at 1700000000 s. */
    static const struct {
        const char *body;
        cmp_auth_verdict verdict;
        const char *reason;
    } cases[] = {
        {"{\"active\":false}", CMP_AUTH_REJECT, "not active"},
        {"{\"active\":false,\"client_id\":\"client-b\"}", CMP_AUTH_REJECT, "not active"},
        {"{\"active\":true,\"client_id\":\"client-b\",\"exp\":1700000000}", CMP_AUTH_REJECT,
         "expired"},
        {"{\"active\":true,\"client_id\":\"client-b\",\"exp\":1700000001}", CMP_AUTH_ACCEPT, NULL},
        {"{\"active\":true,\"client_id\":\"client-b\",\"nbf\":1700000001}", CMP_AUTH_REJECT,
         "not valid yet"},
        {"{\"active\":true,\"client_id\":\"client-b\",\"nbf\":1700000000}", CMP_AUTH_ACCEPT, NULL},
        {"{\"active\":true,\"client_id\":\"client-b\",\"nbf\":\"now\"}", CMP_AUTH_REJECT,
         "not valid yet"},
        {"{\"active\":true,\"client_id\":\"client-b\",\"token_type\":\"DPoP\"}", CMP_AUTH_REJECT,
         "no bearer token"},
        {"{\"active\":true,\"client_id\":\"client-d\"}", CMP_AUTH_REJECT, "no peer"},
        {"{\"active\":true,\"client_id\":7}", CMP_AUTH_REJECT, "no peer"},
        {"{\"active\":true,\"username\":\"client-b\"}", CMP_AUTH_REJECT, "no peer"},
        {"{\"active\":true}", CMP_AUTH_REJECT, "no peer"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        bring("Bearer abc", NULL);
        assert_int_equal(verify(), CMP_AUTH_PENDING);
        say(200, cases[i].body);
        assert_int_equal(op.verdict, cases[i].verdict);
        assert_true(cases[i].reason == NULL ||
                    strstr(op.answer.auth.reason, cases[i].reason) != NULL);
    }
}

static void a_username_may_name_the_client(void **state)
{
    (void)state;
    used.by = 1;
    bring("Bearer abc", NULL);
    assert_int_equal(verify(), CMP_AUTH_PENDING);
    say(200, "{\"active\":true,\"client_id\":\"client-c\",\"username\":\"client-b\"}");
    assert_true(cmp_str_equal(op.answer.auth.peer, CMP_STR("b")));
}

static void without_an_answer_nobody_can_tell(void **state)
{
    static const struct {
        int status;
        const char *body;
    } bad[] = {
        {401, "{\"active\":true,\"client_id\":\"client-b\"}"},
        {500, ""},
        {200, ""},
        {200, "[]"},
        {200, "{}"},
        {200, "{\"active\":\"true\",\"client_id\":\"client-b\"}"},
        {200, "{\"active\":false,\"active\":true,\"client_id\":\"client-b\"}"},
    };
    static const cmp_https_result broken[] = {CMP_HTTPS_NOT_SENT, CMP_HTTPS_TIMEOUT,
                                              CMP_HTTPS_BROKEN, CMP_HTTPS_BAD_ANSWER};
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        bring("Bearer abc", NULL);
        assert_int_equal(verify(), CMP_AUTH_PENDING);
        say(bad[i].status, bad[i].body);
        assert_int_equal(op.verdict, CMP_AUTH_UNAVAILABLE);
    }
    for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
        const cmp_https_answer a = {.result = broken[i], .detail = "gone"};
        assert_int_equal(verify(), CMP_AUTH_PENDING);
        fake_host_answer(&f, &a);
        assert_int_equal(op.verdict, CMP_AUTH_UNAVAILABLE);
    }
    assert_null(strstr(f.log[CMP_LOG_ERROR].text, "abc"));
    fake_host_expect_log(&f, CMP_LOG_ERROR, "it does not let us ask");
    bring("Bearer abc", NULL);
    assert_int_equal(verify(), CMP_AUTH_PENDING);
    say(200, "{\"active\":true,\"client_id\":\"client-b\"}");
    assert_int_equal(op.verdict, CMP_AUTH_ACCEPT);
}

static void who_goes_away_is_let_go(void **state)
{
    (void)state;
    bring("Bearer abc", NULL);
    assert_int_equal(verify(), CMP_AUTH_PENDING);
    assert_int_equal(f.call_count, 1);
    cmp_plugin_descriptor.ops.auth->cancel(f.instance, f.worker, op.op, op.data);
    assert_int_equal(f.call_count, 0);
    assert_int_equal(op.completions, 1);
}

static void only_so_many_are_asked_for_at_once(void **state)
{
    (void)state;
    fake_op ops[2];
    for (size_t i = 0; i < 2; i++) {
        bring("Bearer abc", NULL);
        answer = (cmp_auth_answer){.once = CMP_ONCE_NO};
        assert_int_equal(cmp_plugin_descriptor.ops.auth->verify(
                             f.instance, f.worker, fake_op_begin(&ops[i], CMP_PLUGIN_AUTH, &txn),
                             &answer),
                         CMP_AUTH_PENDING);
    }
    assert_int_equal(verify(), CMP_AUTH_UNAVAILABLE);
    for (size_t i = 0; i < 2; i++) {
        cmp_plugin_descriptor.ops.auth->cancel(f.instance, f.worker, ops[i].op, ops[i].data);
    }
    assert_int_equal(verify(), CMP_AUTH_PENDING);
    cmp_plugin_descriptor.ops.auth->cancel(f.instance, f.worker, op.op, op.data);
}

static void options_are_checked(void **state)
{
    (void)state;
    fake_host g;
    const client stranger[] = {{"client-b", "b"}, {"client-x", "x"}};
    fake_host_init(&g);
    g.peers = peers;
    g.peer_count = 2;
    options o = good_options();
    o.id = "a:b";
    o.clients = (cmp_rows){stranger, 2};
    assert_null(fake_host_open(&g, &cmp_plugin_descriptor, &o));
    assert_true(fake_host_reported(&g, "id: has no colon"));
    assert_true(fake_host_reported(&g, "clients[1].peer: there is no peer of the name \"x\""));
    fake_host_report_clear(&g);
    g.origin_error = "the URL is none";
    o = good_options();
    assert_null(fake_host_open(&g, &cmp_plugin_descriptor, &o));
    assert_true(fake_host_reported(&g, "url: the URL is none"));
    fake_host_dispose(&g);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(without_a_token_it_abstains),
        TEST(what_is_no_token_is_asked_for_nowhere),
        TEST(a_token_is_asked_for),
        TEST(a_token_among_the_parameters_is_taken),
        TEST(what_the_server_says_decides),
        TEST(a_username_may_name_the_client),
        TEST(without_an_answer_nobody_can_tell),
        TEST(who_goes_away_is_let_go),
        TEST(only_so_many_are_asked_for_at_once),
        cmocka_unit_test(options_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
