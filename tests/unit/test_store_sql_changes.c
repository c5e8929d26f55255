/* SPDX-License-Identifier: Apache-2.0 */
/* The plugin store_sql with a SQLite file: what is changed in it, by others and by us. */
#include "store_sqlite_rig.h"

enum { VIEW_MS = 10, WATCH_MS = 1000 };

/* ---- what others write ---- */

/* Look-ups that come together see the file as it was at the first one. */
static void test_views(void **state)
{
    lite_rig *f = *state;
    const cmp_record record = lite_content("x");
    lite_open(f);
    lite_assert_verdict(f, "A", CMP_STORE_ABSENT);
    lite_other_sql(f, "insert into cmp_codes (ici, content) values ('A', 'x')");
    lite_assert_verdict(f, "A", CMP_STORE_ABSENT);
    cmp_test_advance(f->host, VIEW_MS);
    lite_assert_verdict(f, "A", CMP_STORE_FOUND);
    lite_assert_verdict(f, "B", CMP_STORE_ABSENT);
    lite_put(f, "B", &record); /* but what we write is seen at once */
    lite_assert_verdict(f, "B", CMP_STORE_FOUND);
    cmp_test_advance(f->host, VIEW_MS);
    assert_int_equal(cmp_test_timers(f->host), 1); /* nothing is held while nobody asks */
    lite_other_sql(f, "pragma wal_checkpoint(truncate)");
}

static void rename_file(const lite_rig *f, const char *from, const char *to)
{
    char old[64], new[64];
    snprintf(old, sizeof(old), "%s%s", f->path, from);
    snprintf(new, sizeof(new), "%s%s", f->path, to);
    assert_int_equal(rename(old, new), 0);
}

/* Those who remember records hear of it. */
static void test_writes_of_others_are_noticed(void **state)
{
    lite_rig *f = *state;
    lite_open(f);
    cmp_test_advance(f->host, 5 * WATCH_MS);
    lite_assert_verdict(f, "A", CMP_STORE_ABSENT);
    cmp_test_advance(f->host, 5 * WATCH_MS);
    assert_int_equal(cmp_test_changed_count(f->host), 0);

    sqlite3 *db = lite_other(f);
    lite_sql(db, "begin; insert into cmp_codes (ici, content) values ('A', 'x')");
    cmp_test_advance(f->host, WATCH_MS);
    assert_int_equal(cmp_test_changed_count(f->host), 0);
    lite_sql(db, "commit");
    sqlite3_close(db);
    cmp_test_advance(f->host, WATCH_MS);
    assert_string_equal(cmp_test_changed(f->host), "*\n");
    assert_int_equal(cmp_test_changed_count(f->host), 1);

    lite_remove_file(f, "-wal");
    rename_file(f, "", "-old");
    cmp_test_advance(f->host, 2 * WATCH_MS);
    assert_int_equal(cmp_test_changed_count(f->host), 1); /* there is nothing to ask */
    rename_file(f, "-old", "");
    cmp_test_advance(f->host, WATCH_MS);
    assert_int_equal(cmp_test_changed_count(f->host), 2);
}

/* Told of a change, nobody is shown the file as it was a moment ago. */
static void test_what_is_noticed_is_seen(void **state)
{
    lite_rig *f = *state;
    char empty[96];
    snprintf(empty, sizeof(empty), "vacuum into '%s-empty'", f->path);
    lite_open(f);
    lite_other_sql(f, empty);
    cmp_test_advance(f->host, 2 * WATCH_MS - 1);
    lite_assert_verdict(f, "A", CMP_STORE_ABSENT);
    lite_other_sql(f, "insert into cmp_codes (ici, content) values ('A', 'x')");
    lite_assert_verdict(f, "A", CMP_STORE_ABSENT); /* a view of some milliseconds */
    cmp_test_advance(f->host, 1);
    assert_int_equal(cmp_test_changed_count(f->host), 1);
    lite_assert_verdict(f, "A", CMP_STORE_FOUND);

    cmp_test_advance(f->host, WATCH_MS - 1);
    lite_other_sql(f, "pragma wal_checkpoint(truncate)"); /* the log is not the next file's */
    lite_assert_verdict(f, "A", CMP_STORE_FOUND);
    rename_file(f, "-empty", "");
    cmp_test_advance(f->host, 1);
    assert_int_equal(cmp_test_changed_count(f->host), 2);
    lite_assert_verdict(f, "A", CMP_STORE_ABSENT);
}

