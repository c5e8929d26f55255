/* SPDX-License-Identifier: Apache-2.0 */
/* The pipeline with scripted plugins: what each step says to whom, and what comes before what. */
#include "pipeline_rig.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static rig r;

/* ---- before authentication ---- */

static void without_tid_or_ici_there_is_nothing_to_verify(void **state)
{
    (void)state;
    rig_ask(&r, "ici=1A0F1-1&user=u");
    rig_expect(&r, 400, "\"parameter\":\"tid\"");
    rig_ask(&r, "tid=t&user=u");
    rig_expect(&r, 400, "\"parameter\":\"ici\"");
    rig_ask(&r, "tid=t&ici=%zz");
    rig_expect(&r, 400, "\"code\":\"malformed\"");
    assert_int_equal(r.auth[0].asked, 0);
    assert_int_equal(rig_executed(&r), 0);
}

/* The wall clock may be set, either way, while it waits. */
static void the_deadline_is_not_the_wall_clocks(void **state)
{
    (void)state;
    r.stores[0].how = RIG_LATER;
    rig_ask(&r, RIG_GOOD);
    const uint64_t left_ms = txn_time_left_ms(r.last, clock_monotonic_us());
    assert_true(left_ms > 0);
    r.last->request.now_ms -= 3600000;
    assert_in_range(txn_time_left_ms(r.last, clock_monotonic_us()), left_ms / 2, left_ms);
    r.last->request.now_ms += 7200000;
    assert_in_range(txn_time_left_ms(r.last, clock_monotonic_us()), left_ms / 2, left_ms);
    r.last->begun_us -= (int64_t)left_ms * 1000;
    assert_int_equal(txn_time_left_ms(r.last, clock_monotonic_us()), 0);
    rig_complete(&r.stores[0]);
}

static void a_full_worker_refuses_at_once(void **state)
{
    (void)state;
    r.conf.top.limits.transactions = 1;
    r.auth[0].how = RIG_LATER;
    rig_ask(&r, RIG_GOOD);
    assert_int_equal(r.answers, 0);
    rig_ask(&r, "tid=t-2&ici=1A0F1-1&user=u");
    rig_expect(&r, 503, "\"code\":\"overloaded\"");
    assert_true(r.retry_after_s > 0);
    rig_complete(&r.auth[0]);
    rig_expect(&r, 404, "unknown_ici");
}

/* ---- authentication (9.3.2) ---- */

static void after_a_failed_authentication_nothing_is_executed(void **state)
{
    (void)state;
    static const cmp_auth_verdict verdicts[] = {CMP_AUTH_REJECT, CMP_AUTH_ABSTAIN};
    rig_use(&r, 1, 2, 1);
    for (size_t v = 0; v < 2; v++) {
        for (rig_how how = RIG_AT_ONCE; how <= RIG_LATER; how++) {
            r.auth[0].verdict = (int)verdicts[v];
            r.auth[0].how = how;
            rig_ask(&r, RIG_GOOD);
            if (how == RIG_LATER) {
                rig_complete(&r.auth[0]);
            }
            rig_expect(&r, 401, "\"code\":\"authentication_failed\"");
        }
    }
    r.auth[0].how = RIG_AT_ONCE;
    r.auth[0].verdict = CMP_AUTH_UNAVAILABLE;
    rig_ask(&r, RIG_GOOD);
    rig_expect(&r, 503, "\"code\":\"authentication_unavailable\"");
    assert_true(r.retry_after_s > 0);
    r.auth[0].verdict = CMP_AUTH_ACCEPT;
    r.auth[0].auth.peer = CMP_STR("stranger");
    rig_ask(&r, RIG_GOOD);
    rig_expect(&r, 401, "\"code\":\"authentication_failed\"");
    assert_int_equal(rig_executed(&r), 0);
}

