/* SPDX-License-Identifier: Apache-2.0 */
/* peers/replay.c: what counts as seen, who has to give way, and how much memory it takes. */
#include "peers/replay.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define ONE_SHARD ((size_t)16 * 1024)
#define CHUNK     10 /* what is forgotten at once */
#define WINDOW    1000
#define NOW       ((int64_t)1795497600000)
#define A         CMP_STR("key-a")
#define B         CMP_STR("key-b")

static replay *make(size_t size_bytes, unsigned quota_percent, replay_when_full when_full)
{
    return replay_create(&(replay_options){WINDOW, size_bytes, quota_percent, when_full});
}

typedef struct print {
    uint8_t octets[16];
} print;

/* Spreads a number over a fingerprint, as a MAC would. */
static print print_of(uint64_t number)
{
    print p;
    for (unsigned i = 0; i < 2; i++) {
        uint64_t x = (2 * number + i + 1) * 0x9E3779B97F4A7C15u;
        x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
        x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
        x ^= x >> 31;
        memcpy(p.octets + 8 * i, &x, sizeof(x));
    }
    return p;
}

static replay_verdict remember(replay *r, cmp_str credential, uint64_t number, int64_t now_ms)
{
    return replay_remember(r, credential, print_of(number).octets, number, now_ms);
}

static uint64_t capacity_of(replay *r)
{
    return replay_stats_get(r, NOW).capacity;
}

static uint64_t entries_of(replay *r)
{
    return replay_stats_get(r, NOW).entries;
}

/* ---- seen or not ---- */

static void second_use_is_not_new(void **state)
{
    (void)state;
    replay *r = make(ONE_SHARD, 100, REPLAY_FORGET);
    const print p = print_of(1);
    assert_int_equal(replay_remember(r, A, p.octets, 7, NOW), REPLAY_NEW);
    assert_int_equal(replay_remember(r, A, p.octets, 7, NOW), REPLAY_IDENTICAL);
    assert_int_equal(replay_remember(r, A, p.octets, 8, NOW), REPLAY_DIFFERENT);
    assert_int_equal(replay_remember(r, A, p.octets, 7 | UINT64_C(1) << 62, NOW), REPLAY_DIFFERENT);
    assert_int_equal(replay_remember(r, A, p.octets, 7, NOW), REPLAY_IDENTICAL);
    /* The fingerprint holds the credential: it alone decides. */
    assert_int_equal(replay_remember(r, B, p.octets, 7, NOW), REPLAY_IDENTICAL);
    assert_int_equal(remember(r, A, 2, NOW), REPLAY_NEW);
    assert_int_equal(entries_of(r), 2);
    replay_destroy(&r);
    assert_null(r);
    replay_destroy(&r);
}

static void window_ends_at_its_edge(void **state)
{
    (void)state;
    replay *r = make(ONE_SHARD, 100, REPLAY_FORGET);
    assert_int_equal(remember(r, A, 1, NOW), REPLAY_NEW);
    assert_int_equal(remember(r, A, 1, NOW + WINDOW - 1), REPLAY_IDENTICAL);
    assert_int_equal(remember(r, A, 1, NOW + WINDOW), REPLAY_IDENTICAL);
    assert_int_equal(remember(r, A, 1, NOW + WINDOW + 1), REPLAY_NEW);
    /* Its window begins anew; a refused use does not prolong it. */
    assert_int_equal(remember(r, A, 1, NOW + 2 * WINDOW + 1), REPLAY_IDENTICAL);
    assert_int_equal(remember(r, A, 1, NOW + 2 * WINDOW + 2), REPLAY_NEW);
    assert_int_equal(entries_of(r), 1);
    replay_destroy(&r);
}

