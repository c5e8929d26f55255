/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the plugin route_mcr: what goes to the registry, and how. */
#include <cmp-test/test.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

extern const cmp_plugin cmp_plugin_descriptor;

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const cmp_peer peers[] = {
    {.name = CMP_STR("b"), .host = CMP_STR("b.example.net")},
    {.name = CMP_STR("registry"), .host = CMP_STR("mcr.example.net")},
};

typedef struct fixture {
    cmp_test *host;
    cmp_test_txn *txn;
    cmp_test_op *op; /* whose answer is looked at */
} fixture;

static bool open_with(fixture *f, const char *peer, const char *mode)
{
    char options[256];
    snprintf(options, sizeof(options), "{peer: \"%s\", mode: %s}", peer, mode);
    return cmp_test_open(f->host, &cmp_plugin_descriptor, options);
}

static void close_plugin(fixture *f)
{
    cmp_test_end(&f->op);
    cmp_test_close(f->host);
}

static int set_up(void **state)
{
    static fixture f;
    f.host = cmp_test_create();
    cmp_test_peers(f.host, peers, COUNT(peers));
    f.txn = cmp_test_txn_create(f.host);
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    cmp_test_end(&f->op);
    cmp_test_txn_destroy(&f->txn);
    cmp_test_destroy(&f->host);
    return 0;
}

/* It answers at once. */
static cmp_route_verdict ask(fixture *f, cmp_route_reason reason, cmp_str target,
                             cmp_route_answer *answer)
{
    cmp_test_end(&f->op);
    f->op = cmp_test_route(f->host, reason, target.at, f->txn);
    *answer = *cmp_test_routed(f->op);
    return (cmp_route_verdict)cmp_test_verdict(f->op);
}

static void complains_about_a_registry_that_is_no_peer(void **state)
{
    static const char *const names[] = {"nobody", "Registry", "", "mcr.example.net"};
    fixture *f = *state;
    for (size_t i = 0; i < COUNT(names); i++) {
        assert_false(open_with(f, names[i], "relay"));
        assert_int_equal(cmp_test_report_count(f->host), 1);
        assert_true(cmp_test_reported(f->host, "peer: there is no peer of the name \""));
        assert_true(cmp_test_reported(f->host, names[i]));
    }
}

static void relay_is_the_default(void **state)
{
    fixture *f = *state;
    cmp_route_answer answer;
    assert_true(cmp_test_open(f->host, &cmp_plugin_descriptor, "peer: registry"));
    assert_int_equal(ask(f, CMP_ROUTE_ABSENT, CMP_NONE, &answer), CMP_ROUTE_FORWARD);
    assert_false(answer.lookup);
    close_plugin(f);
    assert_false(cmp_test_open(f->host, &cmp_plugin_descriptor, NULL));
    assert_true(cmp_test_reported(f->host, "options.peer: "));
}

static void what_comes_from_the_registry_is_not_sent_back(void **state)
{
    static const char *const modes[] = {"relay", "lookup"};
    fixture *f = *state;
    for (size_t i = 0; i < COUNT(modes); i++) {
        cmp_route_answer answer;
        assert_true(open_with(f, "registry", modes[i]));
        cmp_test_requestor(f->txn, "registry");
        assert_int_equal(ask(f, CMP_ROUTE_ABSENT, CMP_NONE, &answer), CMP_ROUTE_DECLINE);
        assert_int_equal(ask(f, CMP_ROUTE_TRANSFERRED, CMP_STR("d.example.net"), &answer),
                         CMP_ROUTE_DECLINE);
        close_plugin(f);
    }
}

static void what_is_addressed_is_declined(void **state)
{
    fixture *f = *state;
    cmp_route_answer answer;
    assert_true(open_with(f, "registry", "relay"));
    cmp_test_requestor(f->txn, "b");
    assert_int_equal(ask(f, CMP_ROUTE_ADDRESSED, CMP_STR("d.example.net"), &answer),
                     CMP_ROUTE_DECLINE);
    assert_int_equal(ask(f, CMP_ROUTE_ADDRESSED, CMP_STR("mcr.example.net"), &answer),
                     CMP_ROUTE_DECLINE);
    assert_null(answer.peer.at);
}

/* Table 19: `addr` goes along when the request is "not sent directly" to a known host. */
static void everything_else_goes_to_the_registry(void **state)
{
    static const struct {
        const char *mode;
        cmp_str requestor, target;
        cmp_route_reason reason;
    } cases[] = {
        {"relay", CMP_STR("b"), CMP_NONE, CMP_ROUTE_ABSENT},
        {"relay", CMP_NONE, CMP_NONE, CMP_ROUTE_ABSENT}, /* a handset's */
        {"relay", CMP_STR("b"), CMP_STR("d.example.net"), CMP_ROUTE_TRANSFERRED},
        {"lookup", CMP_STR("b"), CMP_NONE, CMP_ROUTE_ABSENT},
        {"lookup", CMP_STR("b"), CMP_STR("d.example.net"), CMP_ROUTE_TRANSFERRED},
    };
    fixture *f = *state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        cmp_route_answer answer;
        assert_true(open_with(f, "registry", cases[i].mode));
        cmp_test_requestor(f->txn, cases[i].requestor.at);
        assert_int_equal(ask(f, cases[i].reason, cases[i].target, &answer), CMP_ROUTE_FORWARD);
        assert_true(cmp_str_equal(answer.peer, CMP_STR("registry")));
        assert_true(cmp_str_equal(answer.addr, cases[i].target));
        assert_int_equal(answer.addr.at == NULL, cases[i].target.at == NULL);
        assert_int_equal(answer.lookup, strcmp(cases[i].mode, "lookup") == 0);
        close_plugin(f);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(complains_about_a_registry_that_is_no_peer),    TEST(relay_is_the_default),
        TEST(what_comes_from_the_registry_is_not_sent_back), TEST(what_is_addressed_is_declined),
        TEST(everything_else_goes_to_the_registry),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
