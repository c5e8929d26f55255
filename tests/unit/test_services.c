/* SPDX-License-Identifier: Apache-2.0 */
/* The services that plugins call with something to say: what cannot be is counted, and leads
 * nowhere. */
#include "pipeline_rig.h"

#include "observe/counters.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static rig r;
static const cmp_host *host; /* of the first store */

static int set_up(void **state)
{
    (void)state;
    rig_init(&r);
    r.site.worker_count = 1;
    r.site.worker_loops = &r.loop;
    r.site.worker_outbounds = &r.worker.outbound;
    host = r.stores[0].host;
    r.store_chain[0]->peers = peers_ref(r.generation.peers);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    rig_dispose(&r);
    return 0;
}

static uint64_t mistakes(void)
{
    return counter_read(r.store_chain[0]->bad_answers);
}

static void what_is_no_record_is_not_written(void **state)
{
    (void)state;
    const uint64_t before = mistakes();
    char json[100];
    cmp_record record = CMP_RECORD_INIT;
    record.content = CMP_STR("x");
    assert_int_equal(host->record_write(host, CMP_STR("A"), &record, json, sizeof(json)), 25);
    assert_int_equal(mistakes(), before);
    record.content = (cmp_str){NULL, 7};
    assert_int_equal(host->record_write(host, CMP_STR("A"), &record, json, sizeof(json)), 0);
    record.content = CMP_STR("x");
    assert_int_equal(host->record_write(host, (cmp_str){NULL, 7}, &record, json, 100), 0);
    assert_int_equal(mistakes(), before + 2);
}

static void a_change_is_of_an_ici_or_of_any(void **state)
{
    (void)state;
    const uint64_t before = mistakes();
    host->store_changed(host, CMP_NONE);
    host->store_changed(host, CMP_STR("1A0F1-1"));
    assert_int_equal(mistakes(), before);
    host->store_changed(host, (cmp_str){NULL, 7});
    host->store_changed(host, CMP_STR(""));
    host->store_changed(host, CMP_STR("a\nb"));
    host->store_changed(host, (cmp_str){"x", SIZE_MAX});
    assert_int_equal(mistakes(), before + 4);
}

static void a_peer_without_a_place_is_none(void **state)
{
    (void)state;
    cmp_peer found;
    assert_true(host->peer_find(host, CMP_STR("c"), &found));
    assert_false(host->peer_find(host, (cmp_str){NULL, 4}, &found));
}

static void a_counter_that_is_none_counts_nothing(void **state)
{
    (void)state;
    instance_services(&r.store_chain[0]->host);
    host->count(host, COUNTERS_MAX, 1);
    host->count(host, UINT32_MAX, 1);
}

/* What one instance registers must not take the cells of all others. */
static void metrics_of_an_instance_have_an_end(void **state)
{
    (void)state;
    static const int64_t bounds[] = {1, 2};
    instance_services(&r.store_chain[0]->host);
    assert_true(host->histogram(host, "wait_ms", "x", bounds, 2) < COUNTERS_MAX);
    char name[32];
    for (unsigned cells = 4; cells < 256; cells++) {
        snprintf(name, sizeof(name), "asked_%u", cells);
        assert_true(host->counter(host, name, "x") < COUNTERS_MAX);
        if (cells == 254) {
            assert_int_equal(host->histogram(host, "sizes", "x", bounds, 2), COUNTERS_MAX);
        }
    }
    assert_int_equal(host->counter(host, "one_more", "x"), COUNTERS_MAX);
    assert_int_equal(host->gauge(host, "level", "x"), COUNTERS_MAX);
    host->gauge_set(host, COUNTERS_MAX, 1); /* which counts nowhere */
    host->observe(host, COUNTERS_MAX, 1);
}

typedef struct ended {
    unsigned times;
    cmp_https_result result;
} ended;

static void on_answer(void *arg, const cmp_https_answer *answer)
{
    ended *e = arg;
    e->times++;
    e->result = answer->result;
}

static void what_cannot_be_sent_ends_so(void **state)
{
    (void)state;
    const uint64_t before = mistakes();
    const cmp_pair forged = {CMP_STR("x-one"), CMP_STR("1\r\nX-Two: 2")};
    const cmp_https_request request = {.method = "GET", .headers = &forged, .header_count = 1};
    ended e = {.times = 0};
    assert_non_null(host->https_start(host, r.loop, NULL, &request, on_answer, &e));
    assert_int_equal(e.times, 0); /* never from within */
    while (e.times == 0) {
        loop_turn(r.loop);
    }
    assert_int_equal(e.result, CMP_HTTPS_NOT_SENT);
    assert_int_equal(mistakes(), before + 1);
}

static void another_loop_than_the_workers_sends_nothing(void **state)
{
    (void)state;
    const uint64_t before = mistakes();
    const cmp_https_request request = {.method = "GET"};
    loop *other = loop_create();
    ended e = {.times = 0};
    assert_null(host->https_start(host, other, NULL, &request, on_answer, &e));
    assert_int_equal(mistakes(), before + 1);
    loop_destroy(&other);
}

int main(void)
{
    pipeline_setup();
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(what_is_no_record_is_not_written),
        TEST(a_change_is_of_an_ici_or_of_any),
        TEST(metrics_of_an_instance_have_an_end),
        TEST(a_peer_without_a_place_is_none),
        TEST(a_counter_that_is_none_counts_nothing),
        TEST(what_cannot_be_sent_ends_so),
        TEST(another_loop_than_the_workers_sends_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
