/* SPDX-License-Identifier: Apache-2.0 */
/* The circuit of an origin, without a connection: when it opens, who probes it, and how long each
 * pause is. */
#include "outbound/circuit.h"

#include "base/clock.h"
#include "outbound/internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* As circuit.c has them; with the jitter, seven to nine tenths of a pause are left. */
enum { FIRST_MS = 250, LONGEST_MS = 2000, BETWEEN_PROBES_MS = 50 };

static const outbound *const one = (const outbound *)&one, *const other = (const outbound *)&other;

static int set_up(void **state)
{
    static breaker b;
    breaker_init(&b);
    *state = &b;
    return 0;
}

static int tear_down(void **state)
{
    breaker_dispose(*state);
    return 0;
}

static circuit state_of(const breaker *b)
{
    return (circuit)atomic_load(&b->state);
}

static uint64_t open_by(breaker *b, const outbound *who)
{
    uint64_t delay_ms = 0;
    for (int i = 1; i < CIRCUIT_FAILURES; i++) {
        assert_false(breaker_failed(b, who, &delay_ms));
        assert_true(breaker_closed(b));
    }
    assert_true(breaker_failed(b, who, &delay_ms));
    assert_int_equal(state_of(b), CIRCUIT_OPEN);
    return delay_ms;
}

static void assert_pause(uint64_t delay_ms, uint64_t backoff_ms)
{
    assert_in_range(delay_ms, backoff_ms * 7 / 10, backoff_ms * 9 / 10);
}

static void opens_at_the_last_failure_in_a_row(void **state)
{
    breaker *b = *state;
    uint64_t delay_ms;
    for (int i = 1; i < CIRCUIT_FAILURES; i++) {
        assert_false(breaker_failed(b, one, &delay_ms));
    }
    assert_false(breaker_answered(b)); /* it was not open */
    assert_pause(open_by(b, one), FIRST_MS);
    assert_false(breaker_failed(b, other, &delay_ms)); /* begun before: it says nothing new */
    assert_false(breaker_adopt(b, other, &delay_ms));
    assert_true(breaker_answered(b));
    assert_true(breaker_closed(b));
    assert_false(breaker_answered(b));
}

static void pauses_double_up_to_the_longest(void **state)
{
    breaker *b = *state;
    uint64_t delay_ms = open_by(b, one), backoff_ms = FIRST_MS;
    for (int i = 0; i < 10; i++) {
        assert_pause(delay_ms, backoff_ms);
        backoff_ms = backoff_ms * 2 < LONGEST_MS ? backoff_ms * 2 : LONGEST_MS;
        assert_true(breaker_probe_begin(b, one));
        assert_int_equal(state_of(b), CIRCUIT_PROBING);
        assert_false(breaker_probe_end(b, one, false, 0, &delay_ms));
        assert_int_equal(state_of(b), CIRCUIT_OPEN);
    }
    assert_pause(delay_ms, LONGEST_MS);
}

/* A pause is counted from the beginning of an attempt, but some of it always is left. */
static void the_time_of_a_probe_counts(void **state)
{
    breaker *b = *state;
    uint64_t delay_ms;
    open_by(b, one);
    assert_true(breaker_probe_begin(b, one));
    breaker_probe_end(b, one, false, 200, &delay_ms);
    assert_in_range(delay_ms, 2 * FIRST_MS * 7 / 10 - 200, 2 * FIRST_MS * 9 / 10 - 200);
    assert_true(breaker_probe_begin(b, one));
    breaker_probe_end(b, one, false, 100000, &delay_ms);
    assert_int_equal(delay_ms, BETWEEN_PROBES_MS);
}

/* Until an answer comes: a server may take connections and then break them. */
static void a_good_probe_leaves_the_pause(void **state)
{
    breaker *b = *state;
    uint64_t delay_ms;
    open_by(b, one);
    assert_true(breaker_probe_begin(b, one));
    assert_true(breaker_probe_end(b, one, true, 0, &delay_ms));
    assert_int_equal(delay_ms, 0);
    assert_true(breaker_closed(b));
    assert_pause(open_by(b, one), 2 * FIRST_MS);
    assert_true(breaker_answered(b));
    assert_pause(open_by(b, one), FIRST_MS);
}

static void only_the_prober_probes(void **state)
{
    breaker *b = *state;
    uint64_t delay_ms;
    assert_false(breaker_adopt(b, one, &delay_ms)); /* it is closed */
    open_by(b, one);
    assert_false(breaker_probe_begin(b, other));
    assert_true(breaker_probe_begin(b, one));
    assert_false(breaker_probe_begin(b, one));
    assert_false(breaker_probe_end(b, other, true, 0, &delay_ms));
    assert_int_equal(state_of(b), CIRCUIT_PROBING);
    assert_true(breaker_answered(b)); /* of a request that was under way */
    assert_false(breaker_probe_end(b, one, false, 0, &delay_ms));
    assert_int_equal(delay_ms, 0);
    assert_true(breaker_closed(b));
}

static void a_prober_that_goes_away_is_followed(void **state)
{
    breaker *b = *state;
    for (int while_probing = 0; while_probing < 2; while_probing++) {
        const uint64_t from = clock_monotonic_ms();
        uint64_t delay_ms = open_by(b, one), left_ms;
        if (while_probing) {
            assert_true(breaker_probe_begin(b, one));
        }
        breaker_abandon(b, other); /* was nobody */
        assert_false(breaker_adopt(b, other, &left_ms));
        breaker_abandon(b, one);
        assert_int_equal(state_of(b), CIRCUIT_OPEN);
        assert_true(breaker_adopt(b, other, &left_ms));
        /* What is left of the pause. */
        const uint64_t passed_ms = clock_monotonic_ms() - from;
        assert_in_range(left_ms, delay_ms > passed_ms ? delay_ms - passed_ms : 0, delay_ms);
        assert_true(breaker_probe_begin(b, other));
        assert_true(breaker_probe_end(b, other, true, 0, &delay_ms));
        assert_false(breaker_answered(b));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(opens_at_the_last_failure_in_a_row, set_up, tear_down),
        cmocka_unit_test_setup_teardown(pauses_double_up_to_the_longest, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_time_of_a_probe_counts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_good_probe_leaves_the_pause, set_up, tear_down),
        cmocka_unit_test_setup_teardown(only_the_prober_probes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_prober_that_goes_away_is_followed, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
