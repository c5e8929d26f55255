/* SPDX-License-Identifier: Apache-2.0 */
/* base/log_limit.c: which lines are written, what is said of the rest, and when. */
#include "base/log_limit.h"

#include "base/clock.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

enum { START_MS = 1000000, MINUTE_MS = 60000, TEXT_SIZE = 64 * 1024, THREADS = 4, LINES = 5000 };

static int saved = -1;
static FILE *caught; /* what goes to stderr during a test */
static char text[TEXT_SIZE];

static int catch_begin(void **state)
{
    (void)state;
    log_setup(CMP_LOG_INFO, LOG_TEXT);
    caught = tmpfile();
    saved = dup(STDERR_FILENO);
    dup2(fileno(caught), STDERR_FILENO);
    clock_set_ms(START_MS);
    return 0;
}

static int catch_end(void **state)
{
    (void)state;
    log_limits_flush(); /* the next test begins with nothing untold */
    dup2(saved, STDERR_FILENO);
    close(saved);
    fclose(caught);
    clock_set_ms(0);
    return 0;
}

/* What was logged since the last time. */
static const char *logged(void)
{
    const ssize_t size = pread(fileno(caught), text, sizeof(text) - 1, 0);
    text[size > 0 ? size : 0] = '\0';
    assert_int_equal(ftruncate(fileno(caught), 0), 0);
    lseek(STDERR_FILENO, 0, SEEK_SET);
    return text;
}

static unsigned times(const char *in, const char *words)
{
    unsigned count = 0;
    for (const char *at = in; (at = strstr(at, words)) != NULL; at++) {
        count++;
    }
    return count;
}

static void say(log_limit *l, const char *who, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        log_limited(l, cmp_str_from(who), NULL, NULL, 0, "<%s> fails", who);
    }
}

static void say_from(log_limit *l, const uint8_t address[16], unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        log_limited(l, (cmp_str){(const char *)address, 16}, NULL, NULL, 0, "<line>");
    }
}

/* ---- how many ---- */

static void each_subject_has_its_allowance(void **state)
{
    (void)state;
    static log_limit l = {
        .area = "a", .what = "failures", .name = "peer", .each = {3, 3}, .all = {100, 100}};
    say(&l, "b", 50);
    say(&l, "c", 1);
    const char *lines = logged();
    assert_int_equal(times(lines, "<b>"), 3);
    assert_int_equal(times(lines, "<c>"), 1);
}

static void the_next_line_says_how_many_were_not(void **state)
{
    (void)state;
    static log_limit l = {
        .area = "a", .what = "failures", .name = "peer", .each = {3, 3}, .all = {100, 100}};
    say(&l, "b", 50);
    clock_set_ms(START_MS + MINUTE_MS / 3);
    (void)logged();
    say(&l, "b", 2);
    const char *lines = logged();
    assert_int_equal(times(lines, "<b>"), 1);
    assert_non_null(strstr(lines, "not_logged=\"47\""));
}

static void one_line_a_minute_can_be_said(void **state)
{
    (void)state;
    static log_limit l = {.area = "a",
                          .what = "measures",
                          .name = "peer",
                          .each = LOG_EACH_MINUTE,
                          .all = LOG_ALL_TOGETHER};
    for (int64_t second = 0; second < 10 * 60; second++) {
        clock_set_ms(START_MS + second * 1000);
        say(&l, "b", 3);
        log_limits_tick();
    }
    assert_int_equal(times(logged(), "\n"), 10);
}

static void causes_of_one_subject_are_told_apart(void **state)
{
    (void)state;
    static log_limit l = {
        .area = "a", .what = "failures", .name = "peer", .each = {1, 1}, .all = {100, 100}};
    for (int i = 0; i < 9; i++) {
        log_limited(&l, CMP_STR("b"), "time-out", NULL, 0, "<time-out>");
        log_limited(&l, CMP_STR("b"), "garbage", NULL, 0, "<garbage>");
    }
    const char *lines = logged();
    assert_int_equal(times(lines, "<time-out>"), 1);
    assert_int_equal(times(lines, "<garbage>"), 1);
}

