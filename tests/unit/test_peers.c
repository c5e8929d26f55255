/* SPDX-License-Identifier: Apache-2.0 */
/* peers/peers.c: finding peers, and what they may ask. */
#include "peers/peers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define STRINGS(...)                                                                               \
    ((cmp_strings){(const char *const[]){__VA_ARGS__}, COUNT(((const char *const[]){__VA_ARGS__}))})
#define MC3 (UINT64_C(1) << CMP_INTERFACE_MC3)
#define MC6 (UINT64_C(1) << CMP_INTERFACE_MC6)
#define NOW ((int64_t)1795497600 * 1000000)

static peers *make(const conf_peer *rows, size_t count)
{
    const conf_top top = {.peers = {rows, count}};
    return peers_create(&top);
}

static void nobody_is_found_among_none(void **state)
{
    (void)state;
    peers *p = make(NULL, 0);
    assert_int_equal(peers_count(p), 0);
    assert_null(peers_at(p, 0));
    assert_null(peers_find(p, CMP_STR("b")));
    assert_null(peers_find(p, CMP_NONE));
    assert_null(peers_by_host(p, CMP_STR("b.example.net")));
    assert_int_equal(peers_prefix_owner(p, CMP_STR("1A0F1")).size, 0);
    peers_unref(&p);
    assert_null(p);
    peers_unref(&p);
}

static void finds_by_name_and_host(void **state)
{
    (void)state;
    const conf_peer rows[] = {
        {.name = "b", .host = "b.example.net"},
        {.name = "asks-only"},
        {.name = "twin", .host = "b.example.net"},
    };
    peers *p = make(rows, COUNT(rows));
    char longer[300];
    memset(longer, 'a', sizeof(longer));
    assert_null(peers_find(p, CMP_STR("B")));
    assert_null(peers_find(p, CMP_STR("b.example.net")));
    assert_null(peers_find(p, CMP_STR("")));
    assert_null(peers_by_host(p, CMP_STR("b.example.net.")));
    assert_null(peers_by_host(p, CMP_STR("example.net")));
    assert_null(peers_by_host(p, CMP_STR("")));
    assert_null(peers_by_host(p, CMP_NONE));
    assert_null(peers_by_host(p, (cmp_str){longer, sizeof(longer)}));
    assert_ptr_equal(peers_find(p, CMP_STR("asks-only")), peers_at(p, 1));
    assert_null(peers_at(p, 1)->host.at);
    assert_ptr_equal(peers_by_host(p, CMP_STR("b.example.net")), peers_at(p, 0));
    assert_ptr_equal(peers_by_host(p, CMP_STR("B.Example.NET")), peers_at(p, 0));
    peers_unref(&p);
}

static void finds_each_of_many(void **state)
{
    (void)state;
    static char names[1000][16], hosts[1000][32];
    static conf_peer rows[1000];
    for (size_t i = 0; i < COUNT(rows); i++) {
        snprintf(names[i], sizeof(names[i]), "peer-%zu", i);
        snprintf(hosts[i], sizeof(hosts[i]), "Cmp%zu.example.net", i);
        rows[i] = (conf_peer){.name = names[i], .host = hosts[i]};
    }
    peers *p = make(rows, COUNT(rows));
    assert_int_equal(peers_count(p), COUNT(rows));
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_int_equal(peers_find(p, cmp_str_from(names[i]))->index, i);
        assert_int_equal(peers_by_host(p, cmp_str_from(hosts[i]))->index, i);
    }
    assert_null(peers_find(p, CMP_STR("peer-1000")));
    assert_null(peers_at(p, COUNT(rows)));
    peers_unref(&p);
}