/* ---- writes ---- */

static void test_what_belongs_to_another_file_is_not_written(void **state)
{
    lite_rig *f = *state;
    const cmp_record record = lite_content("x");
    char error[200], other[96];
    lite_open(f);
    snprintf(other, sizeof(other), "vacuum into '%s-other'", f->path);
    lite_other_sql(f, other);
    void *write = lite_ops()->begin(cmp_test_instance(f->host), error, sizeof(error));
    assert_true(lite_ops()->put(cmp_test_instance(f->host), write, CMP_STR("A"), &record, error,
                                sizeof(error)));
    rename_file(f, "-other", "");
    assert_false(lite_ops()->commit(cmp_test_instance(f->host), write, error, sizeof(error)));
    assert_non_null(strstr(error, "was replaced meanwhile"));
    lite_put(f, "B", &record);
    cmp_test_advance(f->host, 2 * WATCH_MS);
    lite_assert_verdict(f, "A", CMP_STORE_ABSENT);
    lite_assert_verdict(f, "B", CMP_STORE_FOUND);
}

static void test_all_or_nothing(void **state)
{
    lite_rig *f = *state;
    const cmp_record one = lite_content("1"), two = lite_content("2");
    cmp_record found;
    char error[200];
    bool existed;
    lite_open(f);
    lite_put(f, "A", &one);
    assert_string_equal(cmp_test_changed(f->host), "A\n");

    void *write = lite_ops()->begin(cmp_test_instance(f->host), error, sizeof(error));
    assert_true(lite_ops()->put(cmp_test_instance(f->host), write, CMP_STR("A"), &two, error,
                                sizeof(error)));
    assert_true(lite_ops()->put(cmp_test_instance(f->host), write, CMP_STR("B"), &two, error,
                                sizeof(error)));
    assert_int_equal(lite_look_up(f, "A", &found), CMP_STORE_FOUND); /* not visible before commit */
    lite_assert_str(found.content, "1");
    lite_assert_verdict(f, "B", CMP_STORE_ABSENT);
    lite_ops()->abort(cmp_test_instance(f->host), write);
    assert_int_equal(lite_look_up(f, "A", &found), CMP_STORE_FOUND);
    lite_assert_str(found.content, "1");
    assert_string_equal(cmp_test_changed(f->host), "A\n");

    write = lite_ops()->begin(cmp_test_instance(f->host), error, sizeof(error));
    assert_true(lite_ops()->put(cmp_test_instance(f->host), write, CMP_STR("B"), &two, error,
                                sizeof(error)));
    assert_true(lite_ops()->remove(cmp_test_instance(f->host), write, CMP_STR("A"), &existed, error,
                                   sizeof(error)));
    assert_true(existed);
    assert_true(lite_ops()->remove(cmp_test_instance(f->host), write, CMP_STR("C"), &existed, error,
                                   sizeof(error)));
    assert_false(existed);
    assert_true(lite_ops()->commit(cmp_test_instance(f->host), write, error, sizeof(error)));
    lite_assert_verdict(f, "A", CMP_STORE_ABSENT);
    lite_assert_verdict(f, "B", CMP_STORE_FOUND);
    assert_string_equal(cmp_test_changed(f->host), "A\nB\nA\nC\n");
}

static void test_refuses_what_the_table_refuses(void **state)
{
    lite_rig *f = *state;
    char error[200];
    const cmp_record neither = CMP_RECORD_INIT;
    lite_open(f);
    void *write = lite_ops()->begin(cmp_test_instance(f->host), error, sizeof(error));
    assert_false(lite_ops()->put(cmp_test_instance(f->host), write, CMP_STR("A"), &neither, error,
                                 sizeof(error)));
    assert_non_null(strstr(error, "constraint"));
    lite_ops()->abort(cmp_test_instance(f->host), write);
    assert_int_equal(cmp_test_changed_count(f->host), 0);
}

