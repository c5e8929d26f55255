/* SPDX-License-Identifier: Apache-2.0 */
/* peers/sources.c: which addresses are one source, what it may, and who is forgotten. */
#include "peers/sources.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define SECOND_US ((int64_t)1000000)
#define HOUR      ((int64_t)3600)
#define START_US  ((int64_t)1795497600 * SECOND_US)

typedef struct address {
    uint8_t at[16];
} address;

static address v4(uint32_t number)
{
    return (address){{[10] = 0xFF,
                      [11] = 0xFF,
                      [12] = (uint8_t)(number >> 24),
                      [13] = (uint8_t)(number >> 16),
                      [14] = (uint8_t)(number >> 8),
                      [15] = (uint8_t)number}};
}

static address v6(uint32_t network, uint8_t host)
{
    return (address){{0x20, 0x01, 0x0D, 0xB8, (uint8_t)(network >> 24), (uint8_t)(network >> 16),
                      (uint8_t)(network >> 8), (uint8_t)network, [15] = host}};
}

/* To a rate of requests. */
static sources *limited(size_t entries_max, int64_t per_hour, unsigned burst)
{
    const sources_limits limits = {.requests_per_hour = per_hour, .requests_at_once = burst};
    return sources_create(entries_max, &limits);
}

static int64_t take(sources *s, address from, int64_t now_us)
{
    return sources_take(s, from.at, false, now_us);
}

/* Requests that pass at one moment. */
static unsigned burst_of(sources *s, address from, int64_t now_us)
{
    unsigned passed = 0;
    while (passed < 1000 && take(s, from, now_us) == 0) {
        passed++;
    }
    return passed;
}

static void refuses_when_used_up(void **state)
{
    (void)state;
    sources *s = limited(1000, HOUR, 3); /* one a second */
    assert_int_equal(burst_of(s, v4(1), START_US), 3);
    assert_int_equal(take(s, v4(1), START_US), 1000);
    assert_int_equal(take(s, v4(1), START_US + SECOND_US / 4), 750);
    assert_int_equal(burst_of(s, v4(1), START_US + SECOND_US), 1);
    assert_int_equal(burst_of(s, v4(1), START_US + 100 * SECOND_US), 3);
    sources_unref(&s);
    assert_null(s);
    sources_unref(&s);
}

static void unlimited_never_refuses(void **state)
{
    (void)state;
    static const int64_t rates[] = {0, -1, INT64_MIN};
    for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
        sources *s = limited(10, rates[i], 0);
        assert_int_equal(burst_of(s, v4(1), START_US), 1000);
        sources_unref(&s);
    }
}

static void extreme_values(void **state)
{
    (void)state;
    static const struct {
        int64_t per_hour;
        unsigned burst, passed;
    } cases[] = {
        {1, 0, 1}, {1, 1, 1}, {1, UINT32_MAX, 1000}, {INT64_MAX, 1, 1}, {INT64_MAX, 7, 7},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        sources *s = limited(0, cases[i].per_hour, cases[i].burst);
        assert_int_equal(burst_of(s, v6(1, 1), START_US), cases[i].passed);
        assert_true(take(s, v6(2, 1), INT64_MIN) >= 0);
        assert_true(take(s, v6(2, 1), INT64_MAX) >= 0);
        sources_unref(&s);
    }
}