static void whose_the_longest_prefix_is(void **state)
{
    (void)state;
    const conf_peer rows[] = {
        {.name = "a", .prefixes = STRINGS("1A0", "2B001", "3C0")},
        {.name = "b", .prefixes = STRINGS("1A0F1", "no prefix")},
        {.name = "c", .prefixes = STRINGS("1a0f1", "2B0", "4D01")},
        {.name = "none"},
    };
    const struct {
        const char *ici, *owner; /* "": nobody */
        size_t size;
    } cases[] = {
        {"", "", 0},       {"1A1", "", 0},      {"2B", "", 0},
        {"01A0F1", "", 0}, {"1A05", "a", 3},    {"1a0f1abc", "b", 5}, /* of equals the first */
        {"2B0F1", "c", 3}, {"2B0011", "a", 5},  {"no prefix", "", 0},
        {"3C0", "a", 3}, /* a child's, and ours */
        {"3C01", "us", 4}, {"3c01-x", "us", 4}, {"4D0", "us", 3},
        {"4D01", "c", 4},  {"1A0F15", "us", 6}, {"4D0zzz", "us", 3},
    };
    const conf_top top = {.cmp.prefixes = STRINGS("3C0", "3C01", "4d0", "1A0f15", ""),
                          .peers = {rows, COUNT(rows)}};
    peers *p = peers_create(&top);
    for (size_t i = 0; i < COUNT(cases); i++) {
        const prefix_owner owner = peers_prefix_owner(p, cmp_str_from(cases[i].ici));
        const bool ours = strcmp(cases[i].owner, "us") == 0;
        assert_int_equal(owner.size, cases[i].size);
        assert_int_equal(owner.ours, ours);
        assert_ptr_equal(owner.peer, ours ? NULL : peers_find(p, cmp_str_from(cases[i].owner)));
    }
    assert_int_equal(peers_prefix_owner(p, CMP_NONE).size, 0);
    peers_unref(&p);
}

static void what_a_peer_may_ask(void **state)
{
    (void)state;
    const conf_peer rows[] = {
        {.name = "nothing"},
        {.name = "all-on-mc3", .allow = {.interfaces = MC3}},
        {.name = "some", .allow = {.interfaces = MC3 | MC6, .prefixes = STRINGS("1A0F1")}},
    };
    const struct {
        size_t peer;
        cmp_interface on;
        const char *ici;
        bool may;
    } cases[] = {
        {0, CMP_INTERFACE_MC3, "1A0F1", false}, {0, CMP_INTERFACE_MC6, "1A0F1", false},
        {1, CMP_INTERFACE_MC6, "1A0F1", false}, {2, CMP_INTERFACE_MC3, "1A0F2", false},
        {2, CMP_INTERFACE_MC3, "1A0F", false},  {1, CMP_INTERFACE_MC3, "anything", true},
        {2, CMP_INTERFACE_MC3, "1a0f1x", true}, {2, CMP_INTERFACE_MC6, "1A0F1", true},
    };
    peers *p = make(rows, COUNT(rows));
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_int_equal(peer_may_ask(peers_at(p, cases[i].peer), cases[i].on,
                                      cmp_str_from(cases[i].ici)),
                         cases[i].may);
    }
    peers_unref(&p);
}

static void a_reload_keeps_what_is_used_up(void **state)
{
    (void)state;
    const conf_peer before[] = {{.name = "same", .rate = 3600},
                                {.name = "changed", .rate = 3600},
                                {.name = "gone"}};
    const conf_peer after[] = {{.name = "fresh", .rate = 3600},
                               {.name = "changed", .rate = 7200},
                               before[0]};
    peers *old = make(before, COUNT(before));
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(rate_take(peers_at(old, i)->limit, NOW), 0);
        assert_int_not_equal(rate_take(peers_at(old, i)->limit, NOW), 0);
    }
    assert_int_equal(rate_take(peers_at(old, 2)->limit, NOW), 0);
    assert_int_equal(rate_take(peers_at(old, 2)->limit, NOW), 0);

    peers *now = make(after, COUNT(after));
    peers_adopt(now, old);
    assert_ptr_equal(peers_at(now, 2)->limit, peers_at(old, 0)->limit);
    peers_unref(&old);
    assert_int_equal(rate_take(peers_at(now, 2)->limit, NOW), 1000);
    assert_int_equal(rate_take(peers_at(now, 0)->limit, NOW), 0);
    assert_int_equal(rate_take(peers_at(now, 1)->limit, NOW), 0);
    assert_int_equal(rate_take(peers_at(now, 1)->limit, NOW), 0);
    assert_int_not_equal(rate_take(peers_at(now, 1)->limit, NOW), 0);
    peers_unref(&now);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_is_found_among_none),
        cmocka_unit_test(finds_by_name_and_host),
        cmocka_unit_test(finds_each_of_many),
        cmocka_unit_test(whose_the_longest_prefix_is),
        cmocka_unit_test(what_a_peer_may_ask),
        cmocka_unit_test(a_reload_keeps_what_is_used_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