static void released_ones_may_come_again(void **state)
{
    (void)state;
    replay *r = make(ONE_SHARD, 100, REPLAY_FORGET);
    replay_release(r, print_of(1).octets);
    assert_int_equal(remember(r, A, 1, NOW), REPLAY_NEW);
    assert_int_equal(remember(r, A, 2, NOW), REPLAY_NEW);
    replay_release(r, print_of(1).octets);
    replay_release(r, print_of(1).octets);
    assert_int_equal(remember(r, A, 2, NOW), REPLAY_IDENTICAL);
    assert_int_equal(remember(r, A, 1, NOW), REPLAY_NEW);
    assert_int_equal(remember(r, A, 1, NOW), REPLAY_IDENTICAL);
    assert_int_equal(entries_of(r), 2);
    replay_destroy(&r);
}

static void released_ones_hold_no_memory(void **state)
{
    (void)state;
    replay *r = make(ONE_SHARD, 100, REPLAY_REFUSE);
    assert_int_equal(remember(r, A, 0, NOW), REPLAY_NEW);
    for (uint64_t i = 1; i < 20 * capacity_of(r); i++) {
        assert_int_equal(remember(r, A, i, NOW), REPLAY_NEW);
        replay_release(r, print_of(i).octets);
    }
    assert_int_equal(entries_of(r), 1);
    assert_int_equal(remember(r, A, 0, NOW), REPLAY_IDENTICAL);
    replay_destroy(&r);
}

/* A peer repeats what it has no answer to yet, and the repeat is executed: then the end of the
 * first one gives nothing back. */
static void what_a_repeat_has_used_is_not_given_back(void **state)
{
    (void)state;
    replay *r = make(ONE_SHARD, 100, REPLAY_FORGET);
    const print p = print_of(1);
    assert_int_equal(replay_remember(r, A, p.octets, 7, NOW), REPLAY_NEW);
    assert_int_equal(replay_remember(r, A, p.octets, 7, NOW), REPLAY_IDENTICAL);
    replay_release(r, p.octets);
    assert_int_equal(replay_remember(r, A, p.octets, 8, NOW), REPLAY_DIFFERENT);
    assert_int_equal(replay_remember(r, A, p.octets, 7, NOW), REPLAY_IDENTICAL);
    replay_destroy(&r);
}

/* Where a repeat is a replay as well, none was let through. */
static void what_a_replay_has_tried_is_given_back(void **state)
{
    (void)state;
    replay *r = make(ONE_SHARD, 100, REPLAY_FORGET);
    const print p = print_of(1);
    assert_int_equal(replay_remember(r, A, p.octets, 0, NOW), REPLAY_NEW);
    assert_int_equal(replay_remember(r, A, p.octets, 0, NOW), REPLAY_IDENTICAL);
    replay_release(r, p.octets);
    assert_int_equal(replay_remember(r, A, p.octets, 0, NOW), REPLAY_NEW);
    replay_destroy(&r);
}

/* ---- the clock ---- */

/* Its own clock stands then; nothing is forgotten for it, and nothing later on. */
static void a_time_that_is_behind(void **state)
{
    (void)state;
    const int64_t steps[] = {1, 500, WINDOW, WINDOW + 1, 3600000, INT64_C(31536000000)};
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        replay *r = make(ONE_SHARD, 100, REPLAY_FORGET);
        const int64_t back = NOW - steps[i];
        assert_int_equal(remember(r, A, 1, NOW), REPLAY_NEW);
        assert_int_equal(remember(r, A, 1, back), REPLAY_IDENTICAL);
        assert_int_equal(remember(r, A, 2, back), REPLAY_NEW);
        assert_int_equal(remember(r, A, 1, NOW + WINDOW), REPLAY_IDENTICAL);
        assert_int_equal(remember(r, A, 2, NOW + WINDOW), REPLAY_IDENTICAL);
        assert_int_equal(remember(r, A, 1, NOW + WINDOW + 1), REPLAY_NEW);
        assert_int_equal(remember(r, A, 2, NOW + WINDOW + 1), REPLAY_NEW);
        replay_destroy(&r);
    }
}

