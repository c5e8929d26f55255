/* SPDX-License-Identifier: Apache-2.0 */
/* Reading on while others write: what comes to any file that is written to is read, once. */
#include "journal/reader.h"

#include "base/clock.h"
#include "journal_rig.h"
#include "scratch.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>

#define PATIENCE_MS 10000

static journal_reader *open_span(int64_t from_ms, int64_t until_ms)
{
    journal_reader *r = journal_reader_open(JOURNAL_RIG_FOLDER, JOURNAL_STREAM_JOURNAL,
                                            (journal_span){from_ms, until_ms});
    assert_non_null(r);
    return r;
}

static journal_reader *open_reader(int64_t from_ms)
{
    return open_span(from_ms, INT64_MAX);
}

/* Looks until there is one more. */
static void expect_next(journal_reader *r, const char *tid)
{
    const uint64_t until_ms = clock_monotonic_ms() + PATIENCE_MS;
    const journal_record *record;
    while ((record = journal_reader_next(r)) == NULL) {
        assert_true(clock_monotonic_ms() < until_ms);
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    assert_true(cmp_str_equal(record->texts[JOURNAL_TID], cmp_str_from(tid)));
}

static void expect_no_more(journal_reader *r)
{
    assert_null(journal_reader_next(r));
    journal_reader_end(r);
    const journal_state *s = journal_reader_state(r);
    assert_int_equal(s->damaged + s->torn + s->strange + s->missing + s->twice, 0);
}

static void put(journal *j, unsigned worker, uint64_t number)
{
    journal_rig_put(j, worker, JOURNAL_TRANSACTION, number);
}

/* As if it had been begun, and written to, then. */
static void set_times(const char *name, int64_t created_ms, int64_t modified_ms)
{
    uint8_t octets[SEGMENT_HEAD_SIZE];
    segment_head head;
    FILE *f = fopen(name, "r+");
    assert_non_null(f);
    assert_int_equal(fread(octets, 1, sizeof(octets), f), sizeof(octets));
    assert_true(segment_head_read(octets, &head));
    head.created_us = created_ms * 1000;
    segment_head_write(&head, octets);
    rewind(f);
    assert_int_equal(fwrite(octets, 1, sizeof(octets), f), sizeof(octets));
    assert_int_equal(fclose(f), 0);
    const struct timespec modified = {.tv_sec = modified_ms / 1000};
    assert_int_equal(utimensat(AT_FDCWD, name, (const struct timespec[]){modified, modified}, 0),
                     0);
}

/* At a restart the new process begins a segment, and the old one has something to write still. */
static void the_end_of_the_process_before_is_read(void **state)
{
    (void)state;
    const journal_options o = journal_rig_options();
    journal *before = journal_rig_start(&o), *after = journal_rig_start(&o);
    journal_reader *r = open_reader(INT64_MIN);
    put(before, 0, 1);
    expect_next(r, "0-1");
    put(after, 1, 1);
    expect_next(r, "1-1");
    put(before, 0, 2);
    expect_next(r, "0-2");
    put(after, 1, 2);
    expect_next(r, "1-2");
    put(before, 0, 3);
    journal_close(&before);
    expect_next(r, "0-3");
    put(after, 1, 3);
    expect_next(r, "1-3");
    journal_close(&after);
    expect_no_more(r);
    journal_reader_close(&r);
}

/* Then its new segment comes behind the one that the new process is at. */
static void the_process_before_may_begin_a_segment(void **state)
{
    (void)state;
    journal_options o = journal_rig_options();
    journal *after = journal_rig_start(&o);
    o.segment_bytes = 1;
    journal *before = journal_rig_start(&o);
    journal_reader *r = open_reader(INT64_MIN);
    put(before, 0, 1);
    expect_next(r, "0-1");
    put(after, 1, 1);
    expect_next(r, "1-1");
    for (uint64_t i = 2; i < 5; i++) {
        char tid[16];
        put(before, 0, i);
        snprintf(tid, sizeof(tid), "0-%u", (unsigned)i);
        expect_next(r, tid);
        put(after, 1, i);
        snprintf(tid, sizeof(tid), "1-%u", (unsigned)i);
        expect_next(r, tid);
    }
    assert_int_equal(journal_rig_files(".cmpj"), 5);
    journal_close(&before);
    journal_close(&after);
    expect_no_more(r);
    journal_reader_close(&r);
}

/* Its head comes a moment later; what has only half of one is none. */
static void a_file_that_was_just_made_is_no_fault(void **state)
{
    (void)state;
    const journal_options o = journal_rig_options();
    journal *j = journal_rig_start(&o);
    put(j, 0, 1);
    journal_close(&j);
    char path[128];
    snprintf(path, sizeof(path), "%s/journal-00000002.cmpj", JOURNAL_RIG_FOLDER);
    scratch_write(path, "");
    journal_reader *r = open_reader(INT64_MIN);
    expect_next(r, "0-1");
    expect_no_more(r);
    journal_reader_close(&r);
    scratch_write(path, "cmp");
    r = open_reader(INT64_MIN);
    expect_next(r, "0-1");
    assert_null(journal_reader_next(r));
    journal_reader_end(r);
    assert_int_equal(journal_reader_state(r)->strange, 1);
    journal_reader_close(&r);
}

/* It has written nothing for a while, which is no reason not to look at what it writes next. */
static void a_quiet_process_is_not_left_out(void **state)
{
    (void)state;
    const journal_options o = journal_rig_options();
    journal *before = journal_rig_start(&o), *after = journal_rig_start(&o);
    journal_reader *r = open_reader(INT64_MIN);
    put(before, 0, 1);
    expect_next(r, "0-1");
    put(after, 1, 1);
    expect_next(r, "1-1");
    expect_no_more(r);
    journal_reader_close(&r);
    set_times(JOURNAL_RIG_FOLDER "/journal-00000001.cmpj", 0, 1000);
    const int64_t now_ms = clock_now_ms();
    while (clock_now_ms() == now_ms) { /* the record's time is ours */
    }
    r = open_reader(now_ms + 1);
    assert_null(journal_reader_next(r));
    put(before, 0, 2);
    expect_next(r, "0-2");
    journal_close(&before);
    journal_close(&after);
    expect_no_more(r);
    journal_reader_close(&r);
}

/* ---- numbers ---- */

/* A segment of one record, under another number. */
static void make_segment(unsigned worker, const char *name)
{
    const journal_options o = journal_rig_options();
    journal *j = journal_rig_start(&o);
    put(j, worker, 1);
    journal_close(&j);
    assert_int_equal(rename(JOURNAL_RIG_FOLDER "/journal-00000001.cmpj", name), 0);
}

#define PLACE(number) JOURNAL_RIG_FOLDER "/journal-0000000" #number ".cmpj"

static void a_number_may_be_taken_late(void **state)
{
    (void)state;
    make_segment(0, "first");
    make_segment(1, "second");
    make_segment(1, "third");
    assert_int_equal(rename("first", PLACE(1)), 0);
    journal_reader *r = open_reader(INT64_MIN);
    expect_next(r, "0-1");
    assert_int_equal(rename("third", PLACE(3)), 0);
    expect_next(r, "1-1");
    assert_int_equal(rename("second", PLACE(2)), 0);
    expect_next(r, "1-1");
    expect_no_more(r);
    journal_reader_close(&r);
}

/* On a full disk a file is made, and goes again as nothing can be written to it. */
static void a_number_may_be_taken_again(void **state)
{
    (void)state;
    make_segment(0, "first");
    scratch_write_octets(PLACE(1), (const uint8_t *)"", 0);
    journal_reader *r = open_reader(INT64_MIN);
    assert_null(journal_reader_next(r));
    assert_int_equal(rename("first", PLACE(1)), 0);
    expect_next(r, "0-1");
    expect_no_more(r);
    journal_reader_close(&r);
}

/* Whoever makes a file locks it next, and then writes its head. */
static void one_without_a_head_has_not_ended(void **state)
{
    (void)state;
    make_segment(0, "first");
    make_segment(1, "second");
    assert_int_equal(rename("second", PLACE(2)), 0);
    scratch_write_octets(PLACE(1), (const uint8_t *)"", 0);
    journal_reader *r = open_reader(INT64_MIN);
    expect_next(r, "1-1");
    uint8_t octets[4096];
    FILE *from = fopen("first", "r");
    assert_non_null(from);
    const size_t size = fread(octets, 1, sizeof(octets), from);
    fclose(from);
    scratch_write_octets(PLACE(1), octets, size);
    expect_next(r, "0-1");
    expect_no_more(r);
    journal_reader_close(&r);
}

/* ---- clocks that were set back ---- */

#define HOUR_MS INT64_C(3600000)

static void make_segments(void)
{
    make_segment(0, "first");
    make_segment(1, "second");
    assert_int_equal(rename("first", PLACE(1)), 0);
    assert_int_equal(rename("second", PLACE(2)), 0);
}

static void what_comes_behind_a_clock_that_was_ahead_is_read(void **state)
{
    (void)state;
    make_segments();
    const int64_t now_ms = clock_now_ms();
    set_times(PLACE(1), now_ms + 2 * HOUR_MS, now_ms + 3 * HOUR_MS);
    journal_reader *r = open_span(INT64_MIN, now_ms);
    expect_next(r, "1-1");
    expect_no_more(r);
    journal_reader_close(&r);
}

/* Before its clock was set back, and after. */
static void a_file_of_two_times_is_read(void **state)
{
    (void)state;
    make_segments();
    const int64_t now_ms = clock_now_ms();
    set_times(PLACE(1), now_ms + HOUR_MS, now_ms);
    journal_reader *r = open_span(INT64_MIN, now_ms);
    expect_next(r, "0-1");
    expect_next(r, "1-1");
    expect_no_more(r);
    journal_reader_close(&r);
    set_times(PLACE(1), now_ms, now_ms - HOUR_MS);
    set_times(PLACE(2), now_ms - 2 * HOUR_MS, now_ms - HOUR_MS);
    r = open_span(now_ms - HOUR_MS / 2, INT64_MAX);
    expect_next(r, "0-1");
    expect_no_more(r);
    journal_reader_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_end_of_the_process_before_is_read, journal_rig_begin),
        cmocka_unit_test_setup(the_process_before_may_begin_a_segment, journal_rig_begin),
        cmocka_unit_test_setup(a_quiet_process_is_not_left_out, journal_rig_begin),
        cmocka_unit_test_setup(a_file_that_was_just_made_is_no_fault, journal_rig_begin),
        cmocka_unit_test_setup(a_number_may_be_taken_late, journal_rig_begin),
        cmocka_unit_test_setup(a_number_may_be_taken_again, journal_rig_begin),
        cmocka_unit_test_setup(one_without_a_head_has_not_ended, journal_rig_begin),
        cmocka_unit_test_setup(what_comes_behind_a_clock_that_was_ahead_is_read, journal_rig_begin),
        cmocka_unit_test_setup(a_file_of_two_times_is_read, journal_rig_begin),
    };
    return cmocka_run_group_tests(tests, scratch_enter, scratch_leave);
}