/* The first store may fetch memory by then; whoever is refused costs no more than that. */
static void a_hint_comes_before_authentication(void **state)
{
    (void)state;
    rig_use(&r, 1, 2, 1);
    r.auth[0].verdict = CMP_AUTH_REJECT;
    rig_ask(&r, RIG_GOOD);
    rig_expect(&r, 401, "\"code\":\"authentication_failed\"");
    assert_int_equal(r.stores[0].prefetched, 1);
    assert_int_equal(r.stores[1].prefetched, 0);
    assert_int_equal(rig_executed(&r), 0);
    rig_ask(&r, "tid=t"); /* no ICI, no hint */
    assert_int_equal(r.stores[0].prefetched, 1);
    r.stores[0].descriptor.flags = CMP_PLUGIN_BLOCKING;
    rig_ask(&r, RIG_GOOD);
    assert_int_equal(r.stores[0].prefetched, 1);
    r.stores[0].descriptor.flags = 0;
}

static void without_an_auth_plugin_nobody_is_accepted(void **state)
{
    (void)state;
    rig_use(&r, 0, 1, 0);
    rig_ask(&r, RIG_GOOD);
    rig_expect(&r, 401, "authentication_failed");
    assert_int_equal(rig_executed(&r), 0);
}

static void who_abstains_may_bind_the_next_to_a_peer(void **state)
{
    (void)state;
    rig_use(&r, 2, 1, 0);
    r.auth[0].verdict = CMP_AUTH_ABSTAIN;
    r.auth[0].auth.peer = CMP_STR("c");
    rig_ask(&r, RIG_GOOD);
    rig_expect(&r, 401, "authentication_failed");
    assert_int_equal(rig_executed(&r), 0);
    r.auth[0].auth.peer = CMP_STR("b");
    rig_ask(&r, RIG_GOOD);
    rig_expect(&r, 404, "unknown_ici");
    assert_int_equal(r.stores[0].asked, 1);
}

static void a_rejection_ends_the_chain(void **state)
{
    (void)state;
    rig_use(&r, 2, 1, 0);
    r.auth[0].verdict = CMP_AUTH_REJECT;
    rig_ask(&r, RIG_GOOD);
    rig_expect(&r, 401, "authentication_failed");
    assert_int_equal(r.auth[1].asked, 0);
}

/* ---- once only ---- */

static void fingerprint(uint8_t first)
{
    memset(r.auth[0].auth.fingerprint, 7, sizeof(r.auth[0].auth.fingerprint));
    r.auth[0].auth.fingerprint[0] = first;
    r.auth[0].auth.credential = CMP_STR("k-1");
}

static void the_second_time_is_a_replay(void **state)
{
    (void)state;
    r.auth[0].auth.once = CMP_ONCE_ONLY;
    fingerprint(1);
    rig_ask(&r, RIG_GOOD);
    rig_expect(&r, 404, "unknown_ici"); /* an answer like any other: it stays remembered */
    rig_ask(&r, RIG_GOOD);
    rig_expect(&r, 409, "\"code\":\"replayed\"");
    fingerprint(2);
    rig_ask(&r, RIG_GOOD);
    rig_expect(&r, 404, "unknown_ici");
}

static void an_identical_repeat_is_answered_again_when_the_key_says_so(void **state)
{
    (void)state;
    r.auth[0].auth.once = CMP_ONCE_IDENTICAL;
    fingerprint(1);
    rig_ask(&r, RIG_GOOD "&x=1");
    rig_ask(&r, RIG_GOOD "&x=1");
    rig_expect(&r, 404, "unknown_ici");
    rig_ask(&r, RIG_GOOD "&x=2");
    rig_expect(&r, 409, "replayed");
    rig_ask(&r, "tid=t-1&ici=1A0F1-1&user=other&x=1");
    rig_expect(&r, 409, "replayed");
}

static void what_was_not_executed_may_come_again(void **state)
{
    (void)state;
    r.auth[0].auth.once = CMP_ONCE_ONLY;
    fingerprint(1);
    r.stores[0].verdict = CMP_STORE_UNAVAILABLE;
    rig_ask(&r, RIG_GOOD);
    rig_expect(&r, 503, "store_unavailable");
    r.stores[0].verdict = CMP_STORE_ABSENT;
    rig_ask(&r, RIG_GOOD);
    rig_expect(&r, 404, "unknown_ici");
    rig_ask(&r, RIG_GOOD);
    rig_expect(&r, 409, "replayed");
}

