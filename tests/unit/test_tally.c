/* SPDX-License-Identifier: Apache-2.0 */
/* pipeline/tally.c and base/labels.c: numbers of many threads, by peer; and the bound on names. */
#include "pipeline/tally.h"

#include <cmp-kit/uuid.h>

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

enum { THREADS = 4, EACH = 10000 };

static void *worker_main(void *arg)
{
    const unsigned peer = *(unsigned *)arg;
    for (int i = 0; i < EACH; i++) {
        tally_transaction(CMP_INTERFACE_MC3, peer, TALLY_RESOLVED, 200, 1000 + i);
        tally_transaction(CMP_INTERFACE_MC3, peer, TALLY_PROBLEM + ERROR_UNKNOWN_ICI, -5, 5000 + i);
        tally_attempt_begin(peer);
        tally_attempt_end(peer, TALLY_TIMEOUT, 6000000, 1);
        tally_wait(3, 100);
        tally_key_used(TALLY_KEY_ISSUED, peer, 1000 + i);
    }
    tally_attempt_begin(peer);
    tally_under_way(1);
    tally_under_way(1);
    tally_under_way(-1);
    tally_replay_refused();
    return NULL;
}

static void threads_are_added_up(void **state)
{
    (void)state;
    unsigned peer = label_make(CMP_STR("b"));
    tally_peer sums;
    assert_false(tally_read_peer(peer, &sums));
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        pthread_create(&threads[i], NULL, worker_main, &peer);
    }
    (void)tally_read_peer(peer, &sums); /* while others count */
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    const uint64_t all = THREADS * EACH;
    assert_true(tally_read_peer(peer, &sums));
    assert_int_equal(sums.transactions[CMP_INTERFACE_MC3][TALLY_RESOLVED], all);
    assert_int_equal(sums.transactions[CMP_INTERFACE_MC3][TALLY_PROBLEM + ERROR_UNKNOWN_ICI], all);
    assert_int_equal(sums.transactions[CMP_INTERFACE_MC1][TALLY_RESOLVED], 0);
    assert_int_equal(sums.attempts[TALLY_TIMEOUT], all);
    assert_int_equal(sums.in_flight, THREADS);
    assert_int_equal(sums.asked_us, 5000 + EACH - 1);
    assert_int_equal(sums.answered_us, 0);
    assert_int_equal(sums.took.buckets[sums.took.count], all); /* longer than the last bound */
    histogram_sums took;
    tally_read_duration(CMP_INTERFACE_MC3, &took);
    assert_int_equal(took.buckets[0], all); /* a clock that was set back */
    assert_int_equal(took.buckets[1], all);
    assert_int_equal(took.sum, 200 * all);
    tally_read_wait(3, &took);
    assert_int_equal(took.buckets[0], all); /* a bound belongs to its bucket */
    assert_int_equal(tally_read_key(TALLY_KEY_ISSUED, peer), 1000 + EACH - 1);
    assert_int_equal(tally_read_key(TALLY_KEY_RECEIVED, peer), 0);
    assert_int_equal(tally_read_under_way(), THREADS);
    assert_int_equal(tally_read_replay_refused(), THREADS);
}

static void an_answer_of_any_kind_is_a_contact(void **state)
{
    (void)state;
    const unsigned peer = label_make(CMP_STR("answers"));
    tally_peer sums;
    for (int64_t s = 1; s <= TALLY_BAD_ANSWER + 1; s++) {
        tally_attempt_begin(peer);
        tally_attempt_end(peer, (tally_attempt)(s - 1), 1, s * 1000000);
        assert_true(tally_read_peer(peer, &sums));
        assert_int_equal(sums.answered_us, s * 1000000);
    }
    for (int how = TALLY_BAD_ANSWER + 1; how < TALLY_ATTEMPTS; how++) {
        tally_attempt_begin(peer);
        tally_attempt_end(peer, (tally_attempt)how, 1, 9000000);
    }
    assert_true(tally_read_peer(peer, &sums));
    assert_int_equal(sums.answered_us, (TALLY_BAD_ANSWER + 1) * 1000000);
    assert_int_equal(sums.asked_us, 0);
}

static void a_name_keeps_its_number(void **state)
{
    (void)state;
    const unsigned a = label_make(CMP_STR("name-a"));
    assert_int_equal(label_find(CMP_STR("name-a")), a);
    assert_int_equal(label_make(CMP_STR("name-a")), a);
    assert_string_equal(label_name(a), "name-a");
    assert_int_equal(label_find(CMP_STR("name")), LABEL_OTHER);
    assert_int_equal(label_find(CMP_NONE), LABEL_NONE);
    assert_int_equal(label_make(CMP_STR("")), LABEL_NONE);
    assert_string_equal(label_name(LABEL_NONE), "");
    assert_string_equal(label_name(LABEL_OTHER), "other");
}

static void a_pair_is_no_other_pair(void **state)
{
    (void)state;
    const unsigned a = label_make_pair(CMP_STR("b"), CMP_STR("key"));
    assert_int_equal(label_find_pair(CMP_STR("b"), CMP_STR("key")), a);
    assert_int_not_equal(label_make_pair(CMP_STR("bk"), CMP_STR("ey")), a);
    assert_int_equal(label_find_pair(CMP_STR("key"), CMP_STR("b")), LABEL_OTHER);
    assert_int_equal(label_find_pair(CMP_STR("b"), CMP_NONE), LABEL_OTHER);
    char most[300] = {0};
    assert_int_equal(label_make_pair(CMP_STR("b"), (cmp_str){most, sizeof(most)}), LABEL_OTHER);
}

