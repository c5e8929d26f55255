/* SPDX-License-Identifier: Apache-2.0 */
/* The plugin route_prefix as a host sees it: what it refuses at the start, and its decisions in
 * both modes. */
#include "route_prefix_rig.h"

#include <sys/stat.h>
#include <unistd.h>

static const char *const of_b[] = {"2B001", "2b0017"};
static const char *const of_twin[] = {"2b001"};
static const char *const not_hex[] = {"2B00Z"};

/* ---- what is refused at the start ---- */

/* A check and a create without a check before complain alike. */
static void expect_complaint(prefix_rig *r, const char *complaint)
{
    assert_false(prefix_open(r));
    assert_int_equal(cmp_test_report_count(r->host), 1);
    if (!cmp_test_reported(r->host, complaint)) {
        fail_msg("expected \"%s\", reported: %s", complaint, cmp_test_report(r->host));
    }
    cmp_test_report_clear(r->host);
    assert_null(cmp_plugin_descriptor.create(cmp_test_host(r->host), r->options, NULL,
                                             cmp_test_report_of(r->host)));
    assert_true(cmp_test_reported(r->host, complaint));
    cmp_test_report_clear(r->host);
}

static void a_bad_table_is_refused_by_line(void **state)
{
    static const struct {
        const char *table, *complaint;
    } cases[] = {
        {"1A0", "table:1: expected a routing prefix and the name of a peer"},
        {"1A0 # d", "table:1: expected a routing prefix and the name of a peer"},
        {"\n1A0 d e\n", "table:2: expected a routing prefix and the name of a peer"},
        {"#\n\n1A d\n", "table:3: \"1A\": expected 3 to 64 hexadecimal digits"},
        {"1A0 d\n1G0 d\n", "table:2: \"1G0\": expected 3 to 64 hexadecimal digits"},
        {"0x1A0 d\n", "table:1: \"0x1A0\": expected"},
        {DIGITS_64 "0 d\n", "table:1: \"" DIGITS_64 "\": expected"},
        {"1A0 D\n", "table:1: there is no peer of the name \"D\""},
        {"1A0 d.example.net\n", "table:1: there is no peer of the name \"d.example.net\""},
        {"1A0 nobody#\n", "table:1: there is no peer of the name \"nobody#\""},
        {"1A0F d\n# x\n1a0f c\n", "table:3: 1A0F stands on line 1 already"},
        {"1A0F d\n1A0F d", "table:2: 1A0F stands on line 1 already"},
        {"1A0 d\n2B0017 d\n", "table:2: 2B0017 stands in the entry of the peer \"b\" already"},
        {"1A0 nobody\n1A d\n", "table:1: there is no peer"}, /* the first one */
    };
    prefix_rig *r = *state;
    *(const char **)prefix_option(r, "table") = r->path;
    expect_complaint(r, "table: cannot be opened: No such file");
    for (size_t i = 0; i < COUNT(cases); i++) {
        prefix_write_table(r, cases[i].table);
        expect_complaint(r, cases[i].complaint);
        assert_int_equal(unlink(r->path), 0);
    }
    assert_int_equal(mkdir(r->path, 0700), 0);
    expect_complaint(r, "table: is no regular file");
    assert_int_equal(rmdir(r->path), 0);
    prefix_write_table(r, "");
    assert_int_equal(truncate(r->path, (64 << 20) + 1), 0);
    expect_complaint(r, "table: is larger than 64 MiB");
}

static void bad_entries_of_peers_are_refused(void **state)
{
    static const cmp_peer twins[] = {
        {.name = CMP_STR("b"), .prefixes = of_b, .prefix_count = COUNT(of_b)},
        {.name = CMP_STR("t"), .prefixes = of_twin, .prefix_count = COUNT(of_twin)},
    };
    static const cmp_peer wrong[] = {
        {.name = CMP_STR("w"), .prefixes = not_hex, .prefix_count = COUNT(not_hex)},
    };
    prefix_rig *r = *state;
    cmp_test_peers(r->host, twins, COUNT(twins));
    expect_complaint(r, "have the same prefix 2B001\n");
    cmp_test_peers(r->host, wrong, COUNT(wrong));
    expect_complaint(r, "the peer \"w\" has the prefix \"2B00Z\": expected 3 to 64 hexadecimal");
}

static void who_has_no_host_cannot_be_referred_to(void **state)
{
    static const cmp_peer hostless[] = {
        {.name = CMP_STR("b"), .prefixes = of_b, .prefix_count = COUNT(of_b)},
    };
    prefix_rig *r = *state;
    prefix_set_mode(r, "referral");
    prefix_write_table(r, "1A0 d\n1A1 no-host\n");
    *(const char **)prefix_option(r, "table") = r->path;
    expect_complaint(r, "table:2: the peer \"no-host\" has no host to refer to");

    *(const char **)prefix_option(r, "table") = NULL;
    cmp_test_peers(r->host, hostless, COUNT(hostless));
    expect_complaint(r, "mode: the peer \"b\" has prefixes and no host to refer to");
    prefix_set_mode(r, "forward");
    assert_true(prefix_open(r));
    prefix_expect_peer(r, "2B001", "b");
}

