/* SPDX-License-Identifier: Apache-2.0 */
/* pipeline/request_log.c: which requests leave a line, and what is in it. */
#include "pipeline/request_log.h"

#include "base/log.h"
#include "base/log_output.h"
#include "pipeline_rig.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static rig r;
static FILE *caught;
static json_t *lines; /* of requests */

static int set_up(void **state)
{
    (void)state;
    caught = tmpfile();
    log_output_set(fileno(caught));
    log_setup(CMP_LOG_INFO, LOG_JSON);
    rig_init(&r);
    lines = json_array();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    rig_dispose(&r);
    json_decref(lines);
    log_output_set(STDERR_FILENO);
    fclose(caught);
    return 0;
}

/* Reads what was logged; returns how many lines of requests there are. */
static size_t logged(void)
{
    static char text[65536];
    json_array_clear(lines);
    const ssize_t size = pread(fileno(caught), text, sizeof(text) - 1, 0);
    text[size > 0 ? size : 0] = '\0';
    for (char *rest = text, *line; (line = strsep(&rest, "\n")) != NULL && *line != '\0';) {
        json_t *read = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
        assert_non_null(read);
        if (strcmp(json_string_value(json_object_get(read, "message")), "request") == 0) {
            json_array_append(lines, read);
        }
        json_decref(read);
    }
    return json_array_size(lines);
}

static const char *text_of(size_t at, const char *name)
{
    return json_string_value(json_object_get(json_array_get(lines, at), name));
}

static json_int_t number_of(size_t at, const char *name)
{
    const json_t *number = json_object_get(json_array_get(lines, at), name);
    return json_is_integer(number) ? json_integer_value(number) : -1;
}

static void ask_one(unsigned number)
{
    char text[64];
    snprintf(text, sizeof(text), "tid=t-%u&ici=1A0F1-1&user=erika", number);
    rig_ask(&r, text);
}

static void ask_many(unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        ask_one(i);
    }
}

static void all_of_it(void **state)
{
    (void)state;
    r.stores[0].verdict = CMP_STORE_FOUND;
    r.stores[0].record.content = CMP_STR("x");
    ask_one(1);
    assert_int_equal(logged(), 1);
    assert_string_equal(text_of(0, "level"), "info");
    assert_string_equal(text_of(0, "area"), "pipeline");
    assert_string_equal(text_of(0, "tid"), "t-1");
    assert_string_equal(text_of(0, "ici"), "1A0F1-1");
    assert_string_equal(text_of(0, "peer"), "b");
    assert_string_equal(text_of(0, "listener"), "peers");
    assert_string_equal(text_of(0, "code"), "ok");
    assert_int_equal(number_of(0, "status"), 200);
    assert_true(number_of(0, "ms") >= 0);
    /* With the four that every line has: nothing of the user, and nothing that is empty. */
    assert_int_equal(json_object_size(json_array_get(lines, 0)), 4 + 7);
}

static void refused_and_rejected(void **state)
{
    (void)state;
    ask_one(1);
    r.auth[0].verdict = CMP_AUTH_REJECT;
    ask_one(2); /* has a line of its own */
    assert_int_equal(logged(), 1);
    assert_int_equal(number_of(0, "status"), 404);
    assert_string_equal(text_of(0, "code"), "unknown_ici");
}

static void none_below_the_level(void **state)
{
    (void)state;
    r.conf.top.log.requests.level = CMP_LOG_DEBUG;
    ask_many(3);
    assert_int_equal(logged(), 0);
    r.conf.top.log.requests.level = CMP_LOG_WARNING;
    log_setup(CMP_LOG_WARNING, LOG_JSON);
    ask_many(2);
    assert_int_equal(logged(), 2);
    assert_string_equal(text_of(0, "level"), "warning");
    log_setup(CMP_LOG_ERROR, LOG_JSON);
    ask_many(2);
    assert_int_equal(logged(), 2);
}

static void the_first_of_so_many(void **state)
{
    (void)state;
    r.conf.top.log.requests.sample = 3;
    ask_many(7);
    assert_int_equal(logged(), 3);
    for (size_t i = 0; i < 3; i++) {
        char tid[8];
        snprintf(tid, sizeof(tid), "t-%zu", 3 * i);
        assert_string_equal(text_of(i, "tid"), tid);
        assert_int_equal(number_of(i, "sample"), 3);
    }
}

static void those_that_leave_no_line_do_not_count(void **state)
{
    (void)state;
    r.conf.top.log.requests.sample = 2;
    r.auth[0].verdict = CMP_AUTH_REJECT;
    ask_many(3);
    r.auth[0].verdict = CMP_AUTH_ACCEPT;
    ask_many(3);
    assert_int_equal(logged(), 2);
    assert_string_equal(text_of(0, "tid"), "t-0");
    assert_string_equal(text_of(1, "tid"), "t-2");
}

static void where_it_came_from_when_wanted(void **state)
{
    (void)state;
    ask_one(1);
    r.conf.top.log.requests.source = true;
    ask_one(2);
    assert_int_equal(logged(), 2);
    assert_null(text_of(0, "source"));
    assert_string_equal(text_of(1, "source"), "::");
}

int main(void)
{
#define LOG_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        LOG_TEST(all_of_it),
        LOG_TEST(refused_and_rejected),
        LOG_TEST(none_below_the_level),
        LOG_TEST(the_first_of_so_many),
        LOG_TEST(those_that_leave_no_line_do_not_count),
        LOG_TEST(where_it_came_from_when_wanted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
