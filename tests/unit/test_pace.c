/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of what the times in tids tell of a requestor's clock. */
#include "auth_hmac/pace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* How often it was said, of so many requests that are ahead by `base` and up to `spread` more. */
static int told(pace *p, int64_t base, int64_t spread, int requests, int64_t *ahead_ms)
{
    int count = 0;
    for (int i = 0; i < requests; i++) {
        count += pace_note(p, base + (i % 2 != 0 ? spread : 0), ahead_ms);
    }
    return count;
}

static void a_steady_offset_is_told(void **state)
{
    (void)state;
    pace p = {.samples = 0};
    int64_t ahead_ms = 0;
    assert_int_equal(told(&p, 60000, 0, PACE_SAMPLES - 1, &ahead_ms), 0);
    assert_int_equal(told(&p, 60000, 0, 1, &ahead_ms), 1);
    assert_int_equal(ahead_ms, 60000);
    assert_int_equal(told(&p, -PACE_LEAST_MS, 0, PACE_SAMPLES, &ahead_ms), 1);
    assert_int_equal(ahead_ms, -PACE_LEAST_MS);
    assert_int_equal(told(&p, 8000, PACE_SPREAD_MS, PACE_SAMPLES, &ahead_ms), 1);
    assert_int_equal(ahead_ms, 8000 + PACE_SPREAD_MS / 2);
}

static void what_is_no_clock_is_not(void **state)
{
    (void)state;
    pace p = {.samples = 0};
    int64_t ahead_ms = 0;
    assert_int_equal(told(&p, PACE_LEAST_MS - 1, 0, PACE_SAMPLES, &ahead_ms), 0);
    assert_int_equal(told(&p, 1 - PACE_LEAST_MS, 0, PACE_SAMPLES, &ahead_ms), 0);
    assert_int_equal(told(&p, 60000, PACE_SPREAD_MS + 1, PACE_SAMPLES, &ahead_ms), 0);
    assert_int_equal(told(&p, INT64_MAX, 0, PACE_SAMPLES, &ahead_ms), 0);
    assert_int_equal(told(&p, INT64_MIN, 0, PACE_SAMPLES, &ahead_ms), 0);
    assert_int_equal(p.samples, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_steady_offset_is_told),
        cmocka_unit_test(what_is_no_clock_is_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