/* ---- decisions ---- */

static void forward_goes_to_the_longest_prefix(void **state)
{
    prefix_rig *r = *state;
    assert_true(prefix_open(r));
    prefix_expect_peer(r, "", NULL);
    prefix_expect_peer(r, "2B", NULL);
    prefix_expect_peer(r, "2C0", NULL);
    prefix_expect_peer(r, "x2B0", NULL);
    prefix_expect_peer(r, "2B0", "c");
    prefix_expect_peer(r, "2b00-1", "c");
    prefix_expect_peer(r, "2b001", "b");
    prefix_expect_peer(r, "2B0017FF:anything", "b");
    assert_int_equal(cmp_test_timers(r->host), 0); /* there is no file to look at */
}

static void a_named_host_is_not_for_a_prefix(void **state)
{
    prefix_rig *r = *state;
    cmp_route_answer answer;
    assert_true(prefix_open(r));
    r->ici = "2B001";
    assert_int_equal(prefix_ask(r, CMP_ROUTE_ADDRESSED, CMP_STR("b.example.net"), &answer),
                     CMP_ROUTE_DECLINE);
    assert_int_equal(prefix_ask(r, CMP_ROUTE_TRANSFERRED, CMP_STR("b.example.net"), &answer),
                     CMP_ROUTE_DECLINE);
}

/* Not even when a shorter prefix would lead to somebody else. */
static void never_back_to_where_it_came_from(void **state)
{
    static const char *const both[] = {"forward", "referral"};
    prefix_rig *r = *state;
    cmp_route_answer answer;
    for (size_t i = 0; i < COUNT(both); i++) {
        prefix_set_mode(r, both[i]);
        assert_true(prefix_open(r));
        r->requestor = "b";
        prefix_expect_peer(r, "2B0017", NULL);
        assert_int_equal(prefix_ask(r, CMP_ROUTE_ADDRESSED, CMP_STR("b.example.net"), &answer),
                         CMP_ROUTE_DECLINE);
        r->requestor = "c";
        assert_int_equal(prefix_ask(r, CMP_ROUTE_ABSENT, CMP_NONE, &answer),
                         i == 0 ? CMP_ROUTE_FORWARD : CMP_ROUTE_REFERRAL);
        cmp_test_close(r->host);
    }
}

static void referral_names_host_and_prefix(void **state)
{
    prefix_rig *r = *state;
    cmp_route_answer answer;
    prefix_set_mode(r, "referral");
    assert_true(prefix_open(r));
    r->requestor = "d";
    r->ici = "2b00A1";
    assert_int_equal(prefix_ask(r, CMP_ROUTE_ABSENT, CMP_NONE, &answer), CMP_ROUTE_REFERRAL);
    assert_true(cmp_str_equal(answer.prefix, CMP_STR("2b0")));
    assert_true(cmp_str_equal(answer.addr, CMP_STR("c.example.net")));
    assert_int_equal(answer.ttl_s, PREFIX_TTL_MS / 1000);
    assert_null(answer.peer.at);

    r->ici = "3B0";
    assert_int_equal(prefix_ask(r, CMP_ROUTE_ABSENT, CMP_NONE, &answer), CMP_ROUTE_DECLINE);
}

static void referral_of_an_addressed_host_is_for_the_ici_alone(void **state)
{
    prefix_rig *r = *state;
    cmp_route_answer answer;
    prefix_set_mode(r, "referral");
    assert_true(prefix_open(r));
    r->requestor = "b";
    r->ici = "2B001";
    assert_int_equal(prefix_ask(r, CMP_ROUTE_ADDRESSED, CMP_STR("nobody.example.net"), &answer),
                     CMP_ROUTE_DECLINE);
    assert_int_equal(prefix_ask(r, CMP_ROUTE_ADDRESSED, CMP_STR("no-host"), &answer),
                     CMP_ROUTE_DECLINE);
    assert_int_equal(prefix_ask(r, CMP_ROUTE_TRANSFERRED, CMP_STR("d.example.net"), &answer),
                     CMP_ROUTE_DECLINE);
    assert_int_equal(prefix_ask(r, CMP_ROUTE_ADDRESSED, CMP_STR("D.Example.net"), &answer),
                     CMP_ROUTE_REFERRAL);
    assert_true(cmp_str_equal(answer.addr, CMP_STR("d.example.net")));
    assert_null(answer.prefix.at);
    assert_int_equal(answer.ttl_s, PREFIX_TTL_MS / 1000);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, prefix_set_up, prefix_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_bad_table_is_refused_by_line),
        TEST(bad_entries_of_peers_are_refused),
        TEST(who_has_no_host_cannot_be_referred_to),
        TEST(forward_goes_to_the_longest_prefix),
        TEST(a_named_host_is_not_for_a_prefix),
        TEST(never_back_to_where_it_came_from),
        TEST(referral_names_host_and_prefix),
        TEST(referral_of_an_addressed_host_is_for_the_ici_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
