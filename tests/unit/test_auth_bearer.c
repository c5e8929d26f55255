/* SPDX-License-Identifier: Apache-2.0 */
/* sdk/examples/auth_bearer.c: whose token it is, and what happens when that cannot be told. */
#include <cmp-test/test.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

extern const cmp_plugin cmp_plugin_descriptor;

static const cmp_peer peers[] = {{.name = {"b", 1}}, {.name = {"c", 1}}};
static cmp_test *t;
static cmp_test_txn *txn;
static cmp_test_op *op; /* the last one */

#define OPTIONS(more)                                                                              \
    "{url: 'https://as.example.net/introspect', id: cmp-a, secret: s3cret, timeout: 1s, "          \
    "waiting: 2, clients: [{client: client-b, peer: b}, {client: client-c, peer: c}]" more "}"

static void open_with(const char *options)
{
    t = cmp_test_create();
    cmp_test_peers(t, peers, 2);
    assert_true(cmp_test_open(t, &cmp_plugin_descriptor, options));
    txn = cmp_test_txn_create(t);
}

static int setup(void **state)
{
    (void)state;
    open_with(OPTIONS(""));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    cmp_test_end(&op);
    cmp_test_txn_destroy(&txn);
    cmp_test_destroy(&t);
    return 0;
}

static void bring(const char *authorization, const char *access_token)
{
    cmp_test_end(&op);
    cmp_test_txn_destroy(&txn);
    txn = cmp_test_txn_create(t);
    cmp_test_header(txn, "authorization", authorization);
    if (access_token != NULL) {
        cmp_test_contextual(txn, "access_token", access_token);
    }
}

static cmp_auth_verdict verify(void)
{
    cmp_test_end(&op);
    op = cmp_test_verify(t, txn);
    return (cmp_auth_verdict)cmp_test_verdict(op);
}

static void say(int status, const char *body)
{
    cmp_test_answer_json(t, status, body);
    assert_int_not_equal(cmp_test_verdict(op), CMP_AUTH_PENDING);
}

static const cmp_https_request *asked(void)
{
    assert_int_equal(cmp_test_requests(t), 1);
    return cmp_test_request(t, 0);
}

static void without_a_token_it_abstains(void **state)
{
    static const char *const others[] = {NULL,     "",        "Basic YTpi",
                                         "Bearer", "Bearer ", "bearertoken"};
    (void)state;
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        bring(others[i], NULL);
        assert_int_equal(verify(), CMP_AUTH_ABSTAIN);
        assert_null(cmp_test_auth(op)->peer.at);
    }
    assert_int_equal(cmp_test_requests(t), 0);
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
        assert_string_equal(cmp_test_auth(op)->reason, "the token is malformed");
    }
    bring("Bearer a", "a");
    assert_int_equal(verify(), CMP_AUTH_REJECT);
    assert_string_equal(cmp_test_auth(op)->reason, "a token in two places");
    bring("Basic YTpi", "a");
    assert_int_equal(verify(), CMP_AUTH_REJECT);
    assert_int_equal(cmp_test_requests(t), 0);
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
    assert_int_equal(cmp_test_verdict(op), CMP_AUTH_ACCEPT);
    assert_true(cmp_str_equal(cmp_test_auth(op)->peer, CMP_STR("b")));
    assert_int_equal(cmp_test_auth(op)->once, CMP_ONCE_NO);
}

static void a_token_among_the_parameters_is_taken(void **state)
{
    (void)state;
    bring(NULL, "abc");
    assert_int_equal(verify(), CMP_AUTH_PENDING);
    assert_true(cmp_test_consumed(txn, "access_token"));
    assert_true(cmp_str_equal(asked()->body, CMP_STR("token=abc")));
    say(200, "{\"active\":true,\"client_id\":\"client-c\",\"token_type\":\"bearer\"}");
    assert_int_equal(cmp_test_verdict(op), CMP_AUTH_ACCEPT);
    assert_true(cmp_str_equal(cmp_test_auth(op)->peer, CMP_STR("c")));
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
        assert_int_equal(cmp_test_verdict(op), cases[i].verdict);
        assert_true(cases[i].reason == NULL ||
                    strstr(cmp_test_auth(op)->reason, cases[i].reason) != NULL);
    }
}

static void a_username_may_name_the_client(void **state)
{
    (void)state;
    cmp_test_txn_destroy(&txn);
    cmp_test_destroy(&t);
    open_with(OPTIONS(", by: username"));
    bring("Bearer abc", NULL);
    assert_int_equal(verify(), CMP_AUTH_PENDING);
    say(200, "{\"active\":true,\"client_id\":\"client-c\",\"username\":\"client-b\"}");
    assert_true(cmp_str_equal(cmp_test_auth(op)->peer, CMP_STR("b")));
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
        assert_int_equal(cmp_test_verdict(op), CMP_AUTH_UNAVAILABLE);
    }
    for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
        assert_int_equal(verify(), CMP_AUTH_PENDING);
        cmp_test_answer_failed(t, broken[i], "gone");
        assert_int_equal(cmp_test_verdict(op), CMP_AUTH_UNAVAILABLE);
    }
    assert_null(strstr(cmp_test_log(t, CMP_LOG_ERROR), "abc"));
    assert_true(cmp_test_logged(t, CMP_LOG_ERROR, "it does not let us ask"));
    bring("Bearer abc", NULL);
    assert_int_equal(verify(), CMP_AUTH_PENDING);
    say(200, "{\"active\":true,\"client_id\":\"client-b\"}");
    assert_int_equal(cmp_test_verdict(op), CMP_AUTH_ACCEPT);
}

static void who_goes_away_is_let_go(void **state)
{
    (void)state;
    bring("Bearer abc", NULL);
    assert_int_equal(verify(), CMP_AUTH_PENDING);
    assert_int_equal(cmp_test_requests(t), 1);
    cmp_test_cancel(op);
    assert_int_equal(cmp_test_requests(t), 0);
    assert_int_not_equal(cmp_test_verdict(op), CMP_AUTH_PENDING);
}

static void only_so_many_are_asked_for_at_once(void **state)
{
    (void)state;
    cmp_test_op *ops[2];
    bring("Bearer abc", NULL);
    for (size_t i = 0; i < 2; i++) {
        ops[i] = cmp_test_verify(t, txn);
        assert_int_equal(cmp_test_verdict(ops[i]), CMP_AUTH_PENDING);
    }
    assert_int_equal(verify(), CMP_AUTH_UNAVAILABLE);
    for (size_t i = 0; i < 2; i++) {
        cmp_test_cancel(ops[i]);
        cmp_test_end(&ops[i]);
    }
    assert_int_equal(verify(), CMP_AUTH_PENDING);
    cmp_test_cancel(op);
}

static void options_are_checked(void **state)
{
    (void)state;
    cmp_test *g = cmp_test_create();
    cmp_test_peers(g, peers, 2);
    assert_false(cmp_test_open(g, &cmp_plugin_descriptor,
                               "{url: 'https://as.example.net', id: 'a:b', secret: x, clients: "
                               "[{client: client-b, peer: b}, {client: client-x, peer: x}]}"));
    assert_true(cmp_test_reported(g, "id: has no colon"));
    assert_true(cmp_test_reported(g, "clients[1].peer: there is no peer of the name \"x\""));
    cmp_test_origin_error(g, "the URL is none");
    assert_false(cmp_test_open(g, &cmp_plugin_descriptor, OPTIONS("")));
    assert_true(cmp_test_reported(g, "url: the URL is none"));
    cmp_test_destroy(&g);
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