/* Two threads' ideas of now may differ by some milliseconds: whoever is behind shifts nothing. */
static void small_steps_back_do_not_add_up(void **state)
{
    (void)state;
    for (int64_t step = 1; step <= WINDOW; step = step == 1 ? 5 : step == 5 ? WINDOW : WINDOW + 1) {
        replay *r = make(ONE_SHARD, 100, REPLAY_FORGET);
        assert_int_equal(remember(r, A, 1, NOW), REPLAY_NEW);
        for (int i = 0; i < 2 * WINDOW; i++) {
            assert_int_equal(remember(r, A, 1, NOW - step), REPLAY_IDENTICAL);
            assert_int_equal(remember(r, A, 1, NOW), REPLAY_IDENTICAL);
        }
        assert_int_equal(remember(r, A, 1, NOW + WINDOW), REPLAY_IDENTICAL);
        assert_int_equal(remember(r, A, 1, NOW + WINDOW + 1), REPLAY_NEW);
        replay_destroy(&r);
    }
}

static void clock_that_runs_for_years(void **state)
{
    (void)state;
    replay *r = make(ONE_SHARD, 100, REPLAY_FORGET);
    int64_t now = NOW;
    for (uint64_t i = 0; i < 1000; i++) {
        assert_int_equal(remember(r, A, i, now), REPLAY_NEW);
        now += WINDOW;
        assert_int_equal(remember(r, A, i, now), REPLAY_IDENTICAL);
        now += INT64_C(7) * 24 * 3600 * 1000;
        assert_int_equal(remember(r, B, i, now), REPLAY_NEW);
    }
    assert_int_equal(replay_stats_get(r, now).forgotten, 0);
    replay_destroy(&r);
}

/* ---- room ---- */

/* How many of `last`, `last` - 1, … down to `first` are known without a gap. */
static uint64_t known_newest(replay *r, cmp_str credential, uint64_t first, uint64_t last,
                             int64_t now_ms)
{
    uint64_t number = last + 1;
    while (number > first && remember(r, credential, number - 1, now_ms) == REPLAY_IDENTICAL) {
        number--;
    }
    return last + 1 - number;
}

static void the_oldest_are_forgotten(void **state)
{
    (void)state;
    replay *r = make(ONE_SHARD, 100, REPLAY_FORGET);
    const uint64_t capacity = capacity_of(r), count = 3 * capacity + 3;
    for (uint64_t i = 0; i < count; i++) {
        assert_int_equal(remember(r, A, i, NOW + (int64_t)(i / CHUNK)), REPLAY_NEW);
    }
    const uint64_t entries = entries_of(r);
    assert_in_range(entries, capacity - CHUNK + 1, capacity);
    const int64_t end = NOW + (int64_t)(count / CHUNK);
    const replay_stats stats = replay_stats_get(r, end);
    assert_int_equal(stats.forgotten, count - entries);
    assert_in_range(stats.reach_ms, entries / CHUNK, entries / CHUNK + 2);
    assert_int_equal(known_newest(r, A, 0, count - 1, end), entries);
    replay_destroy(&r);
}

static void who_floods_forgets_its_own(void **state)
{
    (void)state;
    const size_t sizes[] = {ONE_SHARD, (size_t)1 << 20};
    for (size_t n = 0; n < sizeof(sizes) / sizeof(sizes[0]); n++) {
        replay *r = make(sizes[n], 50, REPLAY_FORGET);
        const uint64_t few = capacity_of(r) / 4, many = 5 * capacity_of(r), apart = 1 << 30;
        for (uint64_t i = 0; i < many; i++) {
            if (i < few) {
                assert_int_equal(remember(r, B, apart + i, NOW), REPLAY_NEW);
            }
            assert_int_equal(remember(r, A, i, NOW + 1), REPLAY_NEW);
        }
        const replay_stats stats = replay_stats_get(r, NOW + 5);
        assert_int_equal(stats.forgotten + stats.entries, few + many);
        assert_in_range(stats.entries - few, capacity_of(r) * 45 / 100, capacity_of(r) / 2);
        assert_int_equal(stats.reach_ms, 4);
        assert_int_equal(known_newest(r, B, apart, apart + few - 1, NOW + 5), few);
        assert_int_equal(remember(r, A, many - 1, NOW + 5), REPLAY_IDENTICAL);
        replay_destroy(&r);
    }
}