/* A peer repeats what it has no answer to yet; then the first one fails. */
static void what_a_repeat_was_answered_to_is_used_up(void **state)
{
    (void)state;
    r.conf.top.resolve.deadline_ms = 5;
    r.auth[0].auth.once = CMP_ONCE_IDENTICAL;
    fingerprint(1);
    r.stores[0].how = RIG_LATER;
    rig_ask(&r, RIG_GOOD "&x=1");
    const cmp_op first = r.stores[0].op;
    r.stores[0].how = RIG_AT_ONCE;
    rig_ask(&r, RIG_GOOD "&x=1");
    rig_expect(&r, 404, "unknown_ici");
    rig_wait_answer(&r);
    rig_expect(&r, 503, "store_unavailable");
    rig_ask(&r, RIG_GOOD "&x=2");
    rig_expect(&r, 409, "replayed");
    rig_ask(&r, RIG_GOOD "&x=1");
    rig_expect(&r, 404, "unknown_ici");
    r.stores[0].op = first;
    rig_complete(&r.stores[0]);
}

/* ---- authorisation and validation ---- */

static void a_peer_asks_only_where_it_may(void **state)
{
    (void)state;
    r.auth[0].auth.peer = CMP_STR("c");
    rig_ask(&r, RIG_GOOD);
    rig_expect(&r, 403, "\"code\":\"not_allowed\"");
    assert_int_equal(rig_executed(&r), 0);
}

static void values_are_validated_after_authentication(void **state)
{
    (void)state;
    rig_ask(&r, RIG_GOOD "&gender=x");
    rig_expect(&r, 400, "\"parameter\":\"gender\"");
    assert_int_equal(r.auth[0].asked, 1);
    assert_int_equal(rig_executed(&r), 0);
}

/* ---- hops and addr ---- */

static void hops_are_limited(void **state)
{
    (void)state;
    rig_ask(&r, RIG_GOOD "&count=8");
    rig_expect(&r, 508, "loop_detected");
    rig_ask(&r, RIG_GOOD "&count=7");
    rig_expect(&r, 404, "unknown_ici");
}

static void addr_is_a_key_into_the_peers(void **state)
{
    (void)state;
    rig_use(&r, 1, 1, 1);
    rig_ask(&r, RIG_GOOD "&addr=evil.example.org");
    rig_expect(&r, 403, "\"code\":\"addr_not_allowed\"");
    assert_int_equal(rig_executed(&r), 0);
    rig_ask(&r, RIG_GOOD "&addr=A.Example.NET"); /* us */
    assert_int_equal(r.stores[0].asked, 1);
    rig_ask(&r, RIG_GOOD "&addr=C.example.net"); /* may be addressed by b; the route declines */
    rig_expect(&r, 403, "addr_not_allowed");
    assert_int_equal(r.stores[0].asked, 1);
    assert_int_equal(r.routes[0].asked, 1);
    assert_int_equal(r.routes[0].reason, CMP_ROUTE_ADDRESSED);
    assert_memory_equal(r.routes[0].target.at, "c.example.net", r.routes[0].target.size);
}

/* ---- routes ---- */

static void own_prefixes_are_not_routed(void **state)
{
    (void)state;
    rig_use(&r, 1, 1, 1);
    rig_ask(&r, RIG_GOOD);
    rig_expect(&r, 404, "unknown_ici");
    assert_int_equal(r.routes[0].asked, 0);
    rig_ask(&r, "tid=t&ici=2b001-9&user=u");
    rig_expect(&r, 404, "unknown_ici");
    assert_int_equal(r.routes[0].asked, 1);
    assert_int_equal(r.routes[0].reason, CMP_ROUTE_ABSENT);
}

