/* SPDX-License-Identifier: Apache-2.0 */
/* The report: order, shape of lines, errors of a plugin's own check. */
#include "conf/report.h"

#include "scratch.h"

static void prints_in_the_order_of_files_and_lines(void **state)
{
    (void)state;
    cmp_report report;
    report_init(&report);
    report_add(&report, (conf_place){"b.yaml", 1, 1}, "x", "sixth");
    report_add(&report, (conf_place){"a.yaml", 10, 1}, "x.y[0]", "fifth");
    report_add(&report, (conf_place){"a.yaml", 9, 7}, NULL, "second %d", 2);
    report_add(&report, (conf_place){"a.yaml", 9, 8}, "", "third");
    report_add(&report, (conf_place){"a.yaml", 9, 8}, "", "fourth");
    report_add(&report, (conf_place){.file = "a.yaml"}, "x", "first");
    assert_int_equal(report.count, 6);
    assert_report(&report, "a.yaml: x: first\n"
                           "a.yaml:9:7: second 2\n"
                           "a.yaml:9:8: third\n"
                           "a.yaml:9:8: fourth\n"
                           "a.yaml:10:1: x.y[0]: fifth\n"
                           "b.yaml:1:1: x: sixth\n");
    report_dispose(&report);
}

static void warnings_come_when_all_is_good(void **state)
{
    (void)state;
    cmp_report report;
    report_init(&report);
    report_warn(&report, (conf_place){"a.yaml", 2, 1}, "y", "second");
    report_warn(&report, (conf_place){"a.yaml", 1, 1}, "x", "first");
    assert_int_equal(report.count, 0);
    assert_report(&report, "a.yaml:1:1: warning: x: first\n"
                           "a.yaml:2:1: warning: y: second\n");
    report_warn(&report, (conf_place){"a.yaml", 2, 1}, "y", "unheard");
    report_add(&report, (conf_place){"a.yaml", 3, 1}, "z", "wrong");
    assert_report(&report, "a.yaml:3:1: z: wrong\n");
    report_dispose(&report);
}

static void keeps_messages_on_one_line(void **state)
{
    (void)state;
    cmp_report report;
    report_init(&report);
    report_add(&report, (conf_place){"a.yaml", 1, 2}, "k\ney", "found \"%s\"", "\x1b[31m\r\n");
    assert_report(&report, "a.yaml:1:2: k?ey: found \"?[31m??\"\n");
    report_dispose(&report);
}

static void outlives_the_name_of_the_file(void **state)
{
    (void)state;
    char name[] = "a.yaml";
    cmp_report report;
    report_init(&report);
    report_add(&report, (conf_place){name, 3, 4}, "k", "text");
    memset(name, 'x', sizeof(name) - 1);
    assert_report(&report, "a.yaml:3:4: k: text\n");
    report_dispose(&report);
}

static conf_place place_of(void *arg, const char *key)
{
    return (conf_place){arg, key != NULL ? 5 : 4, 1};
}

static void a_check_speaks_of_its_own_section(void **state)
{
    (void)state;
    char name[] = "a.yaml";
    const conf_scope scope = {.place_of = place_of, .arg = name, .path = "plugins.codes"};
    cmp_report report;
    report_init(&report);
    report_in_scope(&report, "path", "before any section");
    report.scope = &scope;
    report_in_scope(&report, "path", "no such file: %s", "x");
    report_in_scope(&report, NULL, "does not fit");
    report.scope = NULL;
    assert_report(&report, "path: before any section\n"
                           "a.yaml:4:1: plugins.codes: does not fit\n"
                           "a.yaml:5:1: plugins.codes.path: no such file: x\n");
    report_dispose(&report);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prints_in_the_order_of_files_and_lines),
        cmocka_unit_test(warnings_come_when_all_is_good),
        cmocka_unit_test(keeps_messages_on_one_line),
        cmocka_unit_test(outlives_the_name_of_the_file),
        cmocka_unit_test(a_check_speaks_of_its_own_section),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