static void a_full_quota_may_refuse(void **state)
{
    (void)state;
    replay *r = make(ONE_SHARD, 50, REPLAY_REFUSE);
    const uint64_t capacity = capacity_of(r);
    uint64_t taken = 0;
    while (remember(r, A, taken, NOW) == REPLAY_NEW) {
        taken++;
    }
    assert_int_equal(taken, capacity / CHUNK / 2 * CHUNK);
    assert_int_equal(remember(r, A, taken, NOW + WINDOW), REPLAY_FULL);
    assert_int_equal(remember(r, A, 0, NOW + WINDOW), REPLAY_IDENTICAL);
    assert_int_equal(remember(r, B, capacity, NOW + WINDOW), REPLAY_NEW);
    assert_int_equal(remember(r, A, taken, NOW + WINDOW + 1), REPLAY_NEW);
    assert_int_equal(remember(r, A, 0, NOW + WINDOW + 1), REPLAY_NEW);
    assert_int_equal(replay_stats_get(r, NOW + WINDOW + 1).forgotten, 0);
    assert_int_equal(replay_stats_get(r, NOW + WINDOW + 1).reach_ms, WINDOW);
    replay_destroy(&r);
}

/* A has filled two thirds and B one third when C comes. */
static uint64_t fill_by_two(replay *r)
{
    const uint64_t count = capacity_of(r);
    for (uint64_t i = 0; i < count; i++) {
        const bool for_a = i / CHUNK % 3 != 0;
        assert_int_equal(remember(r, for_a ? A : B, i, NOW + (int64_t)i), REPLAY_NEW);
    }
    assert_int_equal(entries_of(r), count);
    return count;
}

static void who_holds_most_gives_way(void **state)
{
    (void)state;
    replay *r = make(ONE_SHARD, 100, REPLAY_FORGET);
    const uint64_t count = fill_by_two(r);
    const int64_t now = NOW + (int64_t)count;
    for (uint64_t i = 0; i < 4 * CHUNK; i++) {
        assert_int_equal(remember(r, CMP_STR("key-c"), count + i, now), REPLAY_NEW);
    }
    assert_int_equal(replay_stats_get(r, now).forgotten, 4 * CHUNK);
    /* A's first four chunks are gone (numbers 10 to 29 and 40 to 59), and nothing else is. */
    for (uint64_t i = count; i-- > 0;) {
        const bool gone = i / CHUNK % 3 != 0 && i < 6 * CHUNK;
        if (!gone) {
            assert_int_equal(remember(r, A, i, now), REPLAY_IDENTICAL);
        }
    }
    assert_int_equal(remember(r, A, 6 * CHUNK - 1, now), REPLAY_NEW);
    replay_destroy(&r);
}

static void a_full_memory_may_refuse(void **state)
{
    (void)state;
    replay *r = make(ONE_SHARD, 100, REPLAY_REFUSE);
    const uint64_t count = fill_by_two(r);
    const int64_t now = NOW + WINDOW;
    assert_int_equal(remember(r, CMP_STR("key-c"), count, now), REPLAY_FULL);
    assert_int_equal(entries_of(r), count);
    /* B's first chunk leaves the window, and C takes its place when the round has come to B. */
    unsigned refused = 0;
    while (remember(r, CMP_STR("key-c"), count, now + CHUNK) == REPLAY_FULL) {
        assert_in_range(++refused, 1, 2);
    }
    assert_int_equal(remember(r, CMP_STR("key-c"), count, now + CHUNK), REPLAY_IDENTICAL);
    assert_int_equal(replay_stats_get(r, now + CHUNK).forgotten, 0);
    replay_destroy(&r);
}

static void a_key_that_never_comes_again_holds_nothing(void **state)
{
    (void)state;
    replay *r = make(ONE_SHARD, 100, REPLAY_FORGET);
    const uint64_t count = fill_by_two(r);
    const int64_t later = NOW + 10 * WINDOW;
    for (uint64_t i = 0; i < count; i++) {
        assert_int_equal(remember(r, CMP_STR("key-c"), count + i, later), REPLAY_NEW);
    }
    assert_int_equal(entries_of(r), count);
    assert_int_equal(replay_stats_get(r, later).forgotten, 0);
    assert_int_equal(replay_stats_get(r, later).reach_ms, WINDOW);
    replay_destroy(&r);
}

