/* SPDX-License-Identifier: Apache-2.0 */
/* base/rate.c: how many events pass, and when the next one may. */
#include "base/rate.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define SECOND_US ((int64_t)1000000)
#define HOUR      ((int64_t)3600)
#define START_US  ((int64_t)1795497600 * SECOND_US)

/* Events that pass between two times, when one is tried every step. */
static int64_t passed(rate *r, int64_t from_us, int64_t to_us, int64_t step_us)
{
    int64_t count = 0;
    for (int64_t now = from_us; now < to_us; now += step_us) {
        count += rate_take(r, now) == 0;
    }
    return count;
}

static void refuses_when_used_up(void **state)
{
    (void)state;
    rate r;
    rate_init(&r, 1, 0);
    assert_int_equal(rate_take(&r, START_US), 0);
    assert_int_equal(rate_take(&r, START_US), HOUR * 1000);
    assert_int_equal(rate_take(&r, START_US + HOUR * SECOND_US - 1), 1);
    assert_int_equal(rate_take(&r, START_US + HOUR * SECOND_US), 0);
}

static void unlimited_never_refuses(void **state)
{
    (void)state;
    const int64_t rates[] = {0, -1, INT64_MIN};
    for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
        rate r;
        rate_init(&r, rates[i], 1000);
        assert_int_equal(passed(&r, START_US, START_US + 1000, 1), 1000);
        assert_int_equal(passed(&r, START_US, START_US + 1, 1), 1);
    }
}

static void keeps_the_rate_over_a_second(void **state)
{
    (void)state;
    const struct {
        int64_t per_second, step_us;
    } cases[] = {{1, 1000}, {7, 100}, {500, 100}, {499, 7}, {10000, 10}, {1000000, 1}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        rate r;
        rate_init(&r, cases[i].per_second * HOUR, 0);
        const int64_t count = passed(&r, START_US, START_US + SECOND_US, cases[i].step_us);
        assert_in_range(count, cases[i].per_second - 1, cases[i].per_second + 1);
    }
}

static void lets_a_burst_through(void **state)
{
    (void)state;
    const struct {
        int64_t per_hour, burst_ms, events;
    } cases[] = {
        {7 * HOUR, 1000, 7}, {500 * HOUR, 1000, 500}, {500 * HOUR, 1, 1},
        {500 * HOUR, 4, 2},  {10, 1000, 1},           {500 * HOUR, -5, 1},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        rate r;
        rate_init(&r, cases[i].per_hour, cases[i].burst_ms);
        for (int64_t n = 0; n < cases[i].events; n++) {
            assert_int_equal(rate_take(&r, START_US), 0);
        }
        assert_int_not_equal(rate_take(&r, START_US), 0);
    }
}

static void idle_time_is_not_saved_beyond_the_burst(void **state)
{
    (void)state;
    rate r;
    rate_init(&r, 10 * HOUR, 1000);
    assert_int_equal(rate_take(&r, START_US), 0);
    const int64_t later = START_US + 365 * 24 * HOUR * SECOND_US;
    int64_t count = 0;
    while (rate_take(&r, later) == 0) {
        count++;
    }
    assert_int_equal(count, 10);
}

static void says_when_to_come_again(void **state)
{
    (void)state;
    rate r;
    rate_init(&r, 400 * HOUR, 0); /* one in 2.5 ms */
    assert_int_equal(rate_take(&r, START_US), 0);
    assert_int_equal(rate_take(&r, START_US), 3);
    assert_int_equal(rate_take(&r, START_US + 500), 2);
    assert_int_equal(rate_take(&r, START_US + 501), 2);
    assert_int_equal(rate_take(&r, START_US + 1500), 1);
    assert_int_equal(rate_take(&r, START_US + 2499), 1);
    assert_int_equal(rate_take(&r, START_US + 2500), 0);
    rate_init(&r, 1000 * HOUR, 3);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(rate_take(&r, START_US), 0);
    }
    assert_int_equal(rate_take(&r, START_US), 1);
    assert_int_equal(rate_take(&r, START_US + 1000), 0);
    assert_int_equal(rate_take(&r, START_US + 1000), 1);
}

static void survives_extreme_values(void **state)
{
    (void)state;
    rate r;
    rate_init(&r, INT64_MAX, INT64_MAX);
    const int64_t times[] = {INT64_MIN, -1, 0, 1, START_US, INT64_MAX, INT64_MAX};
    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        assert_int_equal(rate_take(&r, times[i]), 0);
    }
    rate_init(&r, 1, INT64_MAX);
    assert_int_equal(passed(&r, INT64_MAX - 100, INT64_MAX, 1), 24);
}

static void clock_that_steps_back(void **state)
{
    (void)state;
    rate r;
    rate_init(&r, 10 * HOUR, 0);
    assert_int_equal(rate_take(&r, START_US), 0);
    assert_int_equal(rate_take(&r, START_US - SECOND_US), 1100);
    assert_int_equal(rate_take(&r, START_US - 3600 * SECOND_US), 0);
    assert_int_equal(rate_take(&r, START_US - 3600 * SECOND_US), 100);
}

typedef struct job {
    rate *limit;
    int64_t count;
} job;

static void *hammer(void *arg)
{
    job *j = arg;
    j->count = passed(j->limit, START_US, START_US + SECOND_US / 10, 1);
    return NULL;
}

static void threads_share_the_limit(void **state)
{
    (void)state;
    rate r;
    rate_init(&r, 100000 * HOUR, 0);
    job jobs[2] = {{.limit = &r}, {.limit = &r}};
    pthread_t threads[2];
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, hammer, &jobs[i]), 0);
    }
    for (size_t i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_in_range(jobs[0].count + jobs[1].count, 9999, 10001);
}

static void turns_are_reserved(void **state)
{
    (void)state;
    rate r;
    rate_init(&r, 3600 * 10, 0); /* one in 100 ms */
    rate_set_burst(&r, 2);
    static const int64_t waits[] = {0, 0, 100, 200, 300, -1, -1};
    for (size_t i = 0; i < sizeof(waits) / sizeof(waits[0]); i++) {
        assert_int_equal(rate_reserve(&r, START_US, 300), waits[i]);
    }
    assert_int_equal(rate_take(&r, START_US), 400);
    assert_int_equal(rate_reserve(&r, START_US + 50000, 300), -1);
    assert_int_equal(rate_reserve(&r, START_US + 100000, 300), 300);
    /* A clock that steps back does not keep anybody waiting for as long. */
    assert_int_equal(rate_reserve(&r, START_US - (int64_t)3600 * 1000000, 300), 0);
    rate_init(&r, 0, 0);
    assert_int_equal(rate_reserve(&r, START_US, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_when_used_up),
        cmocka_unit_test(unlimited_never_refuses),
        cmocka_unit_test(keeps_the_rate_over_a_second),
        cmocka_unit_test(lets_a_burst_through),
        cmocka_unit_test(idle_time_is_not_saved_beyond_the_burst),
        cmocka_unit_test(says_when_to_come_again),
        cmocka_unit_test(survives_extreme_values),
        cmocka_unit_test(clock_that_steps_back),
        cmocka_unit_test(threads_share_the_limit),
        cmocka_unit_test(turns_are_reserved),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