static void all_together_have_an_allowance(void **state)
{
    (void)state;
    static log_limit l = {
        .area = "a", .what = "failures", .name = "peer", .each = {6, 6}, .all = {20, 20}};
    const uint64_t before = log_limits_count();
    for (int i = 0; i < 10000; i++) {
        char who[16];
        snprintf(who, sizeof(who), "%d", i);
        say(&l, who, 1);
    }
    assert_int_equal(times(logged(), "\n"), 20);
    assert_int_equal(log_limits_count() - before, 10000 - 20);
}

static void more_subjects_than_fit_share_an_allowance(void **state)
{
    (void)state;
    enum { MANY = 100 * LOG_LIMIT_SUBJECTS };
    static log_limit l = {
        .area = "a", .what = "failures", .name = "peer", .each = {1, 1}, .all = {MANY, MANY}};
    for (int i = 0; i < MANY; i++) {
        char who[16];
        snprintf(who, sizeof(who), "%d", i);
        say(&l, who, 2);
    }
    const unsigned lines = times(logged(), "fails");
    assert_in_range(lines, LOG_LIMIT_SUBJECTS / 2, LOG_LIMIT_SUBJECTS + 1);
    log_limits_flush();
    assert_non_null(strstr(logged(), "failures were not logged peer=\"others\""));
}

/* Else those who have no place would take the lines of those who have one. */
static void those_who_share_take_no_more_than_their_share(void **state)
{
    (void)state;
    static log_limit l = {.area = "a",
                          .what = "failures",
                          .name = "peer",
                          .each = {6, 2},
                          .all = {6, 3 * LOG_LIMIT_SUBJECTS}};
    say(&l, "b", 1);
    for (int i = 0; i < 100 * LOG_LIMIT_SUBJECTS; i++) {
        char who[16];
        snprintf(who, sizeof(who), "%d", i);
        say(&l, who, 1);
    }
    (void)logged();
    say(&l, "b", 1);
    assert_int_equal(times(logged(), "<b>"), 1);
}

/* A place is given to somebody else when its allowance is whole again. */
static void subjects_give_way_when_they_are_quiet(void **state)
{
    (void)state;
    static log_limit l = {
        .area = "a", .what = "failures", .name = "peer", .each = {1, 1}, .all = {600, 600}};
    for (int i = 0; i < 20 * LOG_LIMIT_SUBJECTS; i++) {
        char who[16];
        snprintf(who, sizeof(who), "%d", i);
        clock_set_ms(START_MS + (int64_t)i * 2 * MINUTE_MS);
        say(&l, who, 1);
    }
    assert_int_equal(times(logged(), "fails"), 20 * LOG_LIMIT_SUBJECTS);
}

static void what_is_not_wanted_is_not_counted(void **state)
{
    (void)state;
    static log_limit l = {.level = CMP_LOG_DEBUG,
                          .area = "a",
                          .what = "failures",
                          .name = "peer",
                          .each = {1, 1},
                          .all = {1, 1}};
    const uint64_t before = log_limits_count();
    say(&l, "b", 9);
    log_limits_flush();
    assert_string_equal(logged(), "");
    assert_int_equal(log_limits_count(), before);
}

/* ---- what is said of the rest ---- */

static void quiet_brings_the_count(void **state)
{
    (void)state;
    static log_limit l = {
        .area = "a", .what = "failures", .name = "peer", .each = {6, 2}, .all = {100, 100}};
    say(&l, "b", 50);
    (void)logged();
    log_limits_tick();
    assert_string_equal(logged(), "");
    clock_set_ms(START_MS + 3000); /* quiet, but a line of its own is not allowed yet */
    log_limits_tick();
    assert_string_equal(logged(), "");
    clock_set_ms(START_MS + 10000);
    log_limits_tick();
    assert_non_null(strstr(logged(), " error a: 48 more failures were not logged peer=\"b\"\n"));
    clock_set_ms(START_MS + 60000);
    log_limits_tick();
    assert_string_equal(logged(), "");
}

static void what_goes_on_is_not_quiet(void **state)
{
    (void)state;
    static log_limit l = {
        .area = "a", .what = "failures", .name = "peer", .each = {600, 1}, .all = {600, 600}};
    say(&l, "b", 2);
    clock_set_ms(START_MS + 1000);
    say(&l, "b", 2);
    assert_int_equal(times(logged(), "<b>"), 2);
    clock_set_ms(START_MS + 2500);
    log_limits_tick();
    assert_string_equal(logged(), "");
}

