/* SPDX-License-Identifier: Apache-2.0 */
/* The writer: what workers leave is on the disk when it ends, once and in order; a full disk costs
 * what it says, and a key that was destroyed is none. */
#include "journal/journal.h"

#include "base/clock.h"
#include "journal/pack.h"
#include "journal_rig.h"
#include "scratch.h"

#include <cmp-kit/memory.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

/* ---- workers and the disk ---- */

#define EACH 30000

typedef struct work {
    journal *j;
    unsigned worker;
} work;

/* Not faster than a batch can take: the ring is to be enough. */
static void *write_many(void *arg)
{
    const work *w = arg;
    for (uint64_t i = 0; i < EACH; i++) {
        journal_rig_put(w->j, w->worker, i % 2 == 0 ? JOURNAL_TRANSACTION : JOURNAL_ATTEMPT, i);
        if (i % 500 == 499) {
            nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
        }
    }
    return NULL;
}

typedef struct seen {
    uint64_t next[2];
} seen;

static void check_order(const journal_record *r, void *arg)
{
    seen *s = arg;
    unsigned worker;
    unsigned long long number;
    char text[41] = "";
    memcpy(text, r->texts[JOURNAL_TID].at, r->texts[JOURNAL_TID].size);
    assert_int_equal(sscanf(text, "%u-%llu", &worker, &number), 2);
    assert_int_equal(number, s->next[worker] + r->lost);
    s->next[worker] = number + 1;
}

static void no_segment_is_larger_than(uint64_t size)
{
    segment_files files;
    const int folder = open(JOURNAL_RIG_FOLDER, O_RDONLY | O_DIRECTORY);
    assert_true(segment_files_list(folder, JOURNAL_STREAM_JOURNAL, &files));
    assert_true(files.count > 3);
    for (size_t i = 0; i < files.count; i++) {
        assert_true(files.at[i].size <= size);
    }
    segment_files_free(&files);
    close(folder);
}

static void all_of_all_workers_is_there_in_order(void **state)
{
    (void)state;
    journal_options o = journal_rig_options();
    o.segment_bytes = 64 * 1024; /* so there are many */
    journal *j = journal_rig_start(&o);
    pthread_t threads[2];
    work works[2] = {{j, 0}, {j, 1}};
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, write_many, &works[i]), 0);
    }
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
    }
    journal_close(&j);
    seen s = {{0, 0}};
    const journal_state found = journal_rig_read(JOURNAL_STREAM_JOURNAL, check_order, &s);
    /* On a busy machine some find no room; those at the end have no record behind them to say so.
     */
    const uint64_t last = 2 * EACH - s.next[0] - s.next[1];
    assert_int_equal(found.records + found.lost + last, 2 * EACH);
    assert_true(found.records > EACH / 2);
    assert_int_equal(found.missing + found.twice, 0);
    no_segment_is_larger_than(o.segment_bytes);
}

