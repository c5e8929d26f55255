/* SPDX-License-Identifier: Apache-2.0 */
/* sdk/kit/peers.c and trouble.c: what the kit makes of a host's services. */
#include <cmp-test/test.h>

#include <cmp-kit/peers.h>
#include <cmp-kit/trouble.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static cmp_test *host;

static int set_up(void **state)
{
    (void)state;
    host = cmp_test_create();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    cmp_test_destroy(&host);
    return 0;
}

/* ---- peers ---- */

static void peers_by_name_and_host(void **state)
{
    static const cmp_peer peers[] = {
        {.name = CMP_STR("b"), .host = CMP_STR("B.example.net")},
        {.name = CMP_STR("asks-only")},
        {.name = CMP_STR("a"), .host = CMP_STR("a.example.net")},
    };
    (void)state;
    kit_peers p;
    cmp_test_peers(host, peers, 3);
    kit_peers_copy(&p, cmp_test_host(host));
    cmp_test_peers(host, NULL, 0); /* copies they are */
    assert_int_equal(p.count, 3);
    assert_int_equal(kit_peers_named(&p, CMP_STR("b")), 0);
    assert_int_equal(kit_peers_named(&p, CMP_STR("asks-only")), 1);
    assert_int_equal(kit_peers_named(&p, CMP_STR("B")), KIT_PEER_NONE);
    assert_int_equal(kit_peers_named(&p, CMP_NONE), KIT_PEER_NONE);
    assert_int_equal(kit_peers_at_host(&p, CMP_STR("b.EXAMPLE.net")), 0);
    assert_int_equal(kit_peers_at_host(&p, CMP_STR("a.example.net")), 2);
    assert_int_equal(kit_peers_at_host(&p, CMP_STR("example.net")), KIT_PEER_NONE);
    assert_int_equal(kit_peers_at_host(&p, CMP_STR("")), KIT_PEER_NONE);
    assert_true(cmp_str_equal(p.at[0].host, CMP_STR("b.example.net")));
    assert_null(p.at[1].host.at);
    kit_peers_free(&p);
    assert_int_equal(kit_peers_at_host(&p, CMP_STR("a.example.net")), KIT_PEER_NONE);
    kit_peers_free(&p);
}

/* ---- trouble ---- */

static unsigned errors(void)
{
    return cmp_test_log_count(host, CMP_LOG_ERROR);
}

static void trouble_is_said_once_in_a_while(void **state)
{
    (void)state;
    kit_trouble t;
    kit_trouble_init(&t);
    kit_trouble_over(&t, cmp_test_host(host), "over"); /* there was none: nothing is said */
    assert_int_equal(cmp_test_log_count(host, CMP_LOG_NOTICE), 0);
    for (int i = 0; i < 10; i++) {
        kit_trouble_say(&t, cmp_test_host(host), "down");
    }
    assert_int_equal(errors(), 1);
    for (int i = 0; i < 10; i++) {
        kit_trouble_say(&t, cmp_test_host(host), "down %d", i);
    }
    assert_int_equal(errors(), 4);
    cmp_test_advance(host, 10000);
    kit_trouble_say(&t, cmp_test_host(host), "down");
    assert_true(cmp_test_logged(host, CMP_LOG_ERROR, "down (16 more not logged)"));
    kit_trouble_over(&t, cmp_test_host(host), "over");
    assert_true(cmp_test_logged(host, CMP_LOG_NOTICE, "over"));
    kit_trouble_say(&t, cmp_test_host(host), "down"); /* at once */
    assert_true(cmp_test_logged(host, CMP_LOG_ERROR, "down"));
    kit_trouble_dispose(&t);
}

/* One of several connections fails all the time, and the others are good. */
static void trouble_that_comes_and_goes(void **state)
{
    (void)state;
    kit_trouble t;
    kit_trouble_init(&t);
    for (int i = 0; i < 50; i++) {
        kit_trouble_say(&t, cmp_test_host(host), "down");
        kit_trouble_over(&t, cmp_test_host(host), "over");
    }
    assert_int_equal(errors(), 4);
    assert_int_equal(cmp_test_log_count(host, CMP_LOG_NOTICE), 4);
    cmp_test_advance(host, 10000);
    kit_trouble_say(&t, cmp_test_host(host), "down");
    assert_true(cmp_test_logged(host, CMP_LOG_ERROR, "down (46 more not logged)"));
    kit_trouble_over(&t, cmp_test_host(host), "over");
    assert_true(cmp_test_logged(host, CMP_LOG_NOTICE, "over"));
    kit_trouble_dispose(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(peers_by_name_and_host, set_up, tear_down),
        cmocka_unit_test_setup_teardown(trouble_is_said_once_in_a_while, set_up, tear_down),
        cmocka_unit_test_setup_teardown(trouble_that_comes_and_goes, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
