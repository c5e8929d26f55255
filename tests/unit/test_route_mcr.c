/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the plugin route_mcr: what goes to the registry, and how. */
#include "fake_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

extern const cmp_plugin cmp_plugin_descriptor;

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const cmp_peer peers[] = {
    {.name = CMP_STR("b"), .host = CMP_STR("b.example.net")},
    {.name = CMP_STR("registry"), .host = CMP_STR("mcr.example.net")},
};

typedef struct fixture {
    fake_host host;
    fake_txn txn;
    void *options;
} fixture;

static const cmp_option *row(const char *name)
{
    const cmp_option *found = cmp_plugin_descriptor.options;
    while (found->name != NULL && strcmp(found->name, name) != 0) {
        found++;
    }
    assert_non_null(found->name);
    return found;
}

static void set_mode(fixture *f, const char *mode)
{
    const cmp_option *found = row("mode");
    int *field = (int *)((char *)f->options + found->offset);
    for (*field = 0; strcmp(found->choices[*field], mode) != 0; ++*field) {
        assert_non_null(found->choices[*field + 1]);
    }
}

static void *open_with(fixture *f, const char *peer, const char *mode)
{
    *(const char **)((char *)f->options + row("peer")->offset) = peer;
    set_mode(f, mode);
    return fake_host_open(&f->host, &cmp_plugin_descriptor, f->options);
}

static int set_up(void **state)
{
    static fixture f;
    fake_host_init(&f.host);
    f.host.peers = peers;
    f.host.peer_count = COUNT(peers);
    f.options = calloc(1, cmp_plugin_descriptor.options_size);
    fake_txn_init(&f.txn, &f.host);
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    fake_txn_dispose(&f->txn);
    fake_host_close(&f->host);
    fake_host_dispose(&f->host);
    free(f->options);
    return 0;
}

/* It answers at once, and fills the answer whatever was in it. */
static cmp_route_verdict ask(fixture *f, cmp_route_reason reason, cmp_str target,
                             cmp_route_answer *answer)
{
    fake_op op;
    memset(answer, 0xAA, sizeof(*answer));
    const cmp_route_verdict verdict =
        cmp_plugin_descriptor.ops.route->route(f->host.instance, f->host.worker, reason, target,
                                               fake_op_begin(&op, CMP_PLUGIN_ROUTE, &f->txn),
                                               answer);
    assert_int_equal(op.completions, 0);
    assert_int_not_equal(verdict, CMP_ROUTE_PENDING);
    return verdict;
}

static void complains_about_a_registry_that_is_no_peer(void **state)
{
    static const char *const names[] = {"nobody", "Registry", "", "mcr.example.net"};
    fixture *f = *state;
    for (size_t i = 0; i < COUNT(names); i++) {
        assert_null(open_with(f, names[i], "relay"));
        assert_int_equal(f->host.report.count, 1);
        assert_true(fake_host_reported(&f->host, "peer: there is no peer of the name \""));
        assert_true(fake_host_reported(&f->host, names[i]));
        fake_host_report_clear(&f->host);
    }
}

static void relay_is_the_default(void **state)
{
    (void)state;
    assert_string_equal(row("mode")->fallback, "relay");
    assert_true((row("peer")->flags & CMP_OPTION_REQUIRED) != 0);
}

static void what_comes_from_the_registry_is_not_sent_back(void **state)
{
    static const char *const modes[] = {"relay", "lookup"};
    fixture *f = *state;
    for (size_t i = 0; i < COUNT(modes); i++) {
        cmp_route_answer answer;
        assert_non_null(open_with(f, "registry", modes[i]));
        f->txn.peer = CMP_STR("registry");
        assert_int_equal(ask(f, CMP_ROUTE_ABSENT, CMP_NONE, &answer), CMP_ROUTE_DECLINE);
        assert_int_equal(ask(f, CMP_ROUTE_TRANSFERRED, CMP_STR("d.example.net"), &answer),
                         CMP_ROUTE_DECLINE);
        fake_host_close(&f->host);
    }
}

static void what_is_addressed_is_declined(void **state)
{
    fixture *f = *state;
    cmp_route_answer answer;
    assert_non_null(open_with(f, "registry", "relay"));
    f->txn.peer = CMP_STR("b");
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
        assert_non_null(open_with(f, "registry", cases[i].mode));
        f->txn.peer = cases[i].requestor;
        assert_int_equal(ask(f, cases[i].reason, cases[i].target, &answer), CMP_ROUTE_FORWARD);
        assert_true(cmp_str_equal(answer.peer, CMP_STR("registry")));
        assert_true(cmp_str_equal(answer.addr, cases[i].target));
        assert_int_equal(answer.addr.at == NULL, cases[i].target.at == NULL);
        assert_int_equal(answer.lookup, strcmp(cases[i].mode, "lookup") == 0);
        fake_host_close(&f->host);
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
