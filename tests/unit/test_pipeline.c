/* SPDX-License-Identifier: Apache-2.0 */
/* The pipeline with scripted plugins: every verdict, at once, later, on the pool, and never. */
#include "pipeline_rig.h"

#include "base/clock.h"
#include "base/log.h"
#include "observe/counters.h"
#include "pipeline/cache.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define GOOD "tid=t-1&ici=1A0F1-1&user=u"

static rig r;

static int set_up(void **state)
{
    (void)state;
    log_setup(CMP_LOG_ERROR, LOG_TEXT);
    rig_init(&r);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    rig_dispose(&r);
    return 0;
}

static void assert_answer(int status, const char *part)
{
    if (r.status != status || strstr(r.body, part) == NULL) {
        fail_msg("got %d %s, wanted %d with %s", r.status, r.body, status, part);
    }
}

/* ---- before authentication ---- */

static void without_tid_or_ici_there_is_nothing_to_verify(void **state)
{
    (void)state;
    rig_ask(&r, "ici=1A0F1-1&user=u");
    assert_answer(400, "\"parameter\":\"tid\"");
    rig_ask(&r, "tid=t&user=u");
    assert_answer(400, "\"parameter\":\"ici\"");
    rig_ask(&r, "tid=t&ici=%zz");
    assert_answer(400, "\"code\":\"malformed\"");
    assert_int_equal(r.auth[0].asked, 0);
    assert_int_equal(rig_executed(&r), 0);
}

/* The wall clock may be set, either way, while it waits. */
static void the_deadline_is_not_the_wall_clocks(void **state)
{
    (void)state;
    r.stores[0].how = RIG_LATER;
    rig_ask(&r, GOOD);
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
    rig_ask(&r, GOOD);
    assert_int_equal(r.answers, 0);
    rig_ask(&r, "tid=t-2&ici=1A0F1-1&user=u");
    assert_answer(503, "\"code\":\"overloaded\"");
    assert_true(r.retry_after_s > 0);
    rig_complete(&r.auth[0]);
    assert_answer(404, "unknown_ici");
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
            rig_ask(&r, GOOD);
            if (how == RIG_LATER) {
                rig_complete(&r.auth[0]);
            }
            assert_answer(401, "\"code\":\"authentication_failed\"");
        }
    }
    r.auth[0].how = RIG_AT_ONCE;
    r.auth[0].verdict = CMP_AUTH_UNAVAILABLE;
    rig_ask(&r, GOOD);
    assert_answer(503, "\"code\":\"authentication_unavailable\"");
    assert_true(r.retry_after_s > 0);
    r.auth[0].verdict = CMP_AUTH_ACCEPT;
    r.auth[0].auth.peer = CMP_STR("stranger");
    rig_ask(&r, GOOD);
    assert_answer(401, "\"code\":\"authentication_failed\"");
    assert_int_equal(rig_executed(&r), 0);
}

/* The first store may fetch memory by then; whoever is refused costs no more than that. */
static void a_hint_comes_before_authentication(void **state)
{
    (void)state;
    rig_use(&r, 1, 2, 1);
    r.auth[0].verdict = CMP_AUTH_REJECT;
    rig_ask(&r, GOOD);
    assert_answer(401, "\"code\":\"authentication_failed\"");
    assert_int_equal(r.stores[0].prefetched, 1);
    assert_int_equal(r.stores[1].prefetched, 0);
    assert_int_equal(rig_executed(&r), 0);
    rig_ask(&r, "tid=t"); /* no ICI, no hint */
    assert_int_equal(r.stores[0].prefetched, 1);
    r.stores[0].descriptor.flags = CMP_PLUGIN_BLOCKING;
    rig_ask(&r, GOOD);
    assert_int_equal(r.stores[0].prefetched, 1);
    r.stores[0].descriptor.flags = 0;
}

static void without_an_auth_plugin_nobody_is_accepted(void **state)
{
    (void)state;
    rig_use(&r, 0, 1, 0);
    rig_ask(&r, GOOD);
    assert_answer(401, "authentication_failed");
    assert_int_equal(rig_executed(&r), 0);
}