static void test_many_changes_are_told_at_once(void **state)
{
    lite_rig *f = *state;
    const cmp_record record = lite_content("x");
    char error[200];
    lite_open(f);
    void *write = lite_ops()->begin(cmp_test_instance(f->host), error, sizeof(error));
    for (int i = 0; i < 65; i++) {
        char ici[16];
        snprintf(ici, sizeof(ici), "M%d", i);
        assert_true(lite_ops()->put(cmp_test_instance(f->host), write, cmp_str_from(ici), &record,
                                    error, sizeof(error)));
    }
    assert_true(lite_ops()->commit(cmp_test_instance(f->host), write, error, sizeof(error)));
    assert_string_equal(cmp_test_changed(f->host), "*\n");
}

static bool see(cmp_str ici, const cmp_record *record, void *arg)
{
    lite_rig *f = arg;
    const size_t used = strlen(f->seen);
    snprintf(f->seen + used, sizeof(f->seen) - used, "%.*s=%.*s\n", (int)ici.size, ici.at,
             (int)record->content.size, record->content.at);
    return ++f->seen_count != 3;
}

static bool count(cmp_str ici, const cmp_record *record, void *arg)
{
    (void)ici, (void)record;
    ++*(unsigned *)arg;
    return true;
}

static void test_scan(void **state)
{
    lite_rig *f = *state;
    char error[200];
    static const char *const icis[] = {"b", "a", "B", "ab", "c"};
    lite_open(f);
    for (size_t i = 0; i < 5; i++) {
        const cmp_record record = lite_content(icis[i]);
        lite_put(f, icis[i], &record);
    }
    assert_true(
        lite_ops()->scan(cmp_test_instance(f->host), CMP_NONE, see, f, error, sizeof(error)));
    assert_string_equal(f->seen, "B=B\na=a\nab=ab\n"); /* and no more, as it was told */
    f->seen[0] = '\0';
    assert_true(
        lite_ops()->scan(cmp_test_instance(f->host), CMP_STR("ab"), see, f, error, sizeof(error)));
    assert_string_equal(f->seen, "b=b\nc=c\n");
}

/* More rows than a scan takes at once. */
static void test_scan_of_many(void **state)
{
    lite_rig *f = *state;
    char error[200];
    unsigned seen = 0;
    lite_open(f);
    lite_other_sql(
        f, "with recursive n(i) as (select 1 union all select i + 1 from n where i < 20000) "
           "insert into cmp_codes (ici, content) select 'N' || i, 'x' from n");
    assert_true(
        lite_ops()->scan(cmp_test_instance(f->host), CMP_NONE, count, &seen, error, sizeof(error)));
    assert_int_equal(seen, 20000);
    lite_other_sql(f, "update cmp_codes set variants = '{}' where ici = 'N7'");
    assert_false(
        lite_ops()->scan(cmp_test_instance(f->host), CMP_NONE, count, &seen, error, sizeof(error)));
    assert_non_null(strstr(error, "the row of N7: variants"));
}

/* So that the host keeps nothing of a request for it. */
static void test_never_waits(void **state)
{
    lite_rig *f = *state;
    lite_open(f);
    assert_null(lite_ops()->cancel);
    assert_null(lite_ops()->turn_end);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LITE_TEST(test_never_waits),
        LITE_TEST(test_views),
        LITE_TEST(test_writes_of_others_are_noticed),
        LITE_TEST(test_what_is_noticed_is_seen),
        LITE_TEST(test_what_belongs_to_another_file_is_not_written),
        LITE_TEST(test_all_or_nothing),
        LITE_TEST(test_refuses_what_the_table_refuses),
        LITE_TEST(test_many_changes_are_told_at_once),
        LITE_TEST(test_scan),
        LITE_TEST(test_scan_of_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
