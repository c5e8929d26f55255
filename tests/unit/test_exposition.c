/* SPDX-License-Identifier: Apache-2.0 */
/* observe/exposition.c and metrics.c: the text that is scraped, in both forms. */
#include "observe/metrics.h"
#include "observe/owners.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static char *write_all(exposition_form form, void (*write)(exposition *e))
{
    size_t size;
    exposition *e = exposition_begin(form);
    write(e);
    char *text = exposition_end(&e, &size);
    assert_int_equal(strlen(text), size);
    return text;
}

static void assert_written(exposition_form form, void (*write)(exposition *e), const char *expected)
{
    char *text = write_all(form, write);
    assert_string_equal(text, expected);
    free(text);
}

static void one_counter(exposition *e)
{
    exposition_family(e, METRIC_COUNTER, "cmpd_taken_seconds", "seconds", "What \"it\"\ntook \\");
    const exposition_label labels[] = {{"peer", "b \"c\"\\\n"}, {"none", NULL}, {"x", ""}};
    exposition_labels(e, labels, 3);
    exposition_count(e, UINT64_MAX);
    exposition_labels(e, NULL, 0);
    exposition_number(e, 0.25);
}

static void counters_are_called_by_the_form(void **state)
{
    (void)state;
    assert_written(EXPOSITION_PROMETHEUS, one_counter,
                   "# HELP cmpd_taken_seconds_total What \"it\"\\ntook \\\\\n"
                   "# TYPE cmpd_taken_seconds_total counter\n"
                   "cmpd_taken_seconds_total{peer=\"b \\\"c\\\"\\\\\\n\",x=\"\"} "
                   "18446744073709551615\n"
                   "cmpd_taken_seconds_total 0.25\n");
    assert_written(EXPOSITION_OPENMETRICS, one_counter,
                   "# HELP cmpd_taken_seconds What \\\"it\\\"\\ntook \\\\\n"
                   "# TYPE cmpd_taken_seconds counter\n"
                   "# UNIT cmpd_taken_seconds seconds\n"
                   "cmpd_taken_seconds_total{peer=\"b \\\"c\\\"\\\\\\n\",x=\"\"} "
                   "18446744073709551615\n"
                   "cmpd_taken_seconds_total 0.25\n"
                   "# EOF\n");
}

static void one_histogram(exposition *e)
{
    static const int64_t bounds[] = {5, 1000};
    const histogram_sums sums = {.bounds = bounds, .count = 2, .buckets = {1, 0, 2}, .sum = 4003};
    exposition_family(e, METRIC_HISTOGRAM, "cmpd_wait_seconds", "seconds", "Waits");
    const exposition_label label = {"of", "x"};
    exposition_labels(e, &label, 1);
    exposition_histogram(e, &sums, 1000);
}

static void buckets_are_cumulative(void **state)
{
    (void)state;
    assert_written(EXPOSITION_PROMETHEUS, one_histogram,
                   "# HELP cmpd_wait_seconds Waits\n"
                   "# TYPE cmpd_wait_seconds histogram\n"
                   "cmpd_wait_seconds_bucket{of=\"x\",le=\"0.005\"} 1\n"
                   "cmpd_wait_seconds_bucket{of=\"x\",le=\"1\"} 1\n"
                   "cmpd_wait_seconds_bucket{of=\"x\",le=\"+Inf\"} 3\n"
                   "cmpd_wait_seconds_sum{of=\"x\"} 4.003\n"
                   "cmpd_wait_seconds_count{of=\"x\"} 3\n");
}

static void nothing(exposition *e)
{
    exposition_family(e, METRIC_GAUGE, "cmpd_none", NULL, "Nothing");
}

static void without_samples_there_is_no_head(void **state)
{
    (void)state;
    assert_written(EXPOSITION_PROMETHEUS, nothing, "");
    assert_written(EXPOSITION_OPENMETRICS, nothing, "# EOF\n");
}

static void the_form_is_chosen_by_accept(void **state)
{
    (void)state;
    assert_int_equal(exposition_form_of(CMP_NONE), EXPOSITION_PROMETHEUS);
    assert_int_equal(exposition_form_of(CMP_STR("text/plain;version=0.0.4")),
                     EXPOSITION_PROMETHEUS);
    assert_int_equal(exposition_form_of(CMP_STR(
                         "application/openmetrics-text;version=1.0.0;q=0.75,text/plain;q=0.5")),
                     EXPOSITION_OPENMETRICS);
    assert_string_equal(exposition_type(EXPOSITION_PROMETHEUS),
                        "text/plain; version=0.0.4; charset=utf-8");
    assert_string_equal(exposition_type(EXPOSITION_OPENMETRICS),
                        "application/openmetrics-text; version=1.0.0; charset=utf-8");
}

static void assert_has(const char *text, const char *words)
{
    if (strstr(text, words) == NULL) {
        fail_msg("no %s in:\n%s", words, text);
    }
}

static void what_is_registered_has_a_name_by_its_owner(void **state)
{
    (void)state;
    static const int64_t bounds[] = {1000, 2000000};
    owner_enter("sql", OWNER_INSTANCE, "store_x");
    owner_enter("sql2", OWNER_INSTANCE, "store_x");
    owner_enter("listener:peers", OWNER_LISTENER, "peers");
    counter_add(counter_register("sql", "a-b.c", "Odd"), 7);
    counter_register("sql", "bad_answers", "Bad");
    counter_register("sql2", "a-b.c", "Odd");
    gauge_set(gauge_register("sql2", "a-b.c", "The same name, another kind"), -3);
    histogram_add(histogram_register("sql", "wait_us", "Waits", bounds, 2), 1500);
    counter_register("listener:peers", "accepted", "Let in");
    counter_add(counter_register("hands", "shaken_total", "Shaken"), 2);
    gauge_set(gauge_register("hands", "age_ms", "Age"), 250);
    char *text = write_all(EXPOSITION_PROMETHEUS, metrics_expose);
    assert_has(text, "# TYPE cmpd_plugin_store_x_a_b_c_total counter\n"
                     "cmpd_plugin_store_x_a_b_c_total{name=\"sql\"} 7\n"
                     "cmpd_plugin_store_x_a_b_c_total{name=\"sql2\"} 0\n");
    assert_has(text, "# TYPE cmpd_plugin_store_x_a_b_c_gauge gauge\n"
                     "cmpd_plugin_store_x_a_b_c_gauge{name=\"sql2\"} -3\n");
    assert_has(text, "cmpd_instance_bad_answers_total{name=\"sql\",plugin=\"store_x\"} 0\n");
    assert_has(text, "cmpd_plugin_store_x_wait_seconds_bucket{name=\"sql\",le=\"0.001\"} 0\n"
                     "cmpd_plugin_store_x_wait_seconds_bucket{name=\"sql\",le=\"2\"} 1\n");
    assert_has(text, "cmpd_plugin_store_x_wait_seconds_sum{name=\"sql\"} 0.0015\n");
    assert_has(text, "cmpd_listener_accepted_total{listener=\"peers\"} 0\n");
    assert_has(text, "cmpd_hands_shaken_total 2\n");
    assert_has(text, "cmpd_hands_age_seconds 0.25\n");
    free(text);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(counters_are_called_by_the_form),
        cmocka_unit_test(buckets_are_cumulative),
        cmocka_unit_test(without_samples_there_is_no_head),
        cmocka_unit_test(the_form_is_chosen_by_accept),
        cmocka_unit_test(what_is_registered_has_a_name_by_its_owner),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