static void who_abstains_may_bind_the_next_to_a_peer(void **state)
{
    (void)state;
    rig_use(&r, 2, 1, 0);
    r.auth[0].verdict = CMP_AUTH_ABSTAIN;
    r.auth[0].auth.peer = CMP_STR("c");
    rig_ask(&r, GOOD);
    assert_answer(401, "authentication_failed");
    assert_int_equal(rig_executed(&r), 0);
    r.auth[0].auth.peer = CMP_STR("b");
    rig_ask(&r, GOOD);
    assert_answer(404, "unknown_ici");
    assert_int_equal(r.stores[0].asked, 1);
}

static void a_rejection_ends_the_chain(void **state)
{
    (void)state;
    rig_use(&r, 2, 1, 0);
    r.auth[0].verdict = CMP_AUTH_REJECT;
    rig_ask(&r, GOOD);
    assert_answer(401, "authentication_failed");
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
    rig_ask(&r, GOOD);
    assert_answer(404, "unknown_ici"); /* an answer like any other: it stays remembered */
    rig_ask(&r, GOOD);
    assert_answer(409, "\"code\":\"replayed\"");
    fingerprint(2);
    rig_ask(&r, GOOD);
    assert_answer(404, "unknown_ici");
}

static void an_identical_repeat_is_answered_again_when_the_key_says_so(void **state)
{
    (void)state;
    r.auth[0].auth.once = CMP_ONCE_IDENTICAL;
    fingerprint(1);
    rig_ask(&r, GOOD "&x=1");
    rig_ask(&r, GOOD "&x=1");
    assert_answer(404, "unknown_ici");
    rig_ask(&r, GOOD "&x=2");
    assert_answer(409, "replayed");
    rig_ask(&r, "tid=t-1&ici=1A0F1-1&user=other&x=1");
    assert_answer(409, "replayed");
}

static void what_was_not_executed_may_come_again(void **state)
{
    (void)state;
    r.auth[0].auth.once = CMP_ONCE_ONLY;
    fingerprint(1);
    r.stores[0].verdict = CMP_STORE_UNAVAILABLE;
    rig_ask(&r, GOOD);
    assert_answer(503, "store_unavailable");
    r.stores[0].verdict = CMP_STORE_ABSENT;
    rig_ask(&r, GOOD);
    assert_answer(404, "unknown_ici");
    rig_ask(&r, GOOD);
    assert_answer(409, "replayed");
}

/* ---- authorisation and validation ---- */

static void a_peer_asks_only_where_it_may(void **state)
{
    (void)state;
    r.auth[0].auth.peer = CMP_STR("c");
    rig_ask(&r, GOOD);
    assert_answer(403, "\"code\":\"not_allowed\"");
    assert_int_equal(rig_executed(&r), 0);
}

static void values_are_validated_after_authentication(void **state)
{
    (void)state;
    rig_ask(&r, GOOD "&gender=x");
    assert_answer(400, "\"parameter\":\"gender\"");
    assert_int_equal(r.auth[0].asked, 1);
    assert_int_equal(rig_executed(&r), 0);
}

/* ---- hops and addr ---- */

static void hops_are_limited(void **state)
{
    (void)state;
    rig_ask(&r, GOOD "&count=8");
    assert_answer(508, "loop_detected");
    rig_ask(&r, GOOD "&count=7");
    assert_answer(404, "unknown_ici");
}

static void addr_is_a_key_into_the_peers(void **state)
{
    (void)state;
    rig_use(&r, 1, 1, 1);
    rig_ask(&r, GOOD "&addr=evil.example.org");
    assert_answer(403, "\"code\":\"addr_not_allowed\"");
    assert_int_equal(rig_executed(&r), 0);
    rig_ask(&r, GOOD "&addr=A.Example.NET"); /* us */
    assert_int_equal(r.stores[0].asked, 1);
    rig_ask(&r, GOOD "&addr=C.example.net"); /* may be addressed by b; the route declines */
    assert_answer(403, "addr_not_allowed");
    assert_int_equal(r.stores[0].asked, 1);
    assert_int_equal(r.routes[0].asked, 1);
    assert_int_equal(r.routes[0].reason, CMP_ROUTE_ADDRESSED);
    assert_memory_equal(r.routes[0].target.at, "c.example.net", r.routes[0].target.size);
}

/* ---- look-up ---- */