#define T_MS INT64_C(1700000000000)

static void *a_tid_of_another_thread(void *arg)
{
    char tid[KIT_UUID_TEXT_SIZE];
    kit_uuid_v7_make(T_MS - 2000, tid);
    tally_tid(*(unsigned *)arg, (cmp_str){tid, sizeof(tid)}, T_MS + 1000);
    return NULL;
}

static void a_tid_tells_what_a_clock_shows(void **state)
{
    (void)state;
    unsigned peer = label_make(CMP_STR("clock"));
    int64_t ahead_ms;
    char tid[KIT_UUID_TEXT_SIZE];
    assert_false(tally_read_clock(peer, &ahead_ms));
    tally_tid(peer, CMP_STR("any text"), T_MS);
    assert_false(tally_read_clock(peer, &ahead_ms));
    kit_uuid_v7_make(T_MS + 1500, tid);
    tally_tid(peer, (cmp_str){tid, sizeof(tid)}, T_MS + 10);
    assert_false(tally_read_clock(peer, &ahead_ms)); /* that second was looked at */
    tally_tid(peer, (cmp_str){tid, sizeof(tid)}, T_MS - 1000);
    assert_true(tally_read_clock(peer, &ahead_ms));
    assert_int_equal(ahead_ms, 2500);
    pthread_t thread;
    pthread_create(&thread, NULL, a_tid_of_another_thread, &peer);
    pthread_join(thread, NULL);
    assert_true(tally_read_clock(peer, &ahead_ms)); /* the later one counts */
    assert_int_equal(ahead_ms, -3000);
    kit_uuid_v7_make(T_MS * 2, tid);
    tally_tid(peer, (cmp_str){tid, sizeof(tid)}, T_MS + 2000);
    assert_true(tally_read_clock(peer, &ahead_ms));
    assert_int_equal(ahead_ms, INT32_MAX);
}

static void beyond_the_bound_all_are_others(void **state)
{
    (void)state;
    unsigned last = 0;
    for (int i = 0; i < LABELS_MAX + 10; i++) {
        char name[32];
        snprintf(name, sizeof(name), "many-%d", i);
        last = label_make(cmp_str_from(name));
    }
    assert_int_equal(last, LABEL_OTHER);
    assert_int_equal(label_find(CMP_STR("name-a")), label_make(CMP_STR("name-a")));
    label_drop(LABEL_OTHER); /* which changes nothing */
    label_drop(LABEL_NONE);
    assert_int_equal(label_make(CMP_STR("one more")), LABEL_OTHER);
    tally_transaction(CMP_INTERFACE_MC1, last, TALLY_GONE, 1, 1);
    tally_peer sums;
    assert_true(tally_read_peer(LABEL_OTHER, &sums));
    assert_int_equal(sums.transactions[CMP_INTERFACE_MC1][TALLY_GONE], 1);
}

static cmp_str nth(const char *what, int i, char text[32])
{
    return (cmp_str){text, (size_t)snprintf(text, 32, "%s-%d", what, i)};
}

/* All are held by now. */
static void a_number_that_nobody_holds_goes_to_another(void **state)
{
    (void)state;
    char text[32];
    tally_setup();
    const unsigned number = label_find(nth("many", 7, text));
    assert_true(number > LABEL_OTHER);
    tally_transaction(CMP_INTERFACE_MC1, number, TALLY_GONE, 1, 1);
    tally_key_used(TALLY_TOKEN, number, 1000);
    label_make(nth("many", 7, text));
    label_drop(number);
    assert_int_equal(label_make(CMP_STR("held twice")), LABEL_OTHER);
    label_drop(number);
    assert_int_equal(label_find(nth("many", 7, text)), number); /* until another wants it */
    assert_int_equal(label_make(CMP_STR("the next")), number);
    assert_string_equal(label_name(number), "the next");
    assert_int_equal(label_find(nth("many", 7, text)), LABEL_OTHER);
    tally_peer sums;
    assert_true(tally_read_peer(number, &sums));
    assert_int_equal(sums.transactions[CMP_INTERFACE_MC1][TALLY_GONE], 0);
    assert_int_equal(tally_read_key(TALLY_TOKEN, number), 0);
}

/* As keys do when they are renewed, in all the time that a process may live. */
static void names_come_and_go(void **state)
{
    (void)state;
    char text[32], before[32];
    unsigned number = label_find(CMP_STR("the next"));
    nth("the next", 0, before);
    for (int i = 0; i < 4 * LABELS_MAX; i++) {
        label_drop(number);
        number = label_make(nth("come", i, text));
        assert_true(number > LABEL_OTHER);
        assert_int_equal(label_find(cmp_str_from(before)), LABEL_OTHER);
        memcpy(before, text, sizeof(before));
    }
    assert_int_equal(label_find(cmp_str_from(before)), number);
    for (int i = 8; i < 1000; i++) {
        assert_true(label_find(nth("many", i, text)) > LABEL_OTHER);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_are_added_up),
        cmocka_unit_test(an_answer_of_any_kind_is_a_contact),
        cmocka_unit_test(a_name_keeps_its_number),
        cmocka_unit_test(a_pair_is_no_other_pair),
        cmocka_unit_test(a_tid_tells_what_a_clock_shows),
        cmocka_unit_test(beyond_the_bound_all_are_others),
        cmocka_unit_test(a_number_that_nobody_holds_goes_to_another),
        cmocka_unit_test(names_come_and_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
