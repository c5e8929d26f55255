/* SPDX-License-Identifier: Apache-2.0 */
/* The plugin store_sql with a SQLite file: the write-ahead log, which would be taken for another
 * file's. It is emptied, and nobody is in the way of others meanwhile. */
#include "store_sqlite_rig.h"

#include <sys/stat.h>

enum { WATCH_MS = 1000 };

static long log_size(const lite_rig *f)
{
    char path[64];
    struct stat status;
    snprintf(path, sizeof(path), "%s-wal", f->path);
    assert_int_equal(stat(path, &status), 0);
    return (long)status.st_size;
}

static void test_the_log_is_emptied(void **state)
{
    lite_rig *f = *state;
    const cmp_record record = lite_content("x");
    lite_open(f);
    cmp_test_advance(f->host, 2 * WATCH_MS);
    sqlite3 *reader = lite_other(f);
    for (unsigned turn = 1; turn <= 2; turn++) {
        lite_other_sql(f, "insert or replace into cmp_codes (ici, content) values ('A', 'x')");
        lite_sql(reader, "begin; select * from cmp_codes");
        cmp_test_advance(f->host, 3 * WATCH_MS); /* it is not waited for */
        assert_true(log_size(f) > 0);
        lite_sql(reader, "commit");
        cmp_test_advance(f->host, WATCH_MS);
        assert_int_equal(log_size(f), 0);
        cmp_test_advance(f->host, 3 * WATCH_MS);
        assert_int_equal(cmp_test_changed_count(f->host), turn); /* which is no change */
    }
    sqlite3_close(reader);
    lite_put(f, "B", &record);
    lite_assert_verdict(f, "B", CMP_STORE_FOUND); /* and has a view */
    cmp_test_advance(f->host, 2 * WATCH_MS);
    assert_int_equal(log_size(f), 0);
}

/* Two daemons, or one that drains beside its successor. */
static void test_two_that_watch_come_to_rest(void **state)
{
    lite_rig *f = *state;
    cmp_test *hosts[2] = {f->host, cmp_test_create()};
    unsigned before[2];
    lite_open(f);
    assert_true(cmp_test_open_filled(hosts[1], &cmp_plugin_descriptor, f->options));
    sqlite3 *writer = lite_other(f); /* stays, or the log would go with it */
    lite_sql(writer, "insert into cmp_codes (ici, content) values ('A', 'x')");
    for (int turn = 0; turn < 20; turn++) {
        for (int i = 0; i < 2; i++) {
            before[i] = cmp_test_changed_count(hosts[i]);
            cmp_test_advance(hosts[i], WATCH_MS);
        }
    }
    assert_int_equal(log_size(f), 0);
    for (int i = 0; i < 2; i++) {
        assert_in_range(before[i], 1, 3);
        assert_int_equal(cmp_test_changed_count(hosts[i]), before[i]);
    }
    sqlite3_close(writer);
    cmp_test_destroy(&hosts[1]);
}

/* ---- SQLite's way to the disk, with somebody else who writes at each step of it ---- */

static struct {
    sqlite3_vfs vfs;
    sqlite3_vfs *below;
    sqlite3_io_methods methods;
    int (*write)(sqlite3_file *, const void *, int, sqlite3_int64);
    sqlite3 *writer, *reader; /* NULL: as ever */
    unsigned copied, slept;
} disk;

static void write_beside(void)
{
    lite_sql(disk.writer, "begin immediate; rollback");
}

static int disk_write(sqlite3_file *file, const void *at, int size, sqlite3_int64 offset)
{
    if (disk.writer != NULL) {
        disk.copied++;
        write_beside();
    }
    return disk.write(file, at, size, offset);
}

static int disk_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out)
{
    const int code = disk.below->xOpen(vfs, name, file, flags, out);
    if (code == SQLITE_OK && (flags & SQLITE_OPEN_MAIN_DB) != 0) {
        disk.methods = *file->pMethods;
        disk.write = disk.methods.xWrite;
        disk.methods.xWrite = disk_write;
        file->pMethods = &disk.methods;
    }
    return code;
}

static int disk_sleep(sqlite3_vfs *vfs, int time_us)
{
    (void)vfs;
    if (disk.writer != NULL && ++disk.slept == 2) {
        lite_sql(disk.reader, "commit");
    }
    if (disk.writer != NULL) {
        write_beside();
    }
    return time_us;
}

static int disk_set_up(void **state)
{
    disk.below = sqlite3_vfs_find(NULL);
    disk.vfs = *disk.below;
    disk.vfs.zName = "disk";
    disk.vfs.xOpen = disk_open;
    disk.vfs.xSleep = disk_sleep;
    disk.copied = disk.slept = 0;
    assert_int_equal(sqlite3_vfs_register(&disk.vfs, 1), SQLITE_OK);
    return lite_set_up(state);
}

static int disk_tear_down(void **state)
{
    sqlite3_vfs_unregister(&disk.vfs);
    sqlite3_vfs_register(disk.below, 1);
    return lite_tear_down(state);
}

static void test_others_write_while_the_log_is_copied(void **state)
{
    lite_rig *f = *state;
    lite_open(f);
    sqlite3 *writer = lite_other(f);
    lite_sql(writer, "insert into cmp_codes (ici, content) values ('A', 'x')");
    disk.writer = writer;
    cmp_test_advance(f->host, WATCH_MS);
    disk.writer = NULL;
    assert_true(disk.copied > 0);
    assert_int_equal(log_size(f), 0);
    sqlite3_close(writer);
}

/* A tool, with a daemon that looks codes up beside it. */
static void test_others_write_while_a_reader_is_waited_for(void **state)
{
    lite_rig *f = *state;
    const cmp_host *host = cmp_test_host(f->host);
    char error[200];
    const cmp_record record = lite_content("x");
    void *tool = sqlite_driver.create(host, f->options, NULL, NULL);
    sqlite3 *writer = lite_other(f), *reader = lite_other(f);
    void *write = lite_ops()->begin(tool, error, sizeof(error));
    assert_true(lite_ops()->put(tool, write, CMP_STR("A"), &record, error, sizeof(error)));
    lite_sql(reader, "begin; select * from cmp_codes");
    lite_sql(writer, "select * from cmp_codes");
    disk.reader = reader;
    disk.writer = writer;
    assert_true(lite_ops()->commit(tool, write, error, sizeof(error)));
    disk.writer = NULL;
    assert_int_equal(disk.slept, 2);
    assert_int_equal(log_size(f), 0);
    sqlite3_close(reader);
    sqlite3_close(writer);
    sqlite_driver.destroy(tool);
}

#define DISK_TEST(test) cmocka_unit_test_setup_teardown(test, disk_set_up, disk_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LITE_TEST(test_the_log_is_emptied),
        LITE_TEST(test_two_that_watch_come_to_rest),
        DISK_TEST(test_others_write_while_the_log_is_copied),
        DISK_TEST(test_others_write_while_a_reader_is_waited_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