static void a_record_is_answered(void **state)
{
    (void)state;
    static const cmp_condition french = {{"language", 8}, {"fr", 2}};
    const cmp_variant variant = {.content = CMP_STR("https://fr"),
                                 .conditions = &french,
                                 .condition_count = 1};
    r.stores[0].verdict = CMP_STORE_FOUND;
    r.stores[0].record.content = CMP_STR("https://x");
    r.stores[0].record.variants = &variant;
    r.stores[0].record.variant_count = 1;
    rig_ask(&r, GOOD);
    assert_answer(200, "{\"tid\":\"t-1\",\"ici\":\"1A0F1-1\",\"status\":\"resolved\",\"content\":"
                       "\"https://x\",\"content_type\":\"uri\",\"ttl\":300}");
    rig_ask(&r, GOOD "&language=FR");
    assert_answer(200, "\"content\":\"https://fr\",\"content_type\":\"uri\",\"ttl\":300,"
                       "\"language\":\"fr\"}");
}

static void validity_is_checked(void **state)
{
    (void)state;
    r.stores[0].verdict = CMP_STORE_FOUND;
    r.stores[0].record.content = CMP_STR("x");
    r.stores[0].record.status = CMP_RECORD_REVOKED;
    rig_ask(&r, GOOD);
    assert_answer(410, "\"code\":\"gone\"");
    r.stores[0].record.status = CMP_RECORD_ACTIVE;
    r.stores[0].record.not_before_ms = CMP_TIME_MAX - 1;
    rig_ask(&r, GOOD);
    assert_answer(404, "unknown_ici"); /* nothing is given away about tomorrow */
}

static void the_first_store_that_knows_decides(void **state)
{
    (void)state;
    rig_use(&r, 1, 3, 0);
    r.stores[0].verdict = CMP_STORE_UNAVAILABLE;
    r.stores[1].verdict = CMP_STORE_FOUND;
    r.stores[1].record.content = CMP_STR("second");
    rig_ask(&r, GOOD);
    assert_answer(200, "\"content\":\"second\"");
    assert_int_equal(r.stores[2].asked, 0);
}

static void unavailable_is_not_unknown(void **state)
{
    (void)state;
    rig_use(&r, 1, 2, 1);
    r.stores[0].verdict = CMP_STORE_UNAVAILABLE;
    rig_ask(&r, GOOD);
    assert_answer(503, "\"code\":\"store_unavailable\"");
    assert_true(r.retry_after_s > 0);
    assert_int_equal(r.routes[0].asked, 0);
}

/* ---- routes ---- */

static void own_prefixes_are_not_routed(void **state)
{
    (void)state;
    rig_use(&r, 1, 1, 1);
    rig_ask(&r, GOOD);
    assert_answer(404, "unknown_ici");
    assert_int_equal(r.routes[0].asked, 0);
    rig_ask(&r, "tid=t&ici=2b001-9&user=u");
    assert_answer(404, "unknown_ici");
    assert_int_equal(r.routes[0].asked, 1);
    assert_int_equal(r.routes[0].reason, CMP_ROUTE_ABSENT);
}

static void a_transferred_code_is_routed(void **state)
{
    (void)state;
    rig_use(&r, 1, 1, 2);
    r.stores[0].verdict = CMP_STORE_FOUND;
    r.stores[0].record.transferred_to = CMP_STR("c.example.net");
    rig_ask(&r, GOOD);
    assert_answer(404, "unknown_ici");
    assert_int_equal(r.routes[1].asked, 1);
    assert_int_equal(r.routes[1].reason, CMP_ROUTE_TRANSFERRED);
    r.stores[0].record.transferred_to = CMP_STR("a.example.net"); /* to ourselves */
    rig_ask(&r, GOOD);
    assert_answer(404, "unknown_ici");
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
            assert_answer(cases[i].status, cases[i].part);
        }
    }
}

/* ---- later ---- */

static void an_answer_may_come_later(void **state)
{
    (void)state;
    char text[] = GOOD; /* gone before the answer comes */
    r.stores[0].how = RIG_LATER;
    r.stores[0].verdict = CMP_STORE_FOUND;
    r.stores[0].record.content = CMP_STR("late");
    rig_ask(&r, text);
    memset(text, 'X', sizeof(text) - 1);
    assert_int_equal(r.answers, 0);
    assert_int_equal(r.kept, 1);
    worker_turn_end(&r.worker);
    worker_turn_end(&r.worker);
    assert_int_equal(r.stores[0].turn_ends, 1);
    rig_complete(&r.stores[0]);
    assert_answer(200, "\"tid\":\"t-1\",\"ici\":\"1A0F1-1\"");
    assert_int_equal(r.worker.transactions, 0);
}

