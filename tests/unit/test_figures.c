/* SPDX-License-Identifier: Apache-2.0 */
/* ctl/figures.c: rates and quantiles of what was counted between two looks. */
#include "ctl/figures.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static json_t *look_at_time(int pid, int uptime_ms, int resolved, int unknown)
{
    return json_pack("{s:i, s:i, s:i, s:{s:[{s:s, s:{s:i}, s:{s:i}, s:{s:[i,i], s:[i,i,i]}}]}}",
                     "pid", pid, "uptime_ms", uptime_ms, "cpu_ms", uptime_ms / 4, "transactions",
                     "interfaces", "interface", "mc-3", "ends", "resolved", resolved, "errors",
                     "unknown_ici", unknown, "took_us", "to", 100, 200, "count", resolved, unknown,
                     0);
}

static void rates_are_of_the_time_between(void **state)
{
    (void)state;
    json_t *before = look_at_time(1, 1000, 10, 0), *now = look_at_time(1, 3000, 110, 0);
    const figures f = figures_of(now, before);
    assert_true(f.seconds == 2);
    assert_true(figures_rate(&f, 110, 10) == 50);
    assert_true(figures_rate(&f, 10, 110) == 0); /* what only grows has not shrunk */
    assert_true(figures_processors(&f) == 0.25);
    json_decref(before);
    json_decref(now);
}

static void without_a_look_before_nothing_is_known(void **state)
{
    (void)state;
    json_t *old = look_at_time(1, 9000, 1, 0), *now = look_at_time(2, 9500, 1, 0),
           *young = look_at_time(1, 10, 1, 0);
    const figures none = figures_of(now, NULL), other = figures_of(now, old),
                  again = figures_of(young, old), same = figures_of(old, old);
    assert_true(isnan(figures_rate(&none, 2, 1)));
    assert_null(other.before);
    assert_null(again.before); /* another process may have the same id */
    assert_null(same.before);
    assert_true(isnan(figures_processors(&other)));
    json_decref(old);
    json_decref(now);
    json_decref(young);
}

static json_t *spread(int a, int b, int beyond)
{
    return json_pack("{s:[i,i], s:[i,i,i]}", "to", 100, 200, "count", a, b, beyond);
}

static void quantiles_are_of_what_came_since(void **state)
{
    (void)state;
    json_t *before = spread(1000, 0, 7), *now = spread(1050, 50, 7), *slow = spread(1000, 0, 8);
    assert_int_equal(figures_values(now, before), 100);
    assert_true(figures_quantile(now, before, 0.5) == 100);
    assert_true(figures_quantile(now, before, 0.25) == 50);
    assert_true(figures_quantile(now, before, 0.75) == 150);
    assert_true(isnan(figures_quantile(now, now, 0.5)));
    assert_true(isinf(figures_quantile(slow, before, 0.5)));
    assert_int_equal(figures_values(now, NULL), 1107);
    json_decref(before);
    json_decref(now);
    json_decref(slow);
}

static void programs_get_numbers_or_null(void **state)
{
    (void)state;
    json_t *before = look_at_time(1, 1000, 0, 0), *now = look_at_time(1, 2000, 100, 100);
    const figures f = figures_of(now, before), none = figures_of(now, NULL);
    json_t *some = figures_json(&f), *nothing = figures_json(&none);
    const json_t *one = json_array_get(json_object_get(some, "interfaces"), 0);
    assert_true(json_number_value(json_object_get(one, "per_s")) == 200);
    assert_true(json_number_value(json_object_get(one, "p50_us")) == 100);
    assert_true(json_number_value(json_object_get(one, "p90_us")) == 180);
    one = json_array_get(json_object_get(nothing, "interfaces"), 0);
    assert_true(json_is_null(json_object_get(one, "per_s")));
    assert_true(json_is_null(json_object_get(one, "p50_us")));
    assert_true(json_is_null(json_object_get(nothing, "seconds")));
    json_decref(some);
    json_decref(nothing);
    json_decref(before);
    json_decref(now);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(rates_are_of_the_time_between),
        cmocka_unit_test(without_a_look_before_nothing_is_known),
        cmocka_unit_test(quantiles_are_of_what_came_since),
        cmocka_unit_test(programs_get_numbers_or_null),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