static void many_keys_find_room(void **state)
{
    (void)state;
    const replay_when_full policies[] = {REPLAY_FORGET, REPLAY_REFUSE};
    for (size_t n = 0; n < 2; n++) {
        replay *r = make(ONE_SHARD, 10, policies[n]);
        char name[16];
        for (uint64_t i = 0; i < 20000; i++) {
            const cmp_str credential = {name, (size_t)snprintf(name, sizeof(name), "key-%u",
                                                               (unsigned)i)};
            const int64_t now = NOW + (int64_t)i * WINDOW / 5;
            assert_int_equal(remember(r, credential, i, now), REPLAY_NEW);
            for (uint64_t back = 0; back <= 5 && back <= i; back++) {
                assert_int_equal(remember(r, A, i - back, now), REPLAY_IDENTICAL);
            }
        }
        assert_true(entries_of(r) < 100);
        replay_destroy(&r);
    }
}

/* ---- sizes ---- */

static void memory_stays_in_its_bounds(void **state)
{
    (void)state;
    const struct {
        size_t size;
        uint64_t calls;
    } cases[] = {{0, 20000},      {1, 20000},        {65536, 20000},
                 {100001, 20000}, {1 << 20, 100000}, {8 << 20, 1000000}};
    for (size_t n = 0; n < sizeof(cases) / sizeof(cases[0]); n++) {
        replay *r = make(cases[n].size, 100, REPLAY_FORGET);
        for (uint64_t i = 0; i < cases[n].calls; i++) {
            assert_int_equal(remember(r, i % 3 == 0 ? A : B, i, NOW), REPLAY_NEW);
        }
        const size_t size = cases[n].size > ONE_SHARD ? cases[n].size : ONE_SHARD;
        const replay_stats stats = replay_stats_get(r, NOW);
        assert_in_range(stats.size_bytes, size - 4095, size);
        assert_in_range(stats.capacity, size / 40, size / 30);
        assert_in_range(stats.entries, stats.capacity * 9 / 10, stats.capacity);
        assert_int_equal(stats.entries + stats.forgotten, cases[n].calls);
        replay_destroy(&r);
    }
}

static size_t resident_pages(void)
{
    unsigned long size = 0, resident = 0;
    FILE *f = fopen("/proc/self/statm", "re");
    assert_non_null(f);
    assert_int_equal(fscanf(f, "%lu %lu", &size, &resident), 2);
    fclose(f);
    return resident;
}

static void an_idle_memory_is_not_resident(void **state)
{
    (void)state;
    const size_t before = resident_pages();
    replay *r = make((size_t)64 << 20, 100, REPLAY_FORGET);
    assert_int_equal(remember(r, A, 1, NOW), REPLAY_NEW);
    assert_true((resident_pages() - before) * (size_t)sysconf(_SC_PAGESIZE) < (size_t)4 << 20);
    replay_destroy(&r);
}

/* ---- a reload ---- */

static void a_reload_changes_the_policy(void **state)
{
    (void)state;
    replay *r = make(ONE_SHARD, 100, REPLAY_FORGET);
    const uint64_t capacity = capacity_of(r);
    for (uint64_t i = 0; i < capacity; i++) {
        assert_int_equal(remember(r, A, i, NOW), REPLAY_NEW);
    }
    replay_configure(r, &(replay_options){WINDOW, 0, 10, REPLAY_REFUSE});
    assert_int_equal(capacity_of(r), capacity);
    assert_int_equal(remember(r, A, capacity, NOW), REPLAY_FULL);
    replay_configure(r, &(replay_options){WINDOW, 0, 10, REPLAY_FORGET});
    for (uint64_t i = 0; i < 2 * capacity; i++) {
        assert_int_equal(remember(r, A, capacity + i, NOW), REPLAY_NEW);
    }
    assert_in_range(entries_of(r), CHUNK, capacity / 10);
    replay_destroy(&r);
}