static void the_deadline_answers_for_a_plugin_that_does_not(void **state)
{
    (void)state;
    r.conf.top.resolve.deadline_ms = 5;
    r.stores[0].how = RIG_LATER;
    rig_ask(&r, GOOD);
    rig_wait_answer(&r);
    assert_answer(503, "store_unavailable");
    assert_int_equal(r.stores[0].cancelled, 1);
    assert_int_equal(r.worker.transactions, 1); /* kept alive for the plugin */
    rig_complete(&r.stores[0]);
    assert_int_equal(r.worker.transactions, 0);
    assert_int_equal(r.answers, 1);
}

static void a_plugin_has_a_share_of_what_is_not_answered(void **state)
{
    (void)state;
    assert_int_equal(r.worker.desk.share, 75); /* of 100 transactions */
    r.worker.desk.share = 2;
    r.stores[0].how = RIG_LATER;
    rig_ask(&r, GOOD);
    const cmp_op first = r.stores[0].op;
    rig_ask(&r, "tid=t-2&ici=1A0F1-1&user=u");
    assert_int_equal(r.answers, 0);
    rig_ask(&r, "tid=t-3&ici=1A0F1-1&user=u");
    assert_answer(503, "store_unavailable");
    assert_int_equal(r.stores[0].asked, 2);
    assert_int_equal(counter_read(r.store_chain[0]->not_asked), 1);
    rig_complete(&r.stores[0]);
    r.stores[0].op = first;
    rig_complete(&r.stores[0]);
    assert_int_equal(r.answers, 3);
    r.stores[0].how = RIG_AT_ONCE;
    rig_ask(&r, "tid=t-4&ici=1A0F1-1&user=u");
    assert_int_equal(r.stores[0].asked, 3);
}

static void an_authentication_that_is_late_is_unavailable(void **state)
{
    (void)state;
    r.conf.top.resolve.deadline_ms = 5;
    r.auth[0].how = RIG_LATER;
    rig_ask(&r, GOOD);
    rig_wait_answer(&r);
    assert_answer(503, "\"code\":\"authentication_unavailable\"");
    assert_true(r.retry_after_s > 0);
    assert_int_equal(r.auth[0].cancelled, 1);
    rig_complete(&r.auth[0]);
    assert_int_equal(rig_executed(&r), 0);
}

static void a_client_that_goes_away_cancels(void **state)
{
    (void)state;
    r.stores[0].how = RIG_LATER;
    rig_ask(&r, GOOD);
    pipeline_client_gone(r.last);
    assert_int_equal(r.stores[0].cancelled, 1);
    assert_int_equal(r.worker.transactions, 1);
    rig_complete(&r.stores[0]);
    assert_int_equal(r.worker.transactions, 0);
    assert_int_equal(r.answers, 0);
}

/* ---- cached ---- */

static void cache_the_store(void)
{
    r.instances[RIG_PLUGINS].caches = r.caches;
    r.caches[0] = cache_create(&(instance_cache){.size_bytes = 65536,
                                                 .ttl_ms = 60000,
                                                 .negative_ttl_ms = 60000,
                                                 .stale_ms = 60000},
                               &r.instances[RIG_PLUGINS].loads[0].cached);
    r.instances[RIG_PLUGINS].cache_counters =
        (instance_cache_counters){.hits = counter_register("cached", "hits", "Hits"),
                                  .misses = counter_register("cached", "misses", "Misses"),
                                  .stale = counter_register("cached", "stale", "Stale")};
}

static void assert_cache_counted(const uint64_t before[3], uint64_t hits, uint64_t misses,
                                 uint64_t stale)
{
    const instance_cache_counters *c = &r.instances[RIG_PLUGINS].cache_counters;
    assert_int_equal(counter_read(c->hits) - before[0], hits);
    assert_int_equal(counter_read(c->misses) - before[1], misses);
    assert_int_equal(counter_read(c->stale) - before[2], stale);
}

