/* SPDX-License-Identifier: Apache-2.0 */
/* The plugin store_sql with a SQLite file: one that is locked, gone, replaced, corrupt,
 * full, or may not be written. */
#include "store_sqlite_rig.h"

#include <sys/stat.h>

enum { NOBODY = 65534, RETRY_MS = 2000, VIEW_MS = 10 };

/* ---- a file in trouble ---- */

static void expect_trouble(lite_rig *f, const char *ici, const char *why)
{
    lite_assert_verdict(f, ici, CMP_STORE_UNAVAILABLE);
    assert_true(cmp_test_logged(f->host, CMP_LOG_ERROR, why));
    lite_assert_verdict(f, ici, CMP_STORE_UNAVAILABLE); /* one line is enough */
}

static void expect_recovery(lite_rig *f, const char *ici)
{
    cmp_test_advance(f->host, RETRY_MS);
    lite_assert_verdict(f, ici, CMP_STORE_FOUND);
    assert_true(cmp_test_logged(f->host, CMP_LOG_NOTICE, "answers again"));
}

static void test_locked(void **state)
{
    lite_rig *f = *state;
    const cmp_record record = lite_content("x");
    char error[200];
    lite_open(f);
    lite_put(f, "A", &record);
    sqlite3 *db = lite_other(f);
    lite_sql(db, "begin immediate");
    lite_assert_verdict(f, "A", CMP_STORE_FOUND); /* a writer is in nobody's way */
    assert_null(lite_ops()->begin(cmp_test_instance(f->host), error, sizeof(error)));
    assert_non_null(strstr(error, "locked"));
    lite_sql(db, "rollback");
    sqlite3_close(db);
    lite_put(f, "A", &record);
}

static void test_locked_for_all(void **state)
{
    lite_rig *f = *state;
    lite_other_sql(f, "create table t (id, content); insert into t values ('A', 'x')");
    *(const char **)lite_option(f, "query") = "select content from t where id = $1";
    lite_open(f);
    lite_assert_verdict(f, "A", CMP_STORE_FOUND);
    sqlite3 *db = lite_other(f);
    lite_sql(db, "begin exclusive"); /* no write-ahead log there: readers have to wait */
    expect_trouble(f, "A", "locked");
    sqlite3_close(db);
    expect_recovery(f, "A");
}

static void test_file_vanishes(void **state)
{
    lite_rig *f = *state;
    const cmp_record record = lite_content("x");
    lite_open(f);
    lite_put(f, "A", &record);
    lite_assert_verdict(f, "A", CMP_STORE_FOUND);
    cmp_test_advance(f->host, VIEW_MS);
    char aside[64];
    snprintf(aside, sizeof(aside), "%s.aside", f->path);
    lite_other_sql(f, "pragma wal_checkpoint(truncate)");
    assert_int_equal(rename(f->path, aside), 0);
    cmp_test_advance(f->host, 1000);
    expect_trouble(f, "A", "unable to open database file");
    assert_int_equal(access(f->path, F_OK), -1); /* no empty one in its place */
    lite_remove_files(f);
    assert_int_equal(rename(aside, f->path), 0);
    expect_recovery(f, "A");
}

/* Without a log beside it, so that the file alone can be taken away and put back. */
static void make_plain_file(const lite_rig *f, const char *what)
{
    char text[200];
    snprintf(text, sizeof(text), "create table t (id, content); insert into t values ('A', '%s')",
             what);
    lite_other_sql(f, text);
    *(const char **)lite_option(f, "query") = "select content from t where id = $1";
}

static void test_attempts_become_rare(void **state)
{
    lite_rig *f = *state;
    static const int64_t pauses_ms[] = {100, 200, 400, 800, 1500, 1500};
    char aside[64];
    make_plain_file(f, "x");
    lite_open(f);
    snprintf(aside, sizeof(aside), "%s.aside", f->path);
    assert_int_equal(rename(f->path, aside), 0);
    expect_trouble(f, "A", "unable to open database file");
    for (size_t i = 0; i < sizeof(pauses_ms) / sizeof(pauses_ms[0]); i++) {
        cmp_test_advance(f->host, pauses_ms[i] - 1);
        assert_int_equal(rename(aside, f->path), 0);
        lite_assert_verdict(f, "A", CMP_STORE_UNAVAILABLE); /* nobody looks before it is time */
        assert_int_equal(rename(f->path, aside), 0);
        cmp_test_advance(f->host, 1);
        lite_assert_verdict(f, "A", CMP_STORE_UNAVAILABLE);
    }
    assert_int_equal(rename(aside, f->path), 0);
    expect_recovery(f, "A");
}

/* What was seen at a later time than it is now says nothing. */
static void test_file_is_replaced_and_the_clock_set_back(void **state)
{
    lite_rig *f = *state;
    char aside[64];
    cmp_record found;
    make_plain_file(f, "old");
    snprintf(aside, sizeof(aside), "%s.aside", f->path);
    assert_int_equal(rename(f->path, aside), 0);
    make_plain_file(f, "new");
    char new_path[64];
    snprintf(new_path, sizeof(new_path), "%s.new", f->path);
    assert_int_equal(rename(f->path, new_path), 0);
    assert_int_equal(rename(aside, f->path), 0);
    lite_open(f);
    assert_int_equal(lite_look_up(f, "A", &found), CMP_STORE_FOUND);
    lite_assert_str(found.content, "old");
    assert_int_equal(rename(new_path, f->path), 0);
    assert_int_equal(lite_look_up(f, "A", &found), CMP_STORE_FOUND);
    lite_assert_str(found.content, "old"); /* it is not looked at each time */
    cmp_test_set_time(f->host, cmp_test_now_ms(f->host) - 3600000);
    assert_int_equal(lite_look_up(f, "A", &found), CMP_STORE_FOUND);
    lite_assert_str(found.content, "new");
}

