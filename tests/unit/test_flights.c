/* SPDX-License-Identifier: Apache-2.0 */
/* Flights: who asks, who waits, and who leads when the leader goes. */
#include "pipeline/flights.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void one_flies_and_the_others_wait(void **state)
{
    (void)state;
    flights f = {0};
    passenger a = {.ici = CMP_STR("A")}, b = a, d = a, other = {.ici = CMP_STR("B")};
    assert_false(flight_join(&f, &a));
    assert_true(flight_join(&f, &b));
    assert_true(flight_join(&f, &d));
    assert_false(flight_join(&f, &other));
    assert_null(flight_leave(&b)); /* a waiter goes */
    passenger *waiters = flight_end(&a);
    assert_ptr_equal(waiters, &d);
    assert_null(d.next);
    assert_null(d.flight);
    assert_null(flight_leave(&d)); /* in no flight: fine */
    assert_null(flight_end(&other));
}

static void a_leader_that_goes_leaves_its_waiters(void **state)
{
    (void)state;
    flights f = {0};
    passenger a = {.ici = CMP_STR("A")}, b = a;
    assert_false(flight_join(&f, &a));
    assert_true(flight_join(&f, &b));
    assert_ptr_equal(flight_leave(&a), &b);
    assert_false(flight_join(&f, &b)); /* the next leader */
    assert_null(flight_end(&b));
}

static void the_last_of_the_waiters_may_go(void **state)
{
    (void)state;
    flights f = {0};
    passenger a = {.ici = CMP_STR("A")}, b = a, d = a;
    assert_false(flight_join(&f, &a));
    assert_true(flight_join(&f, &b));
    assert_null(flight_leave(&b));
    assert_true(flight_join(&f, &d));
    assert_ptr_equal(flight_end(&a), &d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_flies_and_the_others_wait),
        cmocka_unit_test(a_leader_that_goes_leaves_its_waiters),
        cmocka_unit_test(the_last_of_the_waiters_may_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
