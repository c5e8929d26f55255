/* SPDX-License-Identifier: Apache-2.0 */
/* Counters: summed over threads, the same id for the same name. */
#include "observe/counters.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

enum { THREADS = 4, ADDS = 10000 };

static void *adder_main(void *arg)
{
    for (int i = 0; i < ADDS; i++) {
        counter_add(*(unsigned *)arg, 1);
    }
    return NULL;
}

static void threads_are_summed(void **state)
{
    (void)state;
    unsigned id = counter_register("codes", "lookups", "Look-ups");
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        pthread_create(&threads[i], NULL, adder_main, &id);
    }
    (void)counter_read(id); /* reading while others count */
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(counter_read(id), THREADS * ADDS);
}

static void the_same_name_is_the_same_counter(void **state)
{
    (void)state;
    const unsigned a = counter_register("x", "hits", "Hits");
    assert_int_equal(counter_register("x", "hits", "Hits"), a);
    assert_int_not_equal(counter_register("y", "hits", "Hits"), a);
    assert_int_not_equal(counter_register("x", "misses", "Misses"), a);
}

static void on_counter(const char *owner, const char *name, const char *help, uint64_t value,
                       void *arg)
{
    assert_true(strlen(help) > 0);
    if (strcmp(owner, "shown") == 0 && strcmp(name, "value") == 0) {
        *(uint64_t *)arg = value;
    }
}

static void all_are_shown(void **state)
{
    (void)state;
    uint64_t value = 0;
    counter_add(counter_register("shown", "value", "A value"), 42);
    counters_each(on_counter, &value);
    assert_int_equal(value, 42);
}

static void too_many_share_the_last(void **state)
{
    (void)state;
    owner_enter("early", OWNER_INSTANCE, "store_x");
    counter_add(counter_register("early", "asked", "x"), 3);
    const unsigned level = gauge_register("kept", "level", "x");
    gauge_set(level, 5);
    unsigned id = 0;
    for (int i = 0; i < COUNTERS_MAX + 10; i++) {
        char name[16];
        snprintf(name, sizeof(name), "c%d", i);
        id = counter_register("many", name, "One of many");
        counter_add(id, 1);
    }
    assert_int_equal(id, COUNTERS_MAX - 1);
    const unsigned none = gauge_claim("many", "level", "x"); /* another's would be set to 0 */
    gauge_set(none, 7);
    gauge_show(none, false);
    gauge_give_back(none);
    assert_int_equal(gauge_read(level), 5);
}

static void *gauge_main(void *arg)
{
    gauge_set(*(unsigned *)arg, 7);
    gauge_add(*(unsigned *)arg, -10);
    return NULL;
}

/* Each thread has its part: one that sets changes nothing of the others'. */
static void gauges_are_sums_of_parts(void **state)
{
    (void)state;
    unsigned id = gauge_register("g", "level", "A level");
    assert_int_equal(gauge_register("g", "level", "A level"), id);
    assert_int_not_equal(counter_register("g", "level", "A counter of the same name"), id);
    gauge_set(id, 100);
    pthread_t thread;
    pthread_create(&thread, NULL, gauge_main, &id);
    pthread_join(thread, NULL);
    assert_int_equal(gauge_read(id), 97);
    gauge_set(id, -1);
    assert_int_equal(gauge_read(id), -4);
}

static void histograms_have_buckets(void **state)
{
    (void)state;
    static const int64_t bounds[] = {-5, 0, 10};
    static const int64_t values[] = {-6, -5, -4, 0, 1, 10, 11, INT64_C(1) << 40};
    const unsigned id = histogram_register("h", "size", "Sizes", bounds, 3);
    assert_int_equal(histogram_register("h", "size", "Sizes", bounds, 1), id);
    const unsigned next = counter_register("h", "next", "Its neighbour");
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        histogram_add(id, values[i]);
    }
    histogram_sums sums;
    histogram_read(id, &sums);
    assert_int_equal(sums.count, 3);
    static const uint64_t expected[] = {2, 2, 2, 2};
    assert_memory_equal(sums.buckets, expected, sizeof(expected));
    assert_int_equal(sums.sum, -6 - 5 - 4 + 0 + 1 + 10 + 11 + (INT64_C(1) << 40));
    assert_int_equal(counter_read(next), 0);
}

static void on_gauge(const char *owner, const char *name, const char *help, int64_t value,
                     void *arg)
{
    (void)name, (void)help, (void)value;
    *(unsigned *)arg += strcmp(owner, "of a kind") == 0;
}

static void on_histogram(const char *owner, const char *name, const char *help,
                         const histogram_sums *sums, void *arg)
{
    (void)name, (void)help, (void)sums;
    *(unsigned *)arg += strcmp(owner, "of a kind") == 0;
}

static void on_any_counter(const char *owner, const char *name, const char *help, uint64_t value,
                           void *arg)
{
    (void)name, (void)help, (void)value;
    *(unsigned *)arg += strcmp(owner, "of a kind") == 0;
}

static void each_kind_is_shown_by_itself(void **state)
{
    (void)state;
    static const int64_t bounds[] = {1, 2};
    histogram_register("of a kind", "a", "A", bounds, 2);
    gauge_register("of a kind", "b", "B");
    histogram_register("of a kind", "c", "C", bounds, 1);
    counter_register("of a kind", "d", "D");
    unsigned counters = 0, gauges = 0, histograms = 0;
    counters_each(on_any_counter, &counters);
    gauges_each(on_gauge, &gauges);
    histograms_each(on_histogram, &histograms);
    assert_int_equal(counters, 1);
    assert_int_equal(gauges, 1);
    assert_int_equal(histograms, 2);
}