static void a_reload_changes_the_window(void **state)
{
    (void)state;
    replay *r = make(ONE_SHARD, 100, REPLAY_FORGET);
    assert_int_equal(remember(r, A, 1, NOW), REPLAY_NEW);
    replay_configure(r, &(replay_options){WINDOW / 2, 0, 100, REPLAY_FORGET});
    assert_int_equal(remember(r, A, 1, NOW + WINDOW / 2 + 1), REPLAY_NEW);
    const int64_t now = NOW + WINDOW / 2 + 1;
    assert_int_equal(replay_stats_get(r, now).reach_ms, WINDOW / 2);
    /* A longer window is true only when that time has passed. */
    replay_configure(r, &(replay_options){WINDOW, 0, 100, REPLAY_FORGET});
    assert_int_equal(replay_stats_get(r, now).reach_ms, WINDOW / 2);
    assert_int_equal(replay_stats_get(r, now + 100).reach_ms, WINDOW / 2 + 100);
    assert_int_equal(replay_stats_get(r, now + WINDOW).reach_ms, WINDOW);
    assert_int_equal(remember(r, A, 1, now + WINDOW), REPLAY_IDENTICAL);
    replay_destroy(&r);
}

/* ---- threads ---- */

#define THREADS 4
#define SHARED  20000

typedef struct job {
    replay *memory;
    uint64_t fresh, seen;
} job;

static void *hammer(void *arg)
{
    job *j = arg;
    for (uint64_t i = 0; i < SHARED; i++) {
        const replay_verdict verdict = remember(j->memory, i % 2 == 0 ? A : B, i, NOW);
        j->fresh += verdict == REPLAY_NEW;
        j->seen += verdict == REPLAY_IDENTICAL;
        if (i % 1000 == 0) {
            replay_stats_get(j->memory, NOW);
        }
    }
    return NULL;
}

static void each_is_new_to_one_thread_only(void **state)
{
    (void)state;
    replay *r = make((size_t)4 << 20, 100, REPLAY_FORGET);
    job jobs[THREADS];
    pthread_t threads[THREADS];
    uint64_t fresh = 0, seen = 0;
    for (size_t i = 0; i < THREADS; i++) {
        jobs[i] = (job){.memory = r};
        assert_int_equal(pthread_create(&threads[i], NULL, hammer, &jobs[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        fresh += jobs[i].fresh;
        seen += jobs[i].seen;
    }
    assert_int_equal(fresh, SHARED);
    assert_int_equal(seen, (THREADS - 1) * SHARED);
    assert_int_equal(entries_of(r), SHARED);
    replay_destroy(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(second_use_is_not_new),
        cmocka_unit_test(window_ends_at_its_edge),
        cmocka_unit_test(released_ones_may_come_again),
        cmocka_unit_test(released_ones_hold_no_memory),
        cmocka_unit_test(what_a_repeat_has_used_is_not_given_back),
        cmocka_unit_test(what_a_replay_has_tried_is_given_back),
        cmocka_unit_test(a_time_that_is_behind),
        cmocka_unit_test(small_steps_back_do_not_add_up),
        cmocka_unit_test(clock_that_runs_for_years),
        cmocka_unit_test(the_oldest_are_forgotten),
        cmocka_unit_test(who_floods_forgets_its_own),
        cmocka_unit_test(a_full_quota_may_refuse),
        cmocka_unit_test(who_holds_most_gives_way),
        cmocka_unit_test(a_full_memory_may_refuse),
        cmocka_unit_test(a_key_that_never_comes_again_holds_nothing),
        cmocka_unit_test(many_keys_find_room),
        cmocka_unit_test(memory_stays_in_its_bounds),
        cmocka_unit_test(an_idle_memory_is_not_resident),
        cmocka_unit_test(a_reload_changes_the_policy),
        cmocka_unit_test(a_reload_changes_the_window),
        cmocka_unit_test(each_is_new_to_one_thread_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