static void what_is_one_source(void **state)
{
    (void)state;
    const address zero = {{0}}, loopback = {{[15] = 1}}, half_mapped = {{[10] = 0xFF, [15] = 1}};
    const struct {
        address one, other;
        bool same;
    } cases[] = {
        {v4(1), v4(1), true},
        {v4(1), v4(2), false},
        {v4(1), v4(0x01000000), false},
        {v4(0), zero, false},
        {v4(1), loopback, false},
        {v6(1, 1), v6(1, 1), true},
        {v6(1, 1), v6(1, 2), true},
        {v6(1, 1), v6(2, 1), false},
        {zero, loopback, true},
        {loopback, half_mapped, true},
        {v4(0x20010DB8), v6(0, 1), false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        sources *s = limited(8, 1, 1); /* one bucket */
        assert_int_equal(take(s, cases[i].one, START_US), 0);
        assert_int_equal(take(s, cases[i].other, START_US) != 0, cases[i].same);
        sources_unref(&s);
    }
}

/* The first source, all zeros, is not taken for a free place. */
static void zero_is_a_source(void **state)
{
    (void)state;
    const address zero = {{0}};
    sources *s = limited(8, 1, 1);
    assert_int_equal(take(s, v4(7), START_US), 0);
    assert_int_equal(take(s, zero, START_US), 0);
    assert_int_not_equal(take(s, zero, START_US), 0);
    assert_int_not_equal(take(s, v4(7), START_US), 0);
    sources_unref(&s);
}

static void the_quiet_ones_give_way(void **state)
{
    (void)state;
    sources *s = limited(8, 1, 1); /* one bucket */
    for (uint32_t i = 0; i < 8; i++) {
        assert_int_equal(take(s, v4(i), START_US), 0);
    }
    /* Being refused is not being quiet. */
    for (uint32_t i = 0; i < 8; i++) {
        assert_int_not_equal(take(s, v4(i), START_US), 0);
    }
    assert_int_not_equal(take(s, v4(0), START_US), 0);
    assert_int_equal(take(s, v4(8), START_US), 0); /* instead of 1 */
    assert_int_equal(take(s, v4(9), START_US), 0); /* instead of 2 */
    assert_int_not_equal(take(s, v4(0), START_US), 0);
    for (uint32_t i = 3; i < 10; i++) {
        assert_int_not_equal(take(s, v4(i), START_US), 0);
    }
    assert_int_equal(take(s, v4(1), START_US), 0); /* a new one to us, instead of 0 */
    assert_int_equal(take(s, v4(0), START_US), 0);
    sources_unref(&s);
}

static void remembers_most_of_what_fits(void **state)
{
    (void)state;
    sources *s = limited(4096, 1, 1);
    for (uint32_t i = 0; i < 2048; i++) {
        assert_int_equal(take(s, v6(i, 0), START_US), 0);
    }
    unsigned remembered = 0;
    for (uint32_t i = 2048; i-- > 0;) {
        remembered += take(s, v6(i, 1), START_US) != 0;
    }
    assert_in_range(remembered, 1900, 2048);
    /* And of far too many only what fits. */
    for (uint32_t i = 0; i < 40000; i++) {
        take(s, v4(i), START_US);
    }
    remembered = 0;
    for (uint32_t i = 40000; i-- > 0;) {
        remembered += take(s, v4(i), START_US) != 0;
    }
    assert_in_range(remembered, 1, 4096);
    sources_unref(&s);
}

typedef struct job {
    sources *memory;
    unsigned passed;
} job;

static void *hammer(void *arg)
{
    job *j = arg;
    for (uint32_t i = 0; i < 20000; i++) {
        j->passed += take(j->memory, v4(i % 16), START_US) == 0;
    }
    return NULL;
}

static void threads_share_the_limit(void **state)
{
    (void)state;
    sources *s = limited(100000, 1, 10);
    job jobs[2] = {{.memory = s}, {.memory = s}};
    pthread_t threads[2];
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, hammer, &jobs[i]), 0);
    }
    for (size_t i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(jobs[0].passed + jobs[1].passed, 16 * 10);
    sources_unref(&s);
}

static unsigned firsts_of(sources *s, address from, int64_t now_us)
{
    unsigned passed = 0;
    while (passed < 1000 && sources_take(s, from.at, true, now_us) == 0) {
        passed++;
    }
    return passed;
}

/* Whoever asks all the time takes nothing from those who have just come. */
static void the_first_of_a_connection_goes_before(void **state)
{
    (void)state;
    sources *s = limited(1000, 10 * HOUR, 5);
    assert_int_equal(burst_of(s, v4(1), START_US), 5);
    assert_int_equal(firsts_of(s, v4(1), START_US), 5);
    for (int64_t now = START_US + SECOND_US; now < START_US + 20 * SECOND_US; now += SECOND_US) {
        assert_int_equal(burst_of(s, v4(1), now), 5);
        assert_int_equal(firsts_of(s, v4(1), now), 5);
    }
    /* In all there are no more than the rate: ten a second. */
    assert_int_equal(burst_of(s, v4(1), START_US + 19 * SECOND_US + SECOND_US / 2), 0);
    sources_unref(&s);
}

/* ---- connections ---- */

#define PATIENCE_MS 5000

static sources *with_connections(size_t entries_max, unsigned connections)
{
    const sources_limits limits = {.connections = connections};
    return sources_create(entries_max, &limits);
}