static void add_up(const char *owner, const char *name, const char *help, int64_t value, void *arg)
{
    (void)help;
    if (strcmp(owner, "follows") == 0 && strcmp(name, "level") == 0) {
        ((int64_t *)arg)[0]++;
        ((int64_t *)arg)[1] += value;
    }
}

static void add_up_any(const metric_view *m, void *arg)
{
    if (m->kind == METRIC_GAUGE) {
        add_up(m->owner, m->name, m->help, m->value.gauge, arg);
    }
}

static void expect_shown(int64_t count, int64_t sum)
{
    int64_t found[2] = {0};
    gauges_each(add_up, found);
    assert_int_equal(found[0], count);
    assert_int_equal(found[1], sum);
    int64_t found_of_all[2] = {0};
    metrics_each(add_up_any, found_of_all);
    assert_int_equal(found_of_all[0], count);
    assert_int_equal(found_of_all[1], sum);
}

static void one_gauge_follows_another(void **state)
{
    (void)state;
    const unsigned first = gauge_claim("follows", "level", "x");
    gauge_set(first, 7);
    expect_shown(0, 0);
    gauge_show(first, true);
    expect_shown(1, 7);
    const unsigned second = gauge_claim("follows", "level", "x");
    assert_int_not_equal(first, second);
    gauge_set(second, 5);
    expect_shown(1, 7);
    gauge_show(first, false);
    gauge_show(second, true);
    gauge_add(first, -7);
    expect_shown(1, 5);
    gauge_give_back(first);
    const unsigned third = gauge_claim("follows", "level", "x");
    assert_int_equal(third, first); /* there is no end of reloads */
    gauge_show(third, true);
    expect_shown(2, 5);
}

typedef struct found {
    const char *owner, *of;
    unsigned count;
    uint64_t sum;
} found;

static void on_metric(const metric_view *m, void *arg)
{
    found *f = arg;
    if (strcmp(m->owner, f->owner) == 0 && (f->of == NULL || strcmp(m->of, f->of) == 0)) {
        f->count++;
        f->sum += m->kind == METRIC_COUNTER ? m->value.counter : 0;
    }
}

static void expect_found(const char *owner, const char *of, unsigned count, uint64_t sum)
{
    found f = {.owner = owner, .of = of};
    metrics_each(on_metric, &f);
    assert_int_equal(f.count, count);
    assert_int_equal(f.sum, sum);
}

static void whose_owner_is_gone_is_not_shown(void **state)
{
    (void)state;
    owner_enter("store", OWNER_INSTANCE, "store_x");
    counter_add(counter_register("store", "asked", "x"), 3);
    expect_found("store", NULL, 1, 3);
    owner_enter("store", OWNER_INSTANCE, "store_x"); /* in its place, before it ends */
    counter_add(counter_register("store", "asked", "x"), 1);
    owner_leave("store", "store_x");
    expect_found("store", NULL, 1, 4);
    owner_leave("store", "store_x");
    expect_found("store", NULL, 0, 0);
    uint64_t value = 0;
    counters_each(on_counter, &value);
    owner_enter("store", OWNER_INSTANCE, "store_x");
    expect_found("store", NULL, 1, 4);
    owner_leave("store", "store_x");
}

/* What is only checked, and given up, leaves things as they were. */
static void each_plugin_has_its_own_under_one_name(void **state)
{
    (void)state;
    const char *of;
    owner_enter("shelf", OWNER_INSTANCE, "store_x");
    counter_add(counter_register("shelf", "asked", "x"), 3);
    owner_enter("shelf", OWNER_INSTANCE, "store_y");
    counter_add(counter_register("shelf", "asked", "x"), 5);
    expect_found("shelf", "store_x", 1, 3);
    expect_found("shelf", "store_y", 1, 5);
    owner_leave("shelf", "store_y");
    expect_found("shelf", NULL, 1, 3);
    assert_int_equal(owner_look_up("shelf", &of), OWNER_INSTANCE);
    assert_string_equal(of, "store_x");
    owner_leave("shelf", "store_x");
    assert_int_equal(owner_look_up("shelf", &of), OWNER_GONE);
    assert_int_equal(owner_look_up("never", &of), OWNER_CORE);
}

/* With no room left, and an owner of so many cells gone. */
static void cells_of_owners_that_are_gone_go_to_others(void **state)
{
    (void)state;
    owner_leave("early", "store_x");
    owner_enter("late", OWNER_INSTANCE, "store_x");
    const unsigned id = counter_register("late", "asked", "x");
    assert_int_not_equal(id, COUNTERS_MAX - 1); /* of "many" */
    assert_int_equal(counter_read(id), 0);
    counter_add(id, 7);
    expect_found("late", NULL, 1, 7);
    owner_enter("early", OWNER_INSTANCE, "store_x"); /* has lost it */
    expect_found("early", NULL, 0, 0);
    owner_leave("early", "store_x");
    owner_leave("late", "store_x");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_are_summed),
        cmocka_unit_test(the_same_name_is_the_same_counter),
        cmocka_unit_test(all_are_shown),
        cmocka_unit_test(gauges_are_sums_of_parts),
        cmocka_unit_test(histograms_have_buckets),
        cmocka_unit_test(each_kind_is_shown_by_itself),
        cmocka_unit_test(one_gauge_follows_another),
        cmocka_unit_test(whose_owner_is_gone_is_not_shown),
        cmocka_unit_test(each_plugin_has_its_own_under_one_name),
        cmocka_unit_test(too_many_share_the_last),
        cmocka_unit_test(cells_of_owners_that_are_gone_go_to_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