static void the_end_tells_everything(void **state)
{
    (void)state;
    static log_limit l = {
        .area = "a", .what = "failures", .name = "peer", .each = {1, 1}, .all = {100, 100}};
    log_limited(&l, CMP_STR("b"), "time-out", NULL, 0, "1");
    log_limited(&l, CMP_STR("b"), "time-out", NULL, 0, "2");
    (void)logged();
    log_limits_flush();
    assert_non_null(
        strstr(logged(), "1 more failures were not logged peer=\"b\" cause=\"time-out\"\n"));
}

static void a_part_of_ours_is_the_area(void **state)
{
    (void)state;
    static log_limit l = {.what = "bad answers", .each = {1, 1}, .all = {9, 9}};
    say(&l, "codes", 2);
    log_limits_flush();
    const char *lines = logged();
    assert_non_null(strstr(lines, " error codes: <codes> fails\n"));
    assert_non_null(strstr(lines, " error codes: 1 more bad answers were not logged\n"));
}

/* ---- sources ---- */

static void sources_are_shown_as_people_write_them(void **state)
{
    (void)state;
    static log_limit l = {.area = "a",
                          .what = "rejections",
                          .name = "source",
                          .by = LOG_BY_SOURCE,
                          .each = {1, 1},
                          .all = {100, 100}};
    const uint8_t v4[16] = {[10] = 0xff, [11] = 0xff, 192, 0, 2, 1};
    const uint8_t v6[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 1};
    say_from(&l, v4, 3);
    say_from(&l, v6, 4);
    log_limits_flush();
    const char *lines = logged();
    assert_non_null(strstr(lines, "2 more rejections were not logged source=\"192.0.2.1\""));
    assert_non_null(strstr(lines, "3 more rejections were not logged source=\"2001:db8::/64\""));
}

static void one_ipv6_network_is_one_source(void **state)
{
    (void)state;
    static log_limit l = {.area = "a",
                          .what = "rejections",
                          .name = "source",
                          .by = LOG_BY_SOURCE,
                          .each = {1, 1},
                          .all = {100, 100}};
    uint8_t v4[16] = {[10] = 0xff, [11] = 0xff, 192, 0, 2, 1};
    uint8_t v6[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 1};
    for (uint8_t last = 0; last < 5; last++) {
        v4[15] = v6[15] = last;
        say_from(&l, v4, 1);
        say_from(&l, v6, 1);
    }
    assert_int_equal(times(logged(), "<line>"), 5 + 1);
}

/* ---- threads ---- */

static log_limit shared = {
    .area = "a", .what = "failures", .name = "peer", .each = {5, 5}, .all = {60, 60}};

static void *noisy_main(void *arg)
{
    (void)arg;
    for (int i = 0; i < LINES; i++) {
        log_limited(&shared, i % 2 == 0 ? CMP_STR("b") : CMP_STR("c"), NULL, NULL, 0, "<line>");
    }
    return NULL;
}

static void threads_share_an_allowance_and_lose_no_count(void **state)
{
    (void)state;
    pthread_t threads[THREADS];
    const uint64_t before = log_limits_count();
    for (int i = 0; i < THREADS; i++) {
        pthread_create(&threads[i], NULL, noisy_main, NULL);
    }
    log_limits_tick();
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(times(logged(), "<line>"), 10);
    assert_int_equal(log_limits_count() - before, THREADS * LINES - 10);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, catch_begin, catch_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_subject_has_its_allowance),
        TEST(the_next_line_says_how_many_were_not),
        TEST(one_line_a_minute_can_be_said),
        TEST(causes_of_one_subject_are_told_apart),
        TEST(all_together_have_an_allowance),
        TEST(more_subjects_than_fit_share_an_allowance),
        TEST(those_who_share_take_no_more_than_their_share),
        TEST(subjects_give_way_when_they_are_quiet),
        TEST(what_is_not_wanted_is_not_counted),
        TEST(quiet_brings_the_count),
        TEST(what_goes_on_is_not_quiet),
        TEST(the_end_tells_everything),
        TEST(a_part_of_ours_is_the_area),
        TEST(sources_are_shown_as_people_write_them),
        TEST(one_ipv6_network_is_one_source),
        TEST(threads_share_an_allowance_and_lose_no_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