static void each_look_up_is_a_hit_or_a_miss(void **state)
{
    (void)state;
    cache_the_store();
    const instance_cache_counters *c = &r.instances[RIG_PLUGINS].cache_counters;
    const uint64_t before[] = {counter_read(c->hits), counter_read(c->misses),
                               counter_read(c->stale)};
    r.stores[0].verdict = CMP_STORE_FOUND;
    r.stores[0].record.content = CMP_STR("x");
    rig_ask(&r, GOOD);
    assert_cache_counted(before, 0, 1, 0);
    rig_ask(&r, GOOD);
    assert_cache_counted(before, 1, 1, 0);
    cache_expire(r.caches[0], clock_now_ms());
    r.stores[0].verdict = CMP_STORE_UNAVAILABLE;
    rig_ask(&r, GOOD);
    assert_answer(200, "\"content\":\"x\"");
    assert_cache_counted(before, 1, 2, 1);
    rig_ask(&r, "tid=t&ici=1A0F1-2&user=u");
    assert_answer(503, "store_unavailable");
    assert_cache_counted(before, 1, 3, 1);
    r.stores[0].verdict = CMP_STORE_ABSENT;
    rig_ask(&r, "tid=t&ici=1A0F1-2&user=u");
    rig_ask(&r, "tid=t&ici=1A0F1-2&user=u");
    assert_cache_counted(before, 2, 4, 1);
}

static void a_cached_store_is_asked_once(void **state)
{
    (void)state;
    cache_the_store();
    r.stores[0].verdict = CMP_STORE_FOUND;
    r.stores[0].record.content = CMP_STR("x");
    rig_ask(&r, GOOD);
    rig_ask(&r, GOOD);
    assert_answer(200, "\"content\":\"x\"");
    r.stores[0].verdict = CMP_STORE_ABSENT;
    rig_ask(&r, "tid=t&ici=1A0F1-2&user=u");
    rig_ask(&r, "tid=t&ici=1A0F1-2&user=u");
    assert_answer(404, "unknown_ici");
    assert_int_equal(r.stores[0].asked, 2);
}

static void unavailable_is_not_cached(void **state)
{
    (void)state;
    cache_the_store();
    r.stores[0].verdict = CMP_STORE_UNAVAILABLE;
    rig_ask(&r, GOOD);
    rig_ask(&r, GOOD);
    assert_answer(503, "store_unavailable");
    assert_int_equal(r.stores[0].asked, 2);
}

static void those_who_want_the_same_wait_for_one_flight(void **state)
{
    (void)state;
    cache_the_store();
    r.stores[0].how = RIG_LATER;
    r.stores[0].verdict = CMP_STORE_FOUND;
    r.stores[0].record.content = CMP_STR("x");
    rig_ask(&r, GOOD);
    rig_ask(&r, GOOD);
    rig_ask(&r, GOOD);
    assert_int_equal(r.stores[0].asked, 1);
    rig_complete(&r.stores[0]);
    assert_int_equal(r.answers, 3);
    assert_answer(200, "\"content\":\"x\"");
}

static void when_the_flight_fails_all_are_told(void **state)
{
    (void)state;
    cache_the_store();
    r.stores[0].how = RIG_LATER;
    r.stores[0].verdict = CMP_STORE_UNAVAILABLE;
    rig_ask(&r, GOOD);
    rig_ask(&r, GOOD);
    rig_complete(&r.stores[0]);
    assert_int_equal(r.answers, 2);
    assert_answer(503, "store_unavailable");
    assert_int_equal(r.stores[0].asked, 1);
}

static void a_leader_that_goes_is_replaced(void **state)
{
    (void)state;
    cache_the_store();
    r.stores[0].how = RIG_LATER;
    rig_ask(&r, GOOD);
    txn *leader = r.last;
    const cmp_op first = r.stores[0].op;
    rig_ask(&r, GOOD);
    pipeline_client_gone(leader);
    assert_int_equal(r.stores[0].cancelled, 1);
    assert_int_equal(r.stores[0].asked, 2);
    const cmp_op second = r.stores[0].op;
    r.stores[0].op = first;
    rig_complete(&r.stores[0]);
    r.stores[0].op = second;
    rig_complete(&r.stores[0]);
    assert_int_equal(r.answers, 1);
    assert_answer(404, "unknown_ici");
}

