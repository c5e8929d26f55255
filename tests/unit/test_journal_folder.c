/* SPDX-License-Identifier: Apache-2.0 */
/* The folder's files: what was packed or interrupted is read once, what is written to stays, and
 * names are on the disk as well. */
#include "journal/folder.h"

#include "journal/pack.h"
#include "journal_rig.h"
#include "scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

static int open_folder(void)
{
    const int folder = open(JOURNAL_RIG_FOLDER, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(folder >= 0);
    return folder;
}

static void packed_segments_are_read(void **state)
{
    (void)state;
    journal_options o = journal_rig_options();
    journal *j = journal_rig_start(&o);
    for (uint64_t i = 0; i < 1000; i++) {
        journal_rig_put(j, 0, JOURNAL_TRANSACTION, i);
    }
    journal_close(&j);
    assert_true(pack_file(JOURNAL_RIG_FOLDER "/journal-00000001.cmpj"));
    assert_int_equal(journal_rig_files(".cmpj"), 0);
    j = journal_rig_start(&o);
    journal_rig_put(j, 0, JOURNAL_TRANSACTION, 0);
    journal_close(&j);
    assert_int_equal(journal_rig_files(".cmpj"), 1);
    assert_int_equal(journal_rig_read(JOURNAL_STREAM_JOURNAL, NULL, NULL).records, 1001);
}

static void what_is_written_to_is_not_packed(void **state)
{
    (void)state;
    const journal_options o = journal_rig_options();
    journal *j = journal_rig_start(&o);
    const int folder = open_folder();
    segment_file f = {.stream = JOURNAL_STREAM_JOURNAL};
    segment_name(f.stream, 1, f.name);
    journal_rig_put(j, 0, JOURNAL_TRANSACTION, 0);
    while (!segment_is_open(folder, &f)) {
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    close(folder);
    assert_false(pack_file(JOURNAL_RIG_FOLDER "/journal-00000001.cmpj"));
    assert_int_equal(errno, EWOULDBLOCK);
    assert_int_equal(journal_rig_files(".cmpj"), 1);
    journal_close(&j);
    assert_true(pack_file(JOURNAL_RIG_FOLDER "/journal-00000001.cmpj"));
}

/* Two who write take their numbers as they begin: by then one of them may be used up. */
static void a_number_of_a_packed_segment_is_used_no_more(void **state)
{
    (void)state;
    const journal_options o = journal_rig_options();
    journal *first = journal_rig_start(&o), *second = journal_rig_start(&o);
    journal_rig_put(first, 0, JOURNAL_TRANSACTION, 0);
    journal_close(&first);
    assert_true(pack_file(JOURNAL_RIG_FOLDER "/journal-00000001.cmpj"));
    journal_rig_put(second, 0, JOURNAL_TRANSACTION, 0);
    journal_close(&second);
    assert_int_equal(journal_rig_read(JOURNAL_STREAM_JOURNAL, NULL, NULL).records, 2);
}

/* A segment of one record, packed, and the plain file of it as well. */
static void interrupt_packing(const journal_options *o)
{
    journal *j = journal_rig_start(o);
    journal_rig_put(j, 0, JOURNAL_TRANSACTION, 0);
    journal_close(&j);
    assert_int_equal(link(JOURNAL_RIG_FOLDER "/journal-00000001.cmpj", "kept"), 0);
    assert_true(pack_file(JOURNAL_RIG_FOLDER "/journal-00000001.cmpj"));
    assert_int_equal(rename("kept", JOURNAL_RIG_FOLDER "/journal-00000001.cmpj"), 0);
}

static void what_an_interrupted_packing_left_goes(void **state)
{
    (void)state;
    const journal_options o = journal_rig_options();
    interrupt_packing(&o);
    const int folder = open_folder();
    assert_true(pack_clean_up(folder));
    assert_int_equal(journal_rig_files(".cmpj"), 0);
    assert_int_equal(journal_rig_files(".zst"), 1);
    assert_int_equal(journal_rig_read(JOURNAL_STREAM_JOURNAL, NULL, NULL).records, 1);
    close(folder);
}

static void another_file_of_its_number_stays(void **state)
{
    (void)state;
    const journal_options o = journal_rig_options();
    interrupt_packing(&o);
    const int fd = open(JOURNAL_RIG_FOLDER "/journal-00000001.cmpj", O_WRONLY);
    const int folder = open_folder();
    assert_int_equal(pwrite(fd, "another run", 11, SEGMENT_HEAD_SIZE - 11), 11);
    close(fd);
    assert_true(pack_clean_up(folder));
    assert_int_equal(journal_rig_files(".cmpj"), 1);
    close(folder);
}

/* A process that was killed while it wrote one anew. */
static void what_did_not_become_whole_goes(void **state)
{
    (void)state;
    static const char *const left[] = {"journal-00000007.cmpj.new",
                                       "journal-00000007.cmpj.zst.part",
                                       "rejected-00000001.cmpj.zst.part", "notes.part"};
    assert_int_equal(mkdir(JOURNAL_RIG_FOLDER, 0750), 0);
    for (size_t i = 0; i < sizeof(left) / sizeof(left[0]); i++) {
        char path[64];
        snprintf(path, sizeof(path), JOURNAL_RIG_FOLDER "/%s", left[i]);
        scratch_write_octets(path, (const uint8_t *)"x", 1);
    }
    const int folder = open_folder();
    assert_true(pack_clean_up(folder));
    assert_int_equal(journal_rig_files(".new"), 0);
    assert_int_equal(journal_rig_files(".part"), 1); /* it is nobody's here */
    close(folder);
}

/* Its process ended when it had made it. */
static void one_without_octets_goes(void **state)
{
    (void)state;
    assert_int_equal(mkdir(JOURNAL_RIG_FOLDER, 0750), 0);
    scratch_write_octets(JOURNAL_RIG_FOLDER "/journal-00000001.cmpj", (const uint8_t *)"", 0);
    assert_true(pack_file(JOURNAL_RIG_FOLDER "/journal-00000001.cmpj"));
    assert_int_equal(journal_rig_files(".cmpj") + journal_rig_files(".zst"), 0);
}

int __real_flock(int fd, int operation);
int __wrap_flock(int fd, int operation);

static _Atomic bool takes_it; /* somebody takes the next one for one that has ended */

int __wrap_flock(int fd, int operation)
{
    if (operation == LOCK_EX && takes_it) {
        takes_it = false;
        assert_int_equal(unlink(JOURNAL_RIG_FOLDER "/journal-00000001.cmpj"), 0);
    }
    return __real_flock(fd, operation);
}

static void one_that_goes_before_it_is_locked_is_made_again(void **state)
{
    (void)state;
    const journal_options o = journal_rig_options();
    takes_it = true;
    journal *j = journal_rig_start(&o);
    journal_rig_put(j, 0, JOURNAL_TRANSACTION, 0);
    journal_close(&j);
    assert_false(takes_it);
    assert_int_equal(journal_rig_read(JOURNAL_STREAM_JOURNAL, NULL, NULL).records, 1);
}

/* ---- what is on the disk ---- */

int __real_fsync(int fd);
int __wrap_fsync(int fd);

static _Atomic unsigned folder_syncs;
static unsigned plain_then, packed_then; /* when the folder's names were last made sure of */
static bool packed_first;

int __wrap_fsync(int fd)
{
    struct stat status, folder;
    if (fstat(fd, &status) == 0 && stat(JOURNAL_RIG_FOLDER, &folder) == 0 &&
        status.st_ino == folder.st_ino && status.st_dev == folder.st_dev) {
        plain_then = journal_rig_files(".cmpj");
        packed_then = journal_rig_files(".zst");
        packed_first |= plain_then == 1 && packed_then == 1;
        folder_syncs++;
    }
    return __real_fsync(fd);
}

static void names_are_on_the_disk_as_well(void **state)
{
    (void)state;
    journal_options o = journal_rig_options();
    o.fsync = JOURNAL_FSYNC_BATCH;
    folder_syncs = 0;
    packed_first = false;
    journal *j = journal_rig_start(&o);
    journal_rig_put(j, 0, JOURNAL_TRANSACTION, 0);
    while (folder_syncs == 0) { /* of the segment's name, and of nothing else */
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    journal_rig_put(j, 0, JOURNAL_TRANSACTION, 1);
    journal_close(&j);
    assert_int_equal(folder_syncs, 1);
    assert_int_equal(plain_then, 1);
    assert_true(pack_file(JOURNAL_RIG_FOLDER "/journal-00000001.cmpj"));
    assert_true(packed_first); /* before the plain one goes */
    assert_int_equal(plain_then, 0);
    assert_int_equal(packed_then, 1);
}

static void what_root_makes_is_the_owners(void **state)
{
    (void)state;
    if (geteuid() != 0) {
        skip();
    }
    const journal_options o = journal_rig_options();
    journal *j = journal_rig_start(&o);
    journal_rig_put(j, 0, JOURNAL_TRANSACTION, 0);
    journal_close(&j);
    assert_int_equal(chown(JOURNAL_RIG_FOLDER, 1234, 1235), 0);
    assert_int_equal(chown(JOURNAL_RIG_FOLDER "/journal-00000001.cmpj", 1236, 1237), 0);
    assert_true(pack_file(JOURNAL_RIG_FOLDER "/journal-00000001.cmpj"));
    struct stat status;
    assert_int_equal(stat(JOURNAL_RIG_FOLDER "/" FOLDER_REWRITE, &status), 0);
    assert_true(status.st_uid == 1234 && status.st_gid == 1235);
    assert_int_equal(stat(JOURNAL_RIG_FOLDER "/journal-00000001.cmpj.zst", &status), 0);
    assert_true(status.st_uid == 1236 && status.st_gid == 1237);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(packed_segments_are_read, journal_rig_begin),
        cmocka_unit_test_setup(what_is_written_to_is_not_packed, journal_rig_begin),
        cmocka_unit_test_setup(a_number_of_a_packed_segment_is_used_no_more, journal_rig_begin),
        cmocka_unit_test_setup(what_an_interrupted_packing_left_goes, journal_rig_begin),
        cmocka_unit_test_setup(another_file_of_its_number_stays, journal_rig_begin),
        cmocka_unit_test_setup(what_did_not_become_whole_goes, journal_rig_begin),
        cmocka_unit_test_setup(one_without_octets_goes, journal_rig_begin),
        cmocka_unit_test_setup(one_that_goes_before_it_is_locked_is_made_again, journal_rig_begin),
        cmocka_unit_test_setup(names_are_on_the_disk_as_well, journal_rig_begin),
        cmocka_unit_test_setup(what_root_makes_is_the_owners, journal_rig_begin),
    };
    return cmocka_run_group_tests(tests, scratch_enter, scratch_leave);
}
