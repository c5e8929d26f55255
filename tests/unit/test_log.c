/* SPDX-License-Identifier: Apache-2.0 */
/* base/log.c: a line is one line, and JSON, whatever goes into it. */
#include "base/log.h"

#include "base/log_output.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

enum { LINE_MAX_SIZE = 2048 };

static FILE *caught;

static int catch_begin(void **state)
{
    (void)state;
    caught = tmpfile();
    log_output_set(fileno(caught));
    return 0;
}

static int catch_end(void **state)
{
    (void)state;
    log_output_set(STDERR_FILENO);
    log_setup(CMP_LOG_NOTICE, LOG_TEXT);
    fclose(caught);
    return 0;
}

/* What one line with this field became. */
static size_t logged(cmp_str value, char line[LINE_MAX_SIZE + 1])
{
    const log_field fields[] = {{"first", value}, {"second", CMP_STR("more")}};
    assert_int_equal(ftruncate(fileno(caught), 0), 0);
    lseek(fileno(caught), 0, SEEK_SET);
    log_write(CMP_LOG_ERROR, "test", fields, 2, "it happens");
    const ssize_t size = pread(fileno(caught), line, LINE_MAX_SIZE + 1, 0);
    assert_in_range(size, 1, LINE_MAX_SIZE);
    assert_int_equal(line[size - 1], '\n');
    assert_null(memchr(line, '\n', (size_t)size - 1));
    return (size_t)size;
}

static void assert_json(cmp_str value)
{
    char line[LINE_MAX_SIZE + 1];
    const size_t size = logged(value, line);
    json_error_t error;
    json_t *json = json_loadb(line, size, JSON_REJECT_DUPLICATES, &error);
    if (json == NULL) {
        fail_msg("%s: %.*s", error.text, (int)size, line);
    }
    assert_string_equal(json_string_value(json_object_get(json, "message")), "it happens");
    json_decref(json);
}

/* Of every size about the one at which the line is full: in an escape, in a character, and where
 * the next field would begin. */
static void a_line_that_is_cut_is_json(void **state)
{
    (void)state;
    static const char *const units[] = {"x", "\"", "\x01", "\xC3\xA9", "\xF0\x9F\x98\x80"};
    char value[2 * LINE_MAX_SIZE];
    log_setup(CMP_LOG_NOTICE, LOG_JSON);
    for (size_t u = 0; u < sizeof(units) / sizeof(units[0]); u++) {
        const size_t one = strlen(units[u]);
        for (size_t size = one; size + one <= sizeof(value); size += one) {
            memcpy(value + size - one, units[u], one);
            assert_json((cmp_str){value, size});
        }
    }
}

static void octets_that_are_no_text_are_json(void **state)
{
    (void)state;
    log_setup(CMP_LOG_NOTICE, LOG_JSON);
    assert_json(CMP_STR("\xFF"));
    assert_json(CMP_STR("a\x80z"));
    assert_json(CMP_STR("cut in a character \xC3"));
    assert_json(CMP_STR("\xED\xA0\x80"));
}

static void text_has_no_octet_that_a_terminal_obeys(void **state)
{
    (void)state;
    char line[LINE_MAX_SIZE + 1];
    log_setup(CMP_LOG_NOTICE, LOG_TEXT);
    line[logged(CMP_STR("\x1B[2J\xC2\x9B\n\""), line)] = '\0';
    assert_non_null(strstr(line, "first=\"\\x1b[2J\\xc2\\x9b\\x0a\\x22\" second=\"more\"\n"));
}

static void a_number_is_one_in_json(void **state)
{
    (void)state;
    const log_field fields[] = {{LOG_NUMBER "status", CMP_STR("200")}, {"peer", CMP_STR("7")}};
    char line[LINE_MAX_SIZE + 1] = "";
    log_setup(CMP_LOG_NOTICE, LOG_JSON);
    log_write(CMP_LOG_ERROR, "test", fields, 2, "it happens");
    const ssize_t size = pread(fileno(caught), line, LINE_MAX_SIZE, 0);
    json_t *json = json_loadb(line, (size_t)size, JSON_REJECT_DUPLICATES, NULL);
    assert_int_equal(json_integer_value(json_object_get(json, "status")), 200);
    assert_string_equal(json_string_value(json_object_get(json, "peer")), "7");
    json_decref(json);
    log_setup(CMP_LOG_NOTICE, LOG_TEXT);
    assert_int_equal(ftruncate(fileno(caught), 0), 0);
    lseek(fileno(caught), 0, SEEK_SET);
    log_write(CMP_LOG_ERROR, "test", fields, 1, "it happens");
    memset(line, 0, sizeof(line));
    assert_true(pread(fileno(caught), line, LINE_MAX_SIZE, 0) > 0);
    assert_non_null(strstr(line, "it happens status=\"200\"\n"));
}

static void what_is_absent_is_left_out(void **state)
{
    (void)state;
    char line[LINE_MAX_SIZE + 1];
    log_setup(CMP_LOG_NOTICE, LOG_JSON);
    line[logged(CMP_NONE, line)] = '\0';
    assert_non_null(strstr(line, "\"message\":\"it happens\",\"second\":\"more\"}\n"));
    line[logged(CMP_STR(""), line)] = '\0';
    assert_non_null(strstr(line, "\"first\":\"\",\"second\""));
    log_setup(CMP_LOG_NOTICE, LOG_TEXT);
    line[logged(CMP_NONE, line)] = '\0';
    assert_non_null(strstr(line, "it happens second=\"more\"\n"));
}

/* The last test: it is for good. */
static void a_format_that_is_fixed_stays(void **state)
{
    (void)state;
    char line[LINE_MAX_SIZE + 1];
    log_format_fix(LOG_JSON);
    log_setup(CMP_LOG_NOTICE, LOG_TEXT);
    assert_int_equal(log_format_get(), LOG_JSON);
    logged(CMP_STR("x"), line);
    assert_int_equal(line[0], '{');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_line_that_is_cut_is_json, catch_begin, catch_end),
        cmocka_unit_test_setup_teardown(a_number_is_one_in_json, catch_begin, catch_end),
        cmocka_unit_test_setup_teardown(octets_that_are_no_text_are_json, catch_begin, catch_end),
        cmocka_unit_test_setup_teardown(text_has_no_octet_that_a_terminal_obeys, catch_begin,
                                        catch_end),
        cmocka_unit_test_setup_teardown(what_is_absent_is_left_out, catch_begin, catch_end),
        cmocka_unit_test_setup_teardown(a_format_that_is_fixed_stays, catch_begin, catch_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