static void a_waiter_that_goes_is_forgotten(void **state)
{
    (void)state;
    cache_the_store();
    r.stores[0].how = RIG_LATER;
    rig_ask(&r, GOOD);
    rig_ask(&r, GOOD);
    pipeline_client_gone(r.last);
    rig_complete(&r.stores[0]);
    assert_int_equal(r.answers, 1);
}

/* ---- on the pool ---- */

static void a_plugin_that_blocks_runs_on_the_pool(void **state)
{
    (void)state;
    r.auth[0].how = RIG_BLOCKING;
    r.stores[0].how = RIG_BLOCKING;
    r.stores[0].verdict = CMP_STORE_FOUND;
    r.stores[0].record.content = CMP_STR("slow");
    rig_use(&r, 1, 1, 0);
    char text[] = GOOD;
    rig_ask(&r, text);
    memset(text, 'X', sizeof(text) - 1);
    rig_wait_answer(&r);
    assert_answer(200, "\"content\":\"slow\"");
    assert_int_equal(r.worker.transactions, 0);
}

static void a_plugin_that_blocks_answers_by_returning(void **state)
{
    (void)state;
    const instance *store = r.store_chain[0];
    const uint64_t before = counter_read(store->stale_operations);
    r.stores[0].how = RIG_BLOCKING_COMPLETES;
    r.stores[0].verdict = CMP_STORE_FOUND;
    r.stores[0].record.content = CMP_STR("slow");
    rig_use(&r, 1, 1, 0);
    rig_ask(&r, GOOD);
    rig_wait_answer(&r);
    assert_answer(200, "\"content\":\"slow\"");
    assert_int_equal(r.answers, 1);
    assert_true(r.stores[0].saw);
    assert_int_equal(counter_read(store->stale_operations), before + 1);
}

static void a_late_result_of_the_pool_is_thrown_away(void **state)
{
    (void)state;
    r.stores[0].how = RIG_BLOCKING;
    rig_use(&r, 1, 1, 0);
    rig_ask(&r, GOOD);
    pipeline_client_gone(r.last);
    while (worker_under_way(&r.worker) != 0) {
        loop_turn(r.loop);
    }
    assert_int_equal(r.answers, 0);
}

static void a_full_pool_is_unavailable_at_once(void **state)
{
    (void)state;
    pool_destroy(&r.process.pool, 5000);
    r.process.pool = pool_create(0, 1);
    r.worker.desk.pool = r.process.pool;
    r.stores[0].how = RIG_BLOCKING;
    rig_use(&r, 1, 1, 0);
    rig_ask(&r, GOOD);
    assert_answer(503, "store_unavailable");
}

int main(void)
{
    pipeline_setup();
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
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
        TEST(a_peer_asks_only_where_it_may),
        TEST(values_are_validated_after_authentication),
        TEST(hops_are_limited),
        TEST(addr_is_a_key_into_the_peers),
        TEST(a_record_is_answered),
        TEST(validity_is_checked),
        TEST(the_first_store_that_knows_decides),
        TEST(unavailable_is_not_unknown),
        TEST(own_prefixes_are_not_routed),
        TEST(a_transferred_code_is_routed),
        TEST(every_verdict_of_a_route_is_answered),
        TEST(an_answer_may_come_later),
        TEST(the_deadline_answers_for_a_plugin_that_does_not),
        TEST(a_plugin_has_a_share_of_what_is_not_answered),
        TEST(an_authentication_that_is_late_is_unavailable),
        TEST(a_client_that_goes_away_cancels),
        TEST(a_cached_store_is_asked_once),
        TEST(each_look_up_is_a_hit_or_a_miss),
        TEST(unavailable_is_not_cached),
        TEST(those_who_want_the_same_wait_for_one_flight),
        TEST(when_the_flight_fails_all_are_told),
        TEST(a_leader_that_goes_is_replaced),
        TEST(a_waiter_that_goes_is_forgotten),
        TEST(a_plugin_that_blocks_runs_on_the_pool),
        TEST(a_plugin_that_blocks_answers_by_returning),
        TEST(a_late_result_of_the_pool_is_thrown_away),
        TEST(a_full_pool_is_unavailable_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