static void a_transferred_code_is_routed(void **state)
{
    (void)state;
    rig_use(&r, 1, 1, 2);
    r.stores[0].verdict = CMP_STORE_FOUND;
    r.stores[0].record.transferred_to = CMP_STR("c.example.net");
    rig_ask(&r, RIG_GOOD);
    rig_expect(&r, 404, "unknown_ici");
    assert_int_equal(r.routes[1].asked, 1);
    assert_int_equal(r.routes[1].reason, CMP_ROUTE_TRANSFERRED);
    r.stores[0].record.transferred_to = CMP_STR("a.example.net"); /* to ourselves */
    rig_ask(&r, RIG_GOOD);
    rig_expect(&r, 404, "unknown_ici");
    assert_int_equal(r.routes[1].asked, 1);
}

static void every_verdict_of_a_route_is_answered(void **state)
{
    static const struct {
        cmp_route_verdict verdict;
        cmp_refusal refusal;
        int status;
        const char *part;
    } cases[] = {
        {CMP_ROUTE_DECLINE, 0, 404, "unknown_ici"},
        {CMP_ROUTE_REFUSE, CMP_REFUSE_NOT_ALLOWED, 403, "not_allowed"},
        {CMP_ROUTE_REFUSE, CMP_REFUSE_ADDR_NOT_ALLOWED, 403, "addr_not_allowed"},
        {CMP_ROUTE_REFUSE, CMP_REFUSE_UNKNOWN_ICI, 404, "unknown_ici"},
        {CMP_ROUTE_UNAVAILABLE, 0, 503, "overloaded"},
        {CMP_ROUTE_FORWARD, 0, 502, "peer_failed"},
        {CMP_ROUTE_REFERRAL, 0, 200,
         "\"status\":\"referral\",\"prefix\":\"2B001\",\"addr\":\"c.example.net\",\"ttl\":60}"},
        {CMP_ROUTE_ANSWER, 0, 200, "\"content\":\"routed\""},
    };
    (void)state;
    rig_use(&r, 1, 1, 1);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (rig_how how = RIG_AT_ONCE; how <= RIG_LATER; how++) {
            rig_plugin *p = &r.routes[0];
            p->how = how;
            p->verdict = (int)cases[i].verdict;
            p->route.refusal = cases[i].refusal;
            p->route.peer = CMP_STR("c"); /* which has no URL */
            p->route.addr = CMP_STR("c.example.net");
            p->route.prefix = CMP_STR("2B001");
            p->route.ttl_s = 60;
            p->record.content = CMP_STR("routed");
            rig_ask(&r, "tid=t&ici=2B001-9&user=u");
            if (how == RIG_LATER) {
                rig_complete(p);
            }
            rig_expect(&r, cases[i].status, cases[i].part);
        }
    }
}

int main(void)
{
    pipeline_setup();
#define TEST(name) cmocka_unit_test_prestate_setup_teardown(name, rig_set_up, rig_tear_down, &r)
    const struct CMUnitTest tests[] = {
        TEST(without_tid_or_ici_there_is_nothing_to_verify),
        TEST(the_deadline_is_not_the_wall_clocks),
        TEST(a_full_worker_refuses_at_once),
        TEST(after_a_failed_authentication_nothing_is_executed),
        TEST(a_hint_comes_before_authentication),
        TEST(without_an_auth_plugin_nobody_is_accepted),
        TEST(who_abstains_may_bind_the_next_to_a_peer),
        TEST(a_rejection_ends_the_chain),
        TEST(the_second_time_is_a_replay),
        TEST(an_identical_repeat_is_answered_again_when_the_key_says_so),
        TEST(what_was_not_executed_may_come_again),
        TEST(what_a_repeat_was_answered_to_is_used_up),
        TEST(a_peer_asks_only_where_it_may),
        TEST(values_are_validated_after_authentication),
        TEST(hops_are_limited),
        TEST(addr_is_a_key_into_the_peers),
        TEST(own_prefixes_are_not_routed),
        TEST(a_transferred_code_is_routed),
        TEST(every_verdict_of_a_route_is_answered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