static sources_verdict enter(sources *s, address from)
{
    sources_entry entry;
    return sources_enter(s, from.at, START_US, PATIENCE_MS, &entry);
}

static void so_many_connections(void **state)
{
    (void)state;
    sources *s = with_connections(1000, 3);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(enter(s, v6(1, (uint8_t)i)), SOURCES_ENTER);
    }
    assert_int_equal(enter(s, v6(1, 9)), SOURCES_TOO_MANY);
    assert_int_equal(enter(s, v6(2, 9)), SOURCES_ENTER);
    sources_leave(s, v6(1, 9).at);
    sources_leave(s, v6(1, 77).at);
    assert_int_equal(enter(s, v6(1, 9)), SOURCES_ENTER);
    assert_int_equal(enter(s, v6(1, 9)), SOURCES_TOO_MANY);
    sources_unref(&s);
}

static void any_number_of_connections(void **state)
{
    (void)state;
    sources *s = with_connections(10, 0);
    for (int i = 0; i < 10000; i++) {
        assert_int_equal(enter(s, v4(1)), SOURCES_ENTER);
    }
    sources_unref(&s);
}

/* Ten a second, two at once, and who comes too early has a time of its own. */
static void new_connections_get_their_turn(void **state)
{
    (void)state;
    const sources_limits limits = {.connects_per_hour = 10 * HOUR, .connects_at_once = 2};
    sources *s = sources_create(1000, &limits);
    static const int64_t waits[] = {0, 0, 100, 200, 300};
    sources_entry entry;
    for (size_t i = 0; i < sizeof(waits) / sizeof(waits[0]); i++) {
        assert_int_equal(sources_enter(s, v4(1).at, START_US, 300, &entry), SOURCES_ENTER);
        assert_true(entry.counted);
        assert_int_equal(entry.wait_ms, waits[i]);
    }
    assert_int_equal(sources_enter(s, v4(1).at, START_US, 300, &entry), SOURCES_TOO_FAST);
    assert_false(entry.counted);
    assert_int_equal(sources_enter(s, v4(2).at, START_US, 300, &entry), SOURCES_ENTER);
    assert_int_equal(entry.wait_ms, 0);
    /* One that was refused has used nothing up. */
    const int64_t later = START_US + SECOND_US / 10;
    assert_int_equal(sources_enter(s, v4(1).at, later, 300, &entry), SOURCES_ENTER);
    assert_int_equal(entry.wait_ms, 300);
    sources_unref(&s);
}

/* Else those who come would drive out those who are in, at any speed. */
static void who_comes_too_fast_is_not_in(void **state)
{
    (void)state;
    const sources_limits limits = {.connects_per_hour = 10 * HOUR,
                                   .connects_at_once = 2,
                                   .connections = 1};
    sources *s = sources_create(1000, &limits);
    sources_entry entry;
    assert_int_equal(sources_enter(s, v4(1).at, START_US, 0, &entry), SOURCES_ENTER);
    assert_int_equal(sources_enter(s, v4(1).at, START_US, 0, &entry), SOURCES_TOO_MANY);
    assert_true(entry.counted);
    assert_int_equal(sources_enter(s, v4(1).at, START_US, 0, &entry), SOURCES_TOO_FAST);
    assert_false(entry.counted);
    sources_leave(s, v4(1).at);
    sources_leave(s, v4(1).at);
    assert_int_equal(sources_enter(s, v4(1).at, START_US + SECOND_US, 0, &entry), SOURCES_ENTER);
    sources_unref(&s);
}

/* What was used before counts on. */
static void other_limits(void **state)
{
    (void)state;
    sources_limits limits = {.requests_per_hour = HOUR, .requests_at_once = 2, .connections = 1};
    sources *s = sources_create(1000, &limits);
    sources_entry entry;
    assert_int_equal(sources_enter(s, v4(1).at, START_US, 0, &entry), SOURCES_ENTER);
    assert_int_equal(sources_take(s, v4(1).at, false, START_US), 0);
    assert_int_equal(sources_take(s, v4(1).at, false, START_US), 0);
    assert_int_not_equal(sources_take(s, v4(1).at, false, START_US), 0);
    limits.connections = 2;
    limits.requests_per_hour = 0;
    sources_set_limits(s, &limits);
    assert_int_equal(sources_take(s, v4(1).at, false, START_US), 0);
    assert_int_equal(sources_enter(s, v4(1).at, START_US, 0, &entry), SOURCES_ENTER);
    assert_int_equal(sources_enter(s, v4(1).at, START_US, 0, &entry), SOURCES_TOO_MANY);
    limits.requests_per_hour = HOUR;
    limits.requests_at_once = 3;
    sources_set_limits(s, &limits);
    assert_int_equal(sources_take(s, v4(1).at, false, START_US), 0);
    assert_int_not_equal(sources_take(s, v4(1).at, false, START_US), 0);
    sources *again = sources_ref(s);
    sources_unref(&again);
    assert_null(again);
    assert_int_not_equal(sources_take(s, v4(1).at, false, START_US), 0);
    sources_unref(&s);
}

