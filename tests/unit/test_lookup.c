/* SPDX-License-Identifier: Apache-2.0 */
/* Look-ups in stores, with and without a cache in front of them, and flights that many wait for. */
#include "pipeline_rig.h"

#include "base/clock.h"
#include "observe/counters.h"
#include "pipeline/cache.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static rig r;

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
    rig_ask(&r, RIG_GOOD);
    rig_expect(&r, 200,
               "{\"tid\":\"t-1\",\"ici\":\"1A0F1-1\",\"status\":\"resolved\",\"content\":"
               "\"https://x\",\"content_type\":\"uri\",\"ttl\":300}");
    rig_ask(&r, RIG_GOOD "&language=FR");
    rig_expect(&r, 200,
               "\"content\":\"https://fr\",\"content_type\":\"uri\",\"ttl\":300,"
               "\"language\":\"fr\"}");
}

static void validity_is_checked(void **state)
{
    (void)state;
    r.stores[0].verdict = CMP_STORE_FOUND;
    r.stores[0].record.content = CMP_STR("x");
    r.stores[0].record.status = CMP_RECORD_REVOKED;
    rig_ask(&r, RIG_GOOD);
    rig_expect(&r, 410, "\"code\":\"gone\"");
    r.stores[0].record.status = CMP_RECORD_ACTIVE;
    r.stores[0].record.not_before_ms = CMP_TIME_MAX - 1;
    rig_ask(&r, RIG_GOOD);
    rig_expect(&r, 404, "unknown_ici"); /* nothing is given away about tomorrow */
}

static void the_first_store_that_knows_decides(void **state)
{
    (void)state;
    rig_use(&r, 1, 3, 0);
    r.stores[0].verdict = CMP_STORE_UNAVAILABLE;
    r.stores[1].verdict = CMP_STORE_FOUND;
    r.stores[1].record.content = CMP_STR("second");
    rig_ask(&r, RIG_GOOD);
    rig_expect(&r, 200, "\"content\":\"second\"");
    assert_int_equal(r.stores[2].asked, 0);
}

static void unavailable_is_not_unknown(void **state)
{
    (void)state;
    rig_use(&r, 1, 2, 1);
    r.stores[0].verdict = CMP_STORE_UNAVAILABLE;
    rig_ask(&r, RIG_GOOD);
    rig_expect(&r, 503, "\"code\":\"store_unavailable\"");
    assert_true(r.retry_after_s > 0);
    assert_int_equal(r.routes[0].asked, 0);
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
    rig_ask(&r, RIG_GOOD);
    assert_cache_counted(before, 0, 1, 0);
    rig_ask(&r, RIG_GOOD);
    assert_cache_counted(before, 1, 1, 0);
    cache_expire(r.caches[0], (int64_t)clock_monotonic_ms());
    r.stores[0].verdict = CMP_STORE_UNAVAILABLE;
    rig_ask(&r, RIG_GOOD);
    rig_expect(&r, 200, "\"content\":\"x\"");
    assert_cache_counted(before, 1, 2, 1);
    rig_ask(&r, "tid=t&ici=1A0F1-2&user=u");
    rig_expect(&r, 503, "store_unavailable");
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
    rig_ask(&r, RIG_GOOD);
    rig_ask(&r, RIG_GOOD);
    rig_expect(&r, 200, "\"content\":\"x\"");
    r.stores[0].verdict = CMP_STORE_ABSENT;
    rig_ask(&r, "tid=t&ici=1A0F1-2&user=u");
    rig_ask(&r, "tid=t&ici=1A0F1-2&user=u");
    rig_expect(&r, 404, "unknown_ici");
    assert_int_equal(r.stores[0].asked, 2);
}

static void unavailable_is_not_cached(void **state)
{
    (void)state;
    cache_the_store();
    r.stores[0].verdict = CMP_STORE_UNAVAILABLE;
    rig_ask(&r, RIG_GOOD);
    rig_ask(&r, RIG_GOOD);
    rig_expect(&r, 503, "store_unavailable");
    assert_int_equal(r.stores[0].asked, 2);
}

static void those_who_want_the_same_wait_for_one_flight(void **state)
{
    (void)state;
    cache_the_store();
    r.stores[0].how = RIG_LATER;
    r.stores[0].verdict = CMP_STORE_FOUND;
    r.stores[0].record.content = CMP_STR("x");
    rig_ask(&r, RIG_GOOD);
    rig_ask(&r, RIG_GOOD);
    rig_ask(&r, RIG_GOOD);
    assert_int_equal(r.stores[0].asked, 1);
    rig_complete(&r.stores[0]);
    assert_int_equal(r.answers, 3);
    rig_expect(&r, 200, "\"content\":\"x\"");
}

static void when_the_flight_fails_all_are_told(void **state)
{
    (void)state;
    cache_the_store();
    r.stores[0].how = RIG_LATER;
    r.stores[0].verdict = CMP_STORE_UNAVAILABLE;
    rig_ask(&r, RIG_GOOD);
    rig_ask(&r, RIG_GOOD);
    rig_complete(&r.stores[0]);
    assert_int_equal(r.answers, 2);
    rig_expect(&r, 503, "store_unavailable");
    assert_int_equal(r.stores[0].asked, 1);
}

static void a_leader_that_goes_is_replaced(void **state)
{
    (void)state;
    cache_the_store();
    r.stores[0].how = RIG_LATER;
    rig_ask(&r, RIG_GOOD);
    txn *leader = r.last;
    const cmp_op first = r.stores[0].op;
    rig_ask(&r, RIG_GOOD);
    pipeline_client_gone(leader);
    assert_int_equal(r.stores[0].cancelled, 1);
    assert_int_equal(r.stores[0].asked, 2);
    const cmp_op second = r.stores[0].op;
    r.stores[0].op = first;
    rig_complete(&r.stores[0]);
    r.stores[0].op = second;
    rig_complete(&r.stores[0]);
    assert_int_equal(r.answers, 1);
    rig_expect(&r, 404, "unknown_ici");
}

static void a_waiter_that_goes_is_forgotten(void **state)
{
    (void)state;
    cache_the_store();
    r.stores[0].how = RIG_LATER;
    rig_ask(&r, RIG_GOOD);
    rig_ask(&r, RIG_GOOD);
    pipeline_client_gone(r.last);
    rig_complete(&r.stores[0]);
    assert_int_equal(r.answers, 1);
}

int main(void)
{
    pipeline_setup();
#define TEST(name) cmocka_unit_test_prestate_setup_teardown(name, rig_set_up, rig_tear_down, &r)
    const struct CMUnitTest tests[] = {
        TEST(a_record_is_answered),
        TEST(validity_is_checked),
        TEST(the_first_store_that_knows_decides),
        TEST(unavailable_is_not_unknown),
        TEST(a_cached_store_is_asked_once),
        TEST(each_look_up_is_a_hit_or_a_miss),
        TEST(unavailable_is_not_cached),
        TEST(those_who_want_the_same_wait_for_one_flight),
        TEST(when_the_flight_fails_all_are_told),
        TEST(a_leader_that_goes_is_replaced),
        TEST(a_waiter_that_goes_is_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
