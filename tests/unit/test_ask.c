/* SPDX-License-Identifier: Apache-2.0 */
/* Plugins that answer later, on the pool, and never. */
#include "pipeline_rig.h"

#include "observe/counters.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static rig r;

/* ---- later ---- */

static void an_answer_may_come_later(void **state)
{
    (void)state;
    char text[] = RIG_GOOD; /* gone before the answer comes */
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
    rig_expect(&r, 200, "\"tid\":\"t-1\",\"ici\":\"1A0F1-1\"");
    assert_int_equal(r.worker.transactions, 0);
}

static void the_deadline_answers_for_a_plugin_that_does_not(void **state)
{
    (void)state;
    r.conf.top.resolve.deadline_ms = 5;
    r.stores[0].how = RIG_LATER;
    rig_ask(&r, RIG_GOOD);
    rig_wait_answer(&r);
    rig_expect(&r, 503, "store_unavailable");
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
    rig_ask(&r, RIG_GOOD);
    const cmp_op first = r.stores[0].op;
    rig_ask(&r, "tid=t-2&ici=1A0F1-1&user=u");
    assert_int_equal(r.answers, 0);
    rig_ask(&r, "tid=t-3&ici=1A0F1-1&user=u");
    rig_expect(&r, 503, "store_unavailable");
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
    rig_ask(&r, RIG_GOOD);
    rig_wait_answer(&r);
    rig_expect(&r, 503, "\"code\":\"authentication_unavailable\"");
    assert_true(r.retry_after_s > 0);
    assert_int_equal(r.auth[0].cancelled, 1);
    rig_complete(&r.auth[0]);
    assert_int_equal(rig_executed(&r), 0);
}

static void a_client_that_goes_away_cancels(void **state)
{
    (void)state;
    r.stores[0].how = RIG_LATER;
    rig_ask(&r, RIG_GOOD);
    pipeline_client_gone(r.last);
    assert_int_equal(r.stores[0].cancelled, 1);
    assert_int_equal(r.worker.transactions, 1);
    rig_complete(&r.stores[0]);
    assert_int_equal(r.worker.transactions, 0);
    assert_int_equal(r.answers, 0);
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
    char text[] = RIG_GOOD;
    rig_ask(&r, text);
    memset(text, 'X', sizeof(text) - 1);
    rig_wait_answer(&r);
    rig_expect(&r, 200, "\"content\":\"slow\"");
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
    rig_ask(&r, RIG_GOOD);
    rig_wait_answer(&r);
    rig_expect(&r, 200, "\"content\":\"slow\"");
    assert_int_equal(r.answers, 1);
    assert_true(r.stores[0].saw);
    assert_int_equal(counter_read(store->stale_operations), before + 1);
}

static void a_late_result_of_the_pool_is_thrown_away(void **state)
{
    (void)state;
    r.stores[0].how = RIG_BLOCKING;
    rig_use(&r, 1, 1, 0);
    rig_ask(&r, RIG_GOOD);
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
    rig_ask(&r, RIG_GOOD);
    rig_expect(&r, 503, "store_unavailable");
}

int main(void)
{
    pipeline_setup();
#define TEST(name) cmocka_unit_test_prestate_setup_teardown(name, rig_set_up, rig_tear_down, &r)
    const struct CMUnitTest tests[] = {
        TEST(an_answer_may_come_later),
        TEST(the_deadline_answers_for_a_plugin_that_does_not),
        TEST(a_plugin_has_a_share_of_what_is_not_answered),
        TEST(an_authentication_that_is_late_is_unavailable),
        TEST(a_client_that_goes_away_cancels),
        TEST(a_plugin_that_blocks_runs_on_the_pool),
        TEST(a_plugin_that_blocks_answers_by_returning),
        TEST(a_late_result_of_the_pool_is_thrown_away),
        TEST(a_full_pool_is_unavailable_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