/* Memory is bounded: a source that finds every place taken comes in without being counted. */
static void who_has_connections_is_not_forgotten(void **state)
{
    (void)state;
    sources *s = with_connections(8, 1); /* one bucket */
    for (uint32_t i = 0; i < 8; i++) {
        assert_int_equal(enter(s, v4(i)), SOURCES_ENTER);
    }
    sources_entry entry;
    assert_int_equal(sources_enter(s, v4(8).at, START_US, 0, &entry), SOURCES_ENTER);
    assert_false(entry.counted);
    for (uint32_t i = 0; i < 8; i++) {
        assert_int_equal(enter(s, v4(i)), SOURCES_TOO_MANY);
        sources_leave(s, v4(i).at);
    }
    sources_leave(s, v4(3).at);
    assert_int_equal(sources_enter(s, v4(8).at, START_US, 0, &entry), SOURCES_ENTER);
    assert_true(entry.counted);
    sources_leave(s, v4(3).at); /* one that is not there */
    assert_int_equal(enter(s, v4(8)), SOURCES_TOO_MANY);
    sources_unref(&s);
}

static void numbers_of_a_source(void **state)
{
    (void)state;
    assert_true(sources_same(v6(1, 1).at, v6(1, 2).at));
    assert_false(sources_same(v6(1, 1).at, v6(2, 1).at));
    assert_false(sources_same(v4(1).at, v4(2).at));
    assert_true(sources_hash(v6(1, 1).at) == sources_hash(v6(1, 2).at));
    assert_true(sources_hash(v4(1).at) != sources_hash(v4(2).at));
}

static void *come_and_go(void *arg)
{
    job *j = arg;
    for (uint32_t i = 0; i < 20000; i++) {
        sources_entry entry;
        const address from = v4(i % 16);
        j->passed += sources_enter(j->memory, from.at, START_US, 0, &entry) == SOURCES_ENTER;
        sources_leave(j->memory, from.at);
    }
    return NULL;
}

static void threads_come_and_go(void **state)
{
    (void)state;
    sources *s = with_connections(100000, 2);
    job jobs[2] = {{.memory = s}, {.memory = s}};
    pthread_t threads[2];
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, come_and_go, &jobs[i]), 0);
    }
    for (size_t i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(jobs[0].passed + jobs[1].passed, 40000);
    for (uint32_t i = 0; i < 16; i++) { /* and all have left */
        assert_int_equal(enter(s, v4(i)), SOURCES_ENTER);
        assert_int_equal(enter(s, v4(i)), SOURCES_ENTER);
        assert_int_equal(enter(s, v4(i)), SOURCES_TOO_MANY);
    }
    sources_unref(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_when_used_up),
        cmocka_unit_test(unlimited_never_refuses),
        cmocka_unit_test(extreme_values),
        cmocka_unit_test(what_is_one_source),
        cmocka_unit_test(zero_is_a_source),
        cmocka_unit_test(the_quiet_ones_give_way),
        cmocka_unit_test(remembers_most_of_what_fits),
        cmocka_unit_test(threads_share_the_limit),
        cmocka_unit_test(the_first_of_a_connection_goes_before),
        cmocka_unit_test(so_many_connections),
        cmocka_unit_test(any_number_of_connections),
        cmocka_unit_test(new_connections_get_their_turn),
        cmocka_unit_test(who_comes_too_fast_is_not_in),
        cmocka_unit_test(other_limits),
        cmocka_unit_test(who_has_connections_is_not_forgotten),
        cmocka_unit_test(numbers_of_a_source),
        cmocka_unit_test(threads_come_and_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
