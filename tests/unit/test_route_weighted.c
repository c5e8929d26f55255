/* SPDX-License-Identifier: Apache-2.0 */
/* sdk/examples/route_weighted.c: parts as large as their weights, and nobody moves without need. */
#include <cmp-test/test.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define USERS 4000

extern const cmp_plugin cmp_plugin_descriptor;

static cmp_test *t;

static int setup(void **state)
{
    (void)state;
    t = cmp_test_create();
    const cmp_peer peers[] = {{.name = CMP_STR("b")},
                              {.name = CMP_STR("c")},
                              {.name = CMP_STR("d")}};
    cmp_test_peers(t, peers, 3);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    cmp_test_destroy(&t);
    return 0;
}

static void open_with(const char *peers)
{
    char options[256];
    snprintf(options, sizeof(options), "prefix: 2B001\nsalt: pepper\npeers: %s", peers);
    cmp_test_close(t);
    assert_true(cmp_test_open(t, &cmp_plugin_descriptor, options));
}

/* The peer's letter; 0: it declines. */
static char way_of(cmp_route_reason reason, const char *ici, const char *user)
{
    cmp_test_txn *x = cmp_test_txn_create(t);
    cmp_test_param(x, CMP_PARAM_ICI, ici);
    cmp_test_param(x, CMP_PARAM_USER, user);
    cmp_test_op *op = cmp_test_route(t, reason, NULL, x);
    const char found =
        cmp_test_verdict(op) == CMP_ROUTE_FORWARD ? cmp_test_routed(op)->peer.at[0] : '\0';
    cmp_test_end(&op);
    cmp_test_txn_destroy(&x);
    return found;
}

static void ways_of_all(char ways[USERS])
{
    for (int i = 0; i < USERS; i++) {
        char user[32];
        snprintf(user, sizeof(user), "user-%d", i);
        ways[i] = way_of(CMP_ROUTE_ABSENT, "2B001-1", user);
    }
}

static int count_of(const char ways[USERS], char peer)
{
    int count = 0;
    for (int i = 0; i < USERS; i++) {
        count += ways[i] == peer;
    }
    return count;
}

static void it_is_for_the_prefix_alone(void **state)
{
    (void)state;
    open_with("[{peer: b}]");
    assert_int_equal(way_of(CMP_ROUTE_ABSENT, "2b001-1", "u"), 'b');
    assert_int_equal(way_of(CMP_ROUTE_ABSENT, "2B001", "u"), 'b');
    assert_int_equal(way_of(CMP_ROUTE_ABSENT, "2B00", "u"), 0);
    assert_int_equal(way_of(CMP_ROUTE_ABSENT, "2B002-1", "u"), 0);
    assert_int_equal(way_of(CMP_ROUTE_ADDRESSED, "2B001-1", "u"), 0);
    assert_int_equal(way_of(CMP_ROUTE_TRANSFERRED, "2B001-1", "u"), 0);
}

static void parts_are_as_large_as_weights(void **state)
{
    (void)state;
    static char ways[USERS];
    open_with("[{peer: b, weight: 3}, {peer: c, weight: 1}, {peer: d, weight: 0}]");
    ways_of_all(ways);
    assert_in_range(count_of(ways, 'b'), USERS * 72 / 100, USERS * 78 / 100);
    assert_int_equal(count_of(ways, 'b') + count_of(ways, 'c'), USERS);
}

static void only_those_of_a_peer_that_goes_move(void **state)
{
    (void)state;
    static char before[USERS], after[USERS];
    open_with("[{peer: b, weight: 2}, {peer: c, weight: 2}, {peer: d, weight: 1}]");
    ways_of_all(before);
    open_with("[{peer: b, weight: 2}, {peer: d, weight: 1}]");
    ways_of_all(after);
    for (int i = 0; i < USERS; i++) {
        assert_true(before[i] == after[i] || before[i] == 'c');
    }
    assert_in_range(count_of(before, 'c'), USERS * 36 / 100, USERS * 44 / 100);
}

static void what_cannot_be_is_said(void **state)
{
    (void)state;
    assert_false(
        cmp_test_open(t, &cmp_plugin_descriptor, "prefix: 2B001\npeers: [{peer: b}, {peer: x}]"));
    assert_true(cmp_test_reported(t, "peers[1].peer: there is no peer of the name \"x\""));
    assert_false(
        cmp_test_open(t, &cmp_plugin_descriptor, "prefix: 2B001\npeers: [{peer: b, weight: 0}]"));
    assert_true(cmp_test_reported(t, "one of them needs a weight above 0"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(it_is_for_the_prefix_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(parts_are_as_large_as_weights, setup, teardown),
        cmocka_unit_test_setup_teardown(only_those_of_a_peer_that_goes_move, setup, teardown),
        cmocka_unit_test_setup_teardown(what_cannot_be_is_said, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
