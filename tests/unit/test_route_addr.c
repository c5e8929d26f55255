/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the plugin route_addr: hosts lead to configured peers, and nowhere else. */
#include <cmp-test/test.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

extern const cmp_plugin cmp_plugin_descriptor;

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

typedef struct fixture {
    cmp_test *host;
    cmp_test_txn *txn;
} fixture;

/* The peers are gone as soon as the instance is made: it may keep nothing of theirs. */
static void open_with(fixture *f, const cmp_peer *peers, size_t count)
{
    f->host = cmp_test_create();
    cmp_test_peers(f->host, peers, count);
    assert_true(cmp_test_open(f->host, &cmp_plugin_descriptor, NULL));
    cmp_test_peers(f->host, NULL, 0);
    f->txn = cmp_test_txn_create(f->host);
}

static const cmp_peer peers[] = {
    {.name = CMP_STR("b"), .host = CMP_STR("b.example.net")},
    {.name = CMP_STR("asks-only")},
    {.name = CMP_STR("c"), .host = CMP_STR("C.Example.NET")},
    {.name = CMP_STR("registry"), .host = CMP_STR("mcr.example.org")},
};

static int set_up(void **state)
{
    static fixture f;
    open_with(&f, peers, COUNT(peers));
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    cmp_test_txn_destroy(&f->txn);
    cmp_test_destroy(&f->host);
    return 0;
}

/* It answers at once. */
static cmp_route_verdict ask(fixture *f, cmp_route_reason reason, cmp_str target,
                             cmp_route_answer *answer)
{
    cmp_test_op *op = cmp_test_route(f->host, reason, target.at, f->txn);
    const cmp_route_verdict verdict = (cmp_route_verdict)cmp_test_verdict(op);
    *answer = *cmp_test_routed(op);
    cmp_test_end(&op);
    assert_null(answer->addr.at);
    assert_false(answer->lookup);
    return verdict;
}

static char long_host[400];

static void a_host_that_is_no_peer_leads_nowhere(void **state)
{
    static const char *const hosts[] = {
        "",
        "d.example.net",
        "example.net",
        "b.example.net.",
        "bb.example.net",
        "b.example",
        "b.example.net:",
        "asks-only",
        "b",
        "127.0.0.1",
        "xb.example",
        "localhost",
        "b.example.net\t",
        long_host,
    };
    fixture *f = *state;
    memset(long_host, 'b', sizeof(long_host) - 1);
    for (size_t i = 0; i < COUNT(hosts); i++) {
        cmp_route_answer answer;
        assert_int_equal(ask(f, CMP_ROUTE_ADDRESSED, cmp_str_from(hosts[i]), &answer),
                         CMP_ROUTE_REFUSE);
        assert_int_equal(answer.refusal, CMP_REFUSE_ADDR_NOT_ALLOWED);
        assert_null(answer.peer.at);
        assert_int_equal(ask(f, CMP_ROUTE_TRANSFERRED, cmp_str_from(hosts[i]), &answer),
                         CMP_ROUTE_DECLINE);
        assert_null(answer.peer.at);
    }
}

static void without_a_host_it_declines(void **state)
{
    cmp_route_answer answer;
    assert_int_equal(ask(*state, CMP_ROUTE_ABSENT, CMP_NONE, &answer), CMP_ROUTE_DECLINE);
    assert_int_equal(ask(*state, CMP_ROUTE_TRANSFERRED, CMP_NONE, &answer), CMP_ROUTE_DECLINE);
    assert_int_equal(ask(*state, CMP_ROUTE_ADDRESSED, CMP_NONE, &answer), CMP_ROUTE_REFUSE);
}

static void a_peers_host_leads_to_it_without_addr(void **state)
{
    static const struct {
        const char *host, *peer;
    } cases[] = {
        {"b.example.net", "b"}, {"B.EXAMPLE.net", "b"},          {"c.example.net", "c"},
        {"C.EXAMPLE.NET", "c"}, {"mcr.example.org", "registry"},
    };
    fixture *f = *state;
    cmp_test_requestor(f->txn, "asks-only");
    for (size_t i = 0; i < COUNT(cases); i++) {
        cmp_route_answer answer;
        const cmp_str host = cmp_str_from(cases[i].host), peer = cmp_str_from(cases[i].peer);
        assert_int_equal(ask(f, CMP_ROUTE_ADDRESSED, host, &answer), CMP_ROUTE_FORWARD);
        assert_true(cmp_str_equal(answer.peer, peer));
        assert_int_equal(ask(f, CMP_ROUTE_TRANSFERRED, host, &answer), CMP_ROUTE_FORWARD);
        assert_true(cmp_str_equal(answer.peer, peer));
    }
}

static void never_back_to_where_it_came_from(void **state)
{
    fixture *f = *state;
    cmp_route_answer answer;
    cmp_test_requestor(f->txn, "c");
    assert_int_equal(ask(f, CMP_ROUTE_ADDRESSED, CMP_STR("c.example.net"), &answer),
                     CMP_ROUTE_DECLINE);
    assert_int_equal(ask(f, CMP_ROUTE_TRANSFERRED, CMP_STR("c.example.net"), &answer),
                     CMP_ROUTE_DECLINE);
    assert_int_equal(ask(f, CMP_ROUTE_TRANSFERRED, CMP_STR("b.example.net"), &answer),
                     CMP_ROUTE_FORWARD);
}

static int set_up_without_peers(void **state)
{
    static fixture f;
    open_with(&f, NULL, 0);
    *state = &f;
    return 0;
}

static void without_peers_nothing_is_addressed(void **state)
{
    cmp_route_answer answer;
    assert_int_equal(ask(*state, CMP_ROUTE_ADDRESSED, CMP_STR("b.example.net"), &answer),
                     CMP_ROUTE_REFUSE);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_host_that_is_no_peer_leads_nowhere),
        TEST(without_a_host_it_declines),
        TEST(a_peers_host_leads_to_it_without_addr),
        TEST(never_back_to_where_it_came_from),
        cmocka_unit_test_setup_teardown(without_peers_nothing_is_addressed, set_up_without_peers,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