static void the_room_that_was_made_ready_goes_with_the_end(void **state)
{
    (void)state;
    journal_options o = journal_rig_options();
    journal *j = journal_rig_start(&o);
    journal_rig_put(j, 0, JOURNAL_TRANSACTION, 0);
    struct stat status;
    while (stat(JOURNAL_RIG_FOLDER "/journal-00000001.cmpj", &status) != 0 ||
           status.st_size < 128) {
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    const int64_t size = status.st_size; /* no zeros behind it: a reader sees what was written */
    assert_in_range(size, 128, 4096);
    assert_int_equal(journal_rig_read(JOURNAL_STREAM_JOURNAL, NULL, NULL).records, 1);
    journal_close(&j);
    assert_int_equal(stat(JOURNAL_RIG_FOLDER "/journal-00000001.cmpj", &status), 0);
    assert_int_equal(status.st_size, size);
    assert_true(status.st_blocks * 512 <= 65536);
}

/* The files may not grow beyond a few blocks: what a full disk is like. */
static struct rlimit fill_disk(void)
{
    struct rlimit old;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    const struct rlimit small = {4096, old.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    return old;
}

static void what_finds_no_room_is_counted(void **state)
{
    (void)state;
    journal_options o = journal_rig_options();
    journal *j = journal_rig_start(&o);
    const struct rlimit old = fill_disk();
    uint64_t count = 0;
    for (; count < 120000; count++) { /* more than any ring has room for */
        journal_rig_put(j, 0, JOURNAL_TRANSACTION, count);
    }
    assert_false(journal_refuses(j, 0));
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    for (journal_record r = {.lost = 0}; r.lost == 0;) { /* until the writer comes to it again */
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
        r = journal_rig_put(j, 0, JOURNAL_TRANSACTION, count++);
    }
    journal_close(&j);
    seen s = {{0, 0}};
    const journal_state found = journal_rig_read(JOURNAL_STREAM_JOURNAL, check_order, &s);
    assert_true(found.lost > 0);
    assert_int_equal(found.records + found.lost, count);
    assert_int_equal(found.missing + found.twice, 0);
}

/* Each of those that were let in before may have several records more, when it was forwarded. */
static void nothing_is_lost_where_requests_are_refused(void **state)
{
    (void)state;
    journal_options o = journal_rig_options();
    o.when_full = JOURNAL_REFUSE;
    journal *j = journal_rig_start(&o);
    const struct rlimit old = fill_disk();
    uint64_t count = 0;
    while (!journal_refuses(j, 0)) {
        journal_rig_put(j, 0, JOURNAL_TRANSACTION, count++);
    }
    const uint64_t refused_at = count;
    assert_true(refused_at > 1000);
    for (; count < 5 * refused_at; count++) {
        journal_rig_put(j, 0, JOURNAL_ATTEMPT, count);
        assert_true(journal_refuses(j, 0));
    }
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    while (journal_refuses(j, 0)) { /* until the writer comes to it again */
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    journal_rig_put(j, 0, JOURNAL_TRANSACTION, count++);
    journal_close(&j);
    seen s = {{0, 0}};
    const journal_state found = journal_rig_read(JOURNAL_STREAM_JOURNAL, check_order, &s);
    assert_int_equal(found.records, count);
    assert_int_equal(found.lost + found.missing + found.twice, 0);
}

int64_t __real_clock_now_ms(void);
int64_t __wrap_clock_now_ms(void);
int __real_fdatasync(int fd);
int __wrap_fdatasync(int fd);

static _Atomic int64_t set_back_ms;
static _Atomic unsigned syncs;

int64_t __wrap_clock_now_ms(void)
{
    return __real_clock_now_ms() - set_back_ms;
}

int __wrap_fdatasync(int fd)
{
    syncs++;
    return __real_fdatasync(fd);
}

static void clocks_that_are_set_back_hold_nothing_up(void **state)
{
    (void)state;
    journal_options o = journal_rig_options();
    o.fsync = JOURNAL_FSYNC_SECOND;
    o.segment_age_ms = 1500;
    journal *j = journal_rig_start(&o);
    for (const unsigned before = syncs; syncs == before;) {
        journal_rig_put(j, 0, JOURNAL_TRANSACTION, 0);
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    }
    set_back_ms = JOURNAL_RIG_DAY_MS;
    while (journal_rig_files(".cmpj") < 3 || syncs < 3) { /* else it is here for a day */
        journal_rig_put(j, 0, JOURNAL_TRANSACTION, 0);
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    }
    set_back_ms = 0;
    journal_close(&j);
}

static void rejections_are_few_and_apart(void **state)
{
    (void)state;
    const journal_options o = journal_rig_options();
    journal *j = journal_rig_start(&o);
    for (int64_t now_ms = 1000; now_ms < 4000; now_ms += 10) {
        if (journal_rejection_fits(j, 0, now_ms)) {
            journal_rig_put(j, 0, JOURNAL_REJECTION, (uint64_t)now_ms);
        }
    }
    journal_close(&j);
    assert_int_equal(journal_rig_read(JOURNAL_STREAM_JOURNAL, NULL, NULL).records, 0);
    const journal_state found = journal_rig_read(JOURNAL_STREAM_REJECTIONS, NULL, NULL);
    assert_int_equal(found.records, 3 * 5); /* ten a second for two workers */
    assert_int_equal(found.lost, 190);      /* those behind the last one are not said yet */
}

/* As a restart has it: neither takes the other's file for one that has ended. */
static void two_may_write_in_one_folder(void **state)
{
    (void)state;
    journal_options o = journal_rig_options();
    o.keep_bytes = 1;
    journal *first = journal_rig_start(&o), *second = journal_rig_start(&o);
    for (unsigned i = 0; i < 4; i++) {
        journal_rig_put(first, 0, JOURNAL_TRANSACTION, i);
        journal_rig_put(second, 0, JOURNAL_TRANSACTION, i);
        nanosleep(&(struct timespec){.tv_nsec = 2 * JOURNAL_BATCH_MS * 1000000L}, NULL);
    }
    journal_state found;
    do { /* before one is closed: the other may then remove its file, as there is no room to keep */
        found = journal_rig_read(JOURNAL_STREAM_JOURNAL, NULL, NULL);
    } while (found.records < 8);
    assert_int_equal(journal_rig_files(".cmpj"), 2);
    segment_files files;
    const int folder = open(JOURNAL_RIG_FOLDER, O_RDONLY | O_DIRECTORY);
    assert_true(segment_files_list(folder, JOURNAL_STREAM_JOURNAL, &files));
    assert_true(segment_is_open(folder, &files.at[0]) && segment_is_open(folder, &files.at[1]));
    assert_int_equal(found.records, 8);
    assert_int_equal(found.missing + found.twice, 0);
    journal_close(&first);
    journal_close(&second);
    assert_false(segment_is_open(folder, &files.at[0]) || segment_is_open(folder, &files.at[1]));
    segment_files_free(&files);
    close(folder);
}

/* ---- files that have ended ---- */

/* Says when it was asked for what; the first one is none that it could do. */
static const char packer[] = "#!/bin/sh\n"
                             "echo \"$(date +%s%3N) $2\" >>tries\n"
                             "case $2 in *00000001.cmpj) exit 1 ;; esac\n"
                             "rm \"$2\"\n";

static unsigned read_tries(int64_t times_ms[4], char names[4][64])
{
    char line[128], *name;
    FILE *f = fopen("tries", "r");
    unsigned count = 0;
    while (f != NULL && count < 4 && fgets(line, sizeof(line), f) != NULL) {
        times_ms[count] = strtoll(line, &name, 10);
        snprintf(names[count++], 64, "%.*s", (int)strcspn(name + 1, "\n"), name + 1);
    }
    if (f != NULL) {
        fclose(f);
    }
    return count;
}

static void what_cannot_be_packed_is_tried_again_later(void **state)
{
    (void)state;
    scratch_write("packer", packer);
    assert_int_equal(chmod("packer", 0700), 0);
    journal_options o = journal_rig_options();
    for (uint64_t i = 0; i < 2; i++) {
        journal *j = journal_rig_start(&o);
        journal_rig_put(j, 0, JOURNAL_TRANSACTION, i);
        journal_close(&j);
    }
    o.packer = "./packer";
    journal *j = journal_rig_start(&o);
    int64_t at_ms[4];
    char names[4][64];
    while (read_tries(at_ms, names) < 4) {
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    }
    journal_close(&j);
    assert_string_equal(names[0], JOURNAL_RIG_FOLDER "/journal-00000001.cmpj");
    assert_string_equal(names[1], JOURNAL_RIG_FOLDER "/journal-00000002.cmpj");
    assert_string_equal(names[2], names[0]); /* at once, as the other one could be packed */
    assert_string_equal(names[3], names[0]);
    assert_in_range(at_ms[1] - at_ms[0], 900, 60000);
    assert_in_range(at_ms[3] - at_ms[2], 900, 60000);
}

static void what_is_too_much_goes(void **state)
{
    (void)state;
    journal_options o = journal_rig_options();
    o.segment_bytes = 64 * 1024;
    o.keep_bytes = 256 * 1024;
    journal *j = journal_rig_start(&o);
    for (uint64_t i = 0; i < 20000; i++) {
        journal_rig_put(j, 0, JOURNAL_TRANSACTION, i);
        if (i % 200 == 199) {
            nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
        }
    }
    journal_close(&j);
    const journal_state found = journal_rig_read(JOURNAL_STREAM_JOURNAL, NULL, NULL);
    assert_true(found.records > 100 && found.records < 10000);
    assert_int_equal(found.missing + found.twice, 0);
}

/* ---- pseudonyms ---- */

static void take_pseudonym(const journal_record *r, void *arg)
{
    journal_record *taken = arg;
    taken[r->status] = *r;
}

static void a_destroyed_key_is_used_no_more(void **state)
{
    (void)state;
    journal_options o = journal_rig_options();
    o.pseudonyms = 1U << JOURNAL_USER;
    journal *j = journal_rig_start(&o);
    cmp_str params[CMP_PARAM_MAX] = {
        [CMP_PARAM_USER] = CMP_STR("erika"), [CMP_PARAM_POST] = CMP_STR("ZZ9")};
    journal_record r[3] = {{.kind = JOURNAL_TRANSACTION, .status = 0},
                           {.kind = JOURNAL_TRANSACTION, .status = 1},
                           {.kind = JOURNAL_TRANSACTION, .status = 2}};
    journal_add_pseudonyms(j, &r[0], params);
    journal_put(j, 0, &r[0]);
    journal_add_pseudonyms(j, &r[1], params);
    journal_put(j, 1, &r[1]);
    const int folder = open(JOURNAL_RIG_FOLDER, O_RDONLY | O_DIRECTORY);
    pseudonym_keys keys;
    assert_true(pseudonym_keys_read(folder, &keys));
    assert_int_equal(keys.count, 1);
    assert_int_equal(keys.at[0].id, r[0].key);
    assert_true(pseudonym_key_destroy(folder, &keys.at[0]));
    assert_false(pseudonym_key_kept(folder, &keys.at[0]));
    pseudonym_keys_free(&keys);
    do {
        r[2].pseudonyms = 0;
        journal_add_pseudonyms(j, &r[2], params);
    } while (r[2].key == r[0].key); /* until the writer has seen it */
    journal_put(j, 0, &r[2]);
    close(folder);
    journal_close(&j);
    journal_record read[3];
    journal_rig_read(JOURNAL_STREAM_JOURNAL, take_pseudonym, read);
    assert_int_equal(read[0].pseudonyms, 1U << JOURNAL_USER); /* post was not wanted */
    assert_memory_equal(read[0].personal[JOURNAL_USER], read[1].personal[JOURNAL_USER],
                        JOURNAL_PSEUDONYM_SIZE);
    assert_memory_not_equal(read[0].personal[JOURNAL_USER], read[2].personal[JOURNAL_USER],
                            JOURNAL_PSEUDONYM_SIZE);
}

static void a_key_that_stays_is_not_called_gone(void **state)
{
    (void)state;
    assert_int_equal(mkdir(JOURNAL_RIG_FOLDER, 0750), 0);
    const int folder = open(JOURNAL_RIG_FOLDER, O_RDONLY | O_DIRECTORY);
    pseudonym_key key;
    assert_true(pseudonym_key_make(folder, 1, 1000, &key));
    char path[64];
    snprintf(path, sizeof(path), JOURNAL_RIG_FOLDER "/" FOLDER_KEYS "/%08x.key", key.id);
    assert_int_equal(unlink(path), 0);
    assert_true(pseudonym_key_destroy(folder, &key)); /* somebody else was first */
    assert_int_equal(mkdir(path, 0700), 0);
    assert_false(pseudonym_key_destroy(folder, &key));
    assert_int_equal(errno, EISDIR);
    close(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(all_of_all_workers_is_there_in_order, journal_rig_begin),
        cmocka_unit_test_setup(the_room_that_was_made_ready_goes_with_the_end, journal_rig_begin),
        cmocka_unit_test_setup(what_finds_no_room_is_counted, journal_rig_begin),
        cmocka_unit_test_setup(nothing_is_lost_where_requests_are_refused, journal_rig_begin),
        cmocka_unit_test_setup(clocks_that_are_set_back_hold_nothing_up, journal_rig_begin),
        cmocka_unit_test_setup(rejections_are_few_and_apart, journal_rig_begin),
        cmocka_unit_test_setup(two_may_write_in_one_folder, journal_rig_begin),
        cmocka_unit_test_setup(what_cannot_be_packed_is_tried_again_later, journal_rig_begin),
        cmocka_unit_test_setup(what_is_too_much_goes, journal_rig_begin),
        cmocka_unit_test_setup(a_destroyed_key_is_used_no_more, journal_rig_begin),
        cmocka_unit_test_setup(a_key_that_stays_is_not_called_gone, journal_rig_begin),
    };
    signal(SIGXFSZ, SIG_IGN);
    return cmocka_run_group_tests(tests, scratch_enter, scratch_leave);
}