static void test_file_is_replaced(void **state)
{
    lite_rig *f = *state;
    const cmp_record record = lite_content("x");
    lite_open(f);
    lite_put(f, "A", &record);
    lite_assert_verdict(f, "A", CMP_STORE_FOUND);
    lite_remove_files(f);
    FILE *file = fopen(f->path, "w");
    assert_true(fputs("no database at all, but a text of some length that begins otherwise, "
                      "and is longer than the hundred octets of a header",
                      file) > 0);
    fclose(file);
    cmp_test_advance(f->host, 1000);
    expect_trouble(f, "A", "not a database");
}

static void test_corrupt(void **state)
{
    lite_rig *f = *state;
    const cmp_record record = lite_content("x");
    lite_open(f);
    lite_put(f, "A", &record);
    lite_other_sql(f, "pragma wal_checkpoint(truncate)");
    struct stat status;
    assert_int_equal(stat(f->path, &status), 0);
    FILE *file = fopen(f->path, "r+"); /* all but the first page */
    assert_int_equal(fseek(file, 4096, SEEK_SET), 0);
    for (off_t at = 4096; at < status.st_size; at++) {
        fputc(0xA5, file);
    }
    fclose(file);
    expect_trouble(f, "A", "malformed");
    cmp_test_advance(f->host, RETRY_MS);
    lite_assert_verdict(f, "A", CMP_STORE_UNAVAILABLE);
    assert_int_equal(truncate(f->path, 100), 0);
    cmp_test_advance(f->host, RETRY_MS);
    lite_assert_verdict(f, "A", CMP_STORE_UNAVAILABLE);
    assert_true(cmp_test_counted(f->host, "lookups_failed") >= 4);
}

static void test_read_only(void **state)
{
    lite_rig *f = *state;
    const cmp_record record = lite_content("x");
    char error[200];
    lite_other_sql(f,
                   "create table cmp_schema (version integer); insert into cmp_schema values (1); "
                   "create table cmp_codes (ici text primary key, content text, content_type text, "
                   "ttl, status, not_before, not_after, transferred_to, variants); "
                   "insert into cmp_codes (ici, content) values ('A', 'x')");
    assert_int_equal(chmod(f->path, 0444), 0);
    assert_int_equal(chmod(f->folder, 0555), 0);
    if (geteuid() == 0) {
        assert_int_equal(seteuid(NOBODY), 0); /* root may write everything */
    }
    lite_open(f);
    lite_assert_verdict(f, "A", CMP_STORE_FOUND);
    void *write = lite_ops()->begin(cmp_test_instance(f->host), error, sizeof(error));
    if (write != NULL) {
        assert_false(lite_ops()->put(cmp_test_instance(f->host), write, CMP_STR("B"), &record,
                                     error, sizeof(error)));
        lite_ops()->abort(cmp_test_instance(f->host), write);
    }
    assert_non_null(strstr(error, "readonly"));
    cmp_test_close(f->host);
    if (getuid() == 0) {
        assert_int_equal(seteuid(0), 0);
    }
    assert_int_equal(chmod(f->folder, 0755), 0);
}

/* Every connection that is opened from now on has so much room. */
static int limit_pages(sqlite3 *db, char **error, const struct sqlite3_api_routines *routines)
{
    (void)error, (void)routines;
    return sqlite3_exec(db, "pragma max_page_count = 20", NULL, NULL, NULL);
}

static void test_disk_is_full(void **state)
{
    lite_rig *f = *state;
    char error[200], large[4000];
    memset(large, 'x', sizeof(large) - 1);
    large[sizeof(large) - 1] = '\0';
    const cmp_record record = lite_content(large), small = lite_content("x");
    lite_open(f);
    lite_put(f, "A", &small);
    sqlite3_auto_extension((void (*)(void))limit_pages);
    void *write = lite_ops()->begin(cmp_test_instance(f->host), error, sizeof(error));
    sqlite3_reset_auto_extension();
    assert_non_null(write);
    bool good = true;
    for (int i = 0; good && i < 100; i++) {
        char ici[16];
        snprintf(ici, sizeof(ici), "F%d", i);
        good = lite_ops()->put(cmp_test_instance(f->host), write, cmp_str_from(ici), &record, error,
                               sizeof(error));
    }
    assert_false(good);
    assert_non_null(strstr(error, "full"));
    lite_ops()->abort(cmp_test_instance(f->host), write);
    lite_assert_verdict(f, "A", CMP_STORE_FOUND);
    lite_assert_verdict(f, "F0", CMP_STORE_ABSENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LITE_TEST(test_locked),           LITE_TEST(test_locked_for_all),
        LITE_TEST(test_file_vanishes),    LITE_TEST(test_attempts_become_rare),
        LITE_TEST(test_file_is_replaced), LITE_TEST(test_file_is_replaced_and_the_clock_set_back),
        LITE_TEST(test_corrupt),          LITE_TEST(test_read_only),
        LITE_TEST(test_disk_is_full),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
