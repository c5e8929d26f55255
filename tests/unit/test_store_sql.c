/* SPDX-License-Identifier: Apache-2.0 */
/* The plugin store_sql with a SQLite file: its start, a check, and its look-ups. */
#include "store_sqlite_rig.h"

#include <sys/stat.h>
#include <sys/wait.h>

enum { NOBODY = 65534 };

/* ---- options and the file at the start ---- */

static void test_refuses_urls(void **state)
{
    lite_rig *f = *state;
    static const char *const urls[] = {
        "codes.db",
        "sqlite",
        "sqlite:",
        "sqlite::memory:",
        "sqlite://host/codes.db",
        "mysql://localhost/codes",
        "postgresql://[broken/x",
        "postgresql://u:secret%zz@h/d",
    };
    for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
        *(const char **)lite_option(f, "url") = urls[i];
        assert_false(cmp_test_open_filled(f->host, &cmp_plugin_descriptor, f->options));
        assert_true(cmp_test_reported(f->host, "url: expected: "));
        assert_false(cmp_test_reported(f->host, "secret"));
    }
}

static void test_refuses_a_replica(void **state)
{
    lite_rig *f = *state;
    *(const char **)lite_option(f, "replica_url") = "postgresql:///replica";
    lite_refuse(f, "replica_url: is for PostgreSQL only");
}

static void test_missing_file(void **state)
{
    lite_rig *f = *state;
    *(int *)lite_option(f, "create") = 2; /* false */
    lite_refuse(f, "unable to open database file");
    assert_int_equal(access(f->path, F_OK), -1); /* and did not make one */
    *(int *)lite_option(f, "create") = 0;
    snprintf(f->url, sizeof(f->url), "sqlite:%s/none/codes.db", f->folder);
    lite_refuse(f, "unable to open database file");
}

static void test_relative_path(void **state)
{
    lite_rig *f = *state;
    cmp_test_folder(f->host, f->folder);
    strcpy(f->url, "sqlite:codes.db");
    lite_open(f);
    assert_int_equal(access(f->path, F_OK), 0);
}

/* ---- a check ---- */

/* The folder as others see it: names, sizes, times, contents. */
static void look_at_folder(const lite_rig *f, char *at, size_t size)
{
    char command[256];
    snprintf(command, sizeof(command),
             "cd %s && ls -A --full-time | tail -n +2 && stat -c %%z . && cat * 2>&1 | md5sum",
             f->folder);
    FILE *shell = popen(command, "r");
    assert_non_null(shell);
    at[fread(at, 1, size - 1, shell)] = '\0';
    assert_int_equal(pclose(shell), 0);
}

static void check_store(lite_rig *f, const char *why)
{
    char before[2048], after[2048];
    look_at_folder(f, before, sizeof(before));
    cmp_test_purpose(f->host, CMP_PURPOSE_CHECK);
    if (why != NULL) {
        lite_refuse(f, why);
    } else {
        lite_open(f);
        cmp_test_close(f->host);
    }
    cmp_test_purpose(f->host, CMP_PURPOSE_RUN);
    look_at_folder(f, after, sizeof(after));
    assert_string_equal(after, before);
}

static void test_a_check_of_what_is_missing(void **state)
{
    lite_rig *f = *state;
    check_store(f, NULL);
    lite_other_sql(f, "create table of_others (x)");
    check_store(f, NULL);
    *(int *)lite_option(f, "create") = 2; /* false */
    check_store(f, "the schema has version 0");
    unlink(f->path);
    check_store(f, "unable to open database file");
    *(int *)lite_option(f, "create") = 0;
    snprintf(f->url, sizeof(f->url), "sqlite:%s/none/codes.db", f->folder);
    check_store(f, "No such file");
}

static void test_a_check_of_what_may_not_be_written(void **state)
{
    lite_rig *f = *state;
    if (geteuid() != 0) {
        skip();
    }
    lite_other_sql(f, "create table of_others (x)");
    assert_int_equal(chmod(f->path, 0644), 0);
    assert_int_equal(chmod(f->folder, 0755), 0);
    assert_int_equal(seteuid(NOBODY), 0);
    check_store(f, "Permission denied");
    f->url[strlen(f->url) - 1] = 'c';
    check_store(f, "Permission denied");
    assert_int_equal(seteuid(0), 0);
}

/* Another process that has the file open: SQLite shares what it has of one within a process. */
static pid_t holder(const lite_rig *f, const char *text, int *end)
{
    int ready[2], over[2];
    char octet;
    assert_int_equal(pipe(ready) + pipe(over), 0);
    const pid_t child = fork();
    if (child == 0) {
        close(over[1]);
        sqlite3 *db = lite_other(f);
        lite_sql(db, text);
        (void)!write(ready[1], "", 1);
        (void)!read(over[0], &octet, 1);
        sqlite3_close(db);
        _exit(0);
    }
    assert_int_equal(read(ready[0], &octet, 1), 1);
    close(ready[0]), close(ready[1]), close(over[0]);
    *end = over[1];
    return child;
}

static void holder_end(pid_t child, int end)
{
    close(end);
    assert_int_equal(waitpid(child, NULL, 0), child);
}

static void check_beside(lite_rig *f, const char *text, const char *why)
{
    int end;
    const pid_t child = holder(f, text, &end);
    check_store(f, why);
    holder_end(child, end);
    check_store(f, why);
}

/* Whoever has it open meanwhile: nobody, a daemon with a log, somebody without one. */
static void test_a_check_of_what_is_there(void **state)
{
    lite_rig *f = *state;
    lite_open(f);
    cmp_test_close(f->host);
    check_store(f, NULL);

    check_beside(f, "insert into cmp_codes (ici, content) values ('1', 'one')", NULL);
    check_beside(f, "update cmp_schema set version = 2", /* as yet in the log only */
                 "the schema has version 2");
    check_beside(f, "update cmp_schema set version = 1", NULL);
    *(const char **)lite_option(f, "query") = "select content from nowhere where id = $1";
    check_store(f, "no such table: nowhere");
    *(const char **)lite_option(f, "query") = NULL;
    lite_other_sql(f, "pragma journal_mode=delete");
    check_beside(f, "begin immediate; delete from cmp_codes", NULL);
}

static void test_a_check_of_an_odd_name(void **state)
{
    lite_rig *f = *state;
    snprintf(f->path, sizeof(f->path), "%s/a b%%41?x#.db", f->folder);
    snprintf(f->url, sizeof(f->url), "sqlite:%s", f->path);
    lite_open(f);
    cmp_test_close(f->host);
    check_store(f, NULL);
}

static void test_no_database(void **state)
{
    lite_rig *f = *state;
    FILE *file = fopen(f->path, "w");
    assert_non_null(file);
    for (int i = 0; i < 1000; i++) {
        fputs("this is no database ", file);
    }
    fclose(file);
    lite_refuse(f, "file is not a database");
}

static void test_schema_versions(void **state)
{
    lite_rig *f = *state;
    lite_other_sql(f,
                   "create table cmp_schema (version integer); insert into cmp_schema values (0)");
    *(int *)lite_option(f, "create") = 2;
    lite_refuse(f, "the schema has version 0, and 1 is needed: run etc/sql/sqlite/001_codes.sql");
    lite_other_sql(f, "update cmp_schema set version = 2");
    *(int *)lite_option(f, "create") = 0;
    lite_refuse(f, "the schema has version 2, and this program knows 1");
}

static void test_schema_is_that_of_the_file(void **state)
{
    lite_rig *f = *state;
    char text[4096] = "";
    FILE *file = fopen(TEST_SOURCE_DIR "/etc/sql/sqlite/001_codes.sql", "r");
    assert_non_null(file);
    assert_true(fread(text, 1, sizeof(text) - 1, file) > 0);
    fclose(file);
    lite_other_sql(f, text);
    *(int *)lite_option(f, "create") = 2;
    lite_open(f);
}

static void test_refuses_queries(void **state)
{
    lite_rig *f = *state;
    static const struct {
        const char *query, *why;
    } cases[] = {
        {"select content from cmp_codes", "one parameter"},
        {"select content from cmp_codes where ici = $1 or ici = $2", "one parameter"},
        {"delete from t where id = $1", "must be a select"},
        {"select id from t where id = $1", "neither content nor transferred_to"},
        {"select content from nowhere where id = $1", "no such table"},
        {"selct 1", "syntax error"},
    };
    lite_other_sql(f, "create table t (id text); create table cmp_codes (ici text, content text)");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        *(const char **)lite_option(f, "query") = cases[i].query;
        lite_refuse(f, cases[i].why);
    }
}

/* ---- records ---- */

static void test_every_column(void **state)
{
    lite_rig *f = *state;
    static const cmp_condition when[] = {{CMP_STR("language"), CMP_STR("fr")},
                                         {CMP_STR("note"), CMP_STR("\"]}\\")}};
    static const cmp_variant variants[] = {
        {CMP_STR("https://fr.example/\xC3\xA9"), CMP_STR("uri"), when, 2},
        {CMP_STR("[{"), CMP_NONE, when, 1},
    };
    cmp_record record = lite_content("https://example/\xE2\x82\xAC?a='b'&c=\"d\"");
    record.content_type = CMP_STR("uri");
    record.ttl_s = 0;
    record.status = CMP_RECORD_REVOKED;
    record.not_before_ms = -1;
    record.not_after_ms = 1700000000123;
    record.variants = variants;
    record.variant_count = 2;
    lite_open(f);
    lite_put(f, "1A0F1-1", &record);

    cmp_record found;
    assert_int_equal(lite_look_up(f, "1A0F1-1", &found), CMP_STORE_FOUND);
    lite_assert_str(found.content, "https://example/\xE2\x82\xAC?a='b'&c=\"d\"");
    lite_assert_str(found.content_type, "uri");
    assert_null(found.transferred_to.at);
    assert_int_equal(found.ttl_s, 0);
    assert_int_equal(found.status, CMP_RECORD_REVOKED);
    assert_int_equal(found.not_before_ms, -1);
    assert_int_equal(found.not_after_ms, 1700000000123);
    assert_int_equal(found.variant_count, 2);
    lite_assert_str(found.variants[0].content, "https://fr.example/\xC3\xA9");
    lite_assert_str(found.variants[0].content_type, "uri");
    assert_int_equal(found.variants[0].condition_count, 2);
    lite_assert_str(found.variants[0].conditions[1].value, "\"]}\\");
    lite_assert_str(found.variants[1].content, "[{");
    assert_null(found.variants[1].content_type.at);
}

static void test_least_record(void **state)
{
    lite_rig *f = *state;
    cmp_record moved = CMP_RECORD_INIT, plain = lite_content("x"), found;
    moved.transferred_to = CMP_STR("b.example.net");
    lite_open(f);
    lite_put(f, "moved", &moved);
    lite_put(f, "plain", &plain);
    assert_int_equal(lite_look_up(f, "plain", &found), CMP_STORE_FOUND);
    lite_assert_str(found.content, "x");
    assert_null(found.content_type.at);
    assert_int_equal(found.ttl_s, CMP_TTL_UNSET);
    assert_int_equal(found.status, CMP_RECORD_ACTIVE);
    assert_true(found.not_before_ms == CMP_TIME_MIN && found.not_after_ms == CMP_TIME_MAX);
    assert_int_equal(found.variant_count, 0);
    assert_int_equal(lite_look_up(f, "moved", &found), CMP_STORE_FOUND);
    lite_assert_str(found.transferred_to, "b.example.net");
    assert_null(found.content.at);
}

static void test_octet_by_octet(void **state)
{
    lite_rig *f = *state;
    const cmp_record record = lite_content("x");
    lite_open(f);
    lite_put(f, "1A0F1-abc", &record);
    lite_assert_verdict(f, "1A0F1-ABC", CMP_STORE_ABSENT);
    lite_assert_verdict(f, "1A0F1-ab", CMP_STORE_ABSENT);
    lite_assert_verdict(f, "1A0F1-abc ", CMP_STORE_ABSENT);
    lite_assert_verdict(f, "1A0F1-%", CMP_STORE_ABSENT);
    lite_assert_verdict(f, "' or 1=1 --", CMP_STORE_ABSENT);
    lite_assert_verdict(f, "1A0F1-abc", CMP_STORE_FOUND);
}

/* Rows that somebody else has written into a table of his own. */
static void test_rows_that_are_not_understood(void **state)
{
    lite_rig *f = *state;
    static const struct {
        const char *row, *why;
    } cases[] = {
        {"null, null, null, null, null, null, null, null", "content: is NULL"},
        {"'', null, null, null, null, null, null, null", "content: 1 to 65536 octets"},
        {"cast(x'61ff' as text), null, null, null, null, null, null, null", "content: 1 to"},
        {"cast(x'eda080' as text), null, null, null, null, null, null, null", "content: 1 to"},
        {"cast(x'c080' as text), null, null, null, null, null, null, null", "content: 1 to"},
        {"cast(zeroblob(9) as text), null, null, null, null, null, null, null", "content: 1 to"},
        {"replace(hex(zeroblob(40000)), '00', 'ab'), null, null, null, null, null, null, null",
         "content: 1 to"},
        {"'x', 'two words', null, null, null, null, null, null", "content_type: "},
        {"'x', '', null, null, null, null, null, null", "content_type: "},
        {"'x', null, -1, null, null, null, null, null", "ttl: "},
        {"'x', null, 31536001, null, null, null, null, null", "ttl: "},
        {"'x', null, 'soon', null, null, null, null, null", "ttl: "},
        {"'x', null, 1.5, null, null, null, null, null", "ttl: "},
        {"'x', null, null, 'Active', null, null, null, null", "status: "},
        {"'x', null, null, null, 'tomorrow', null, null, null", "not_before: "},
        {"'x', null, null, null, null, '2026-02-29', null, null", "not_after: "},
        {"'x', null, null, null, null, '2026-02-28 24:61', null, null", "not_after: "},
        {"'x', null, null, null, 5, 5, null, null", "not_after: must be later"},
        {"'x', null, null, null, null, null, 'b.example.net', null", "transferred_to: "},
        {"null, null, null, null, null, null, 'b', null", "transferred_to: "},
        {"null, null, null, null, null, null, 'b.example.net\",\"x\":\"', null",
         "transferred_to: "},
        {"'x', null, null, null, null, null, null, '[{]'", "octet"},
        {"'x', null, null, null, null, null, null, '{}'", "variants: an array"},
        {"'x', null, null, null, null, null, null, '[{\"content\":\"y\"}]'", "variants[0].when"},
        {"'x', null, null, null, null, null, null, '[],\"content\":\"z\"'", "content"},
    };
    lite_other_sql(f,
                   "create table t (id, content, content_type, ttl, status, not_before, not_after, "
                   "transferred_to, variants)");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[512];
        snprintf(text, sizeof(text), "insert into t values ('bad-%zu', %s)", i, cases[i].row);
        lite_other_sql(f, text);
    }
    *(const char **)lite_option(f, "query") = "select * from t where id = $1";
    lite_open(f);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char ici[16];
        snprintf(ici, sizeof(ici), "bad-%zu", i);
        lite_assert_verdict(f, ici, CMP_STORE_UNAVAILABLE);
        assert_true(cmp_test_logged(f->host, CMP_LOG_ERROR, ici));
        lite_assert_verdict(f, ici, CMP_STORE_UNAVAILABLE); /* not logged again so soon */
        cmp_test_advance(f->host, 10001);
        lite_assert_verdict(f, ici, CMP_STORE_UNAVAILABLE);
        assert_true(cmp_test_logged(f->host, CMP_LOG_ERROR, cases[i].why));
        cmp_test_advance(f->host, 10001);
    }
    assert_int_equal(cmp_test_counted(f->host, "bad_rows"), 3 * sizeof(cases) / sizeof(cases[0]));
    lite_assert_verdict(f, "bad-", CMP_STORE_ABSENT);
}

static void test_times_as_others_write_them(void **state)
{
    lite_rig *f = *state;
    static const struct {
        const char *text;
        int64_t ms;
    } cases[] = {
        {"1700000000000", 1700000000000},
        {"'1970-01-02'", 86400000},
        {"'1970-01-01 00:00:01'", 1000},
        {"'1969-12-31T23:59:59.999Z'", -1},
        {"'2024-02-29 12:30:00.1234+01'", 1709206200123},
        {"'2024-02-29 12:30:00-0130'", 1709215200000 - 0},
        {"'2024-02-29 12:30+05:30'", 1709190000000},
        {"'infinity'", CMP_TIME_MAX},
    };
    lite_other_sql(f, "create table t (id, content, not_after)");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[200];
        snprintf(text, sizeof(text), "insert into t values ('t%zu', 'x', %s)", i, cases[i].text);
        lite_other_sql(f, text);
    }
    *(const char **)lite_option(f, "query") = "select * from t where id = $1";
    lite_open(f);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char ici[16];
        cmp_record found;
        snprintf(ici, sizeof(ici), "t%zu", i);
        assert_int_equal(lite_look_up(f, ici, &found), CMP_STORE_FOUND);
        if (found.not_after_ms != cases[i].ms) {
            fail_msg("%s: %lld", cases[i].text, (long long)found.not_after_ms);
        }
    }
}

static void test_query_of_the_operator(void **state)
{
    lite_rig *f = *state;
    char error[200];
    cmp_record found;
    lite_other_sql(f, "create table links (code text primary key, target text, valid_to text); "
                      "insert into links values ('A', 'https://a', '2030-01-01')");
    *(const char **)lite_option(f, "query") =
        "select target as CONTENT, valid_to as not_after from links where code = $1";
    lite_open(f);
    assert_int_equal(lite_look_up(f, "A", &found), CMP_STORE_FOUND);
    lite_assert_str(found.content, "https://a");
    assert_true(found.not_after_ms == 1893456000000);
    lite_assert_verdict(f, "B", CMP_STORE_ABSENT);
    assert_null(lite_ops()->begin(cmp_test_instance(f->host), error, sizeof(error)));
    assert_non_null(strstr(error, "only read"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LITE_TEST(test_refuses_urls),
        LITE_TEST(test_refuses_a_replica),
        LITE_TEST(test_missing_file),
        LITE_TEST(test_relative_path),
        LITE_TEST(test_a_check_of_what_is_missing),
        LITE_TEST(test_a_check_of_what_may_not_be_written),
        LITE_TEST(test_a_check_of_what_is_there),
        LITE_TEST(test_a_check_of_an_odd_name),
        LITE_TEST(test_no_database),
        LITE_TEST(test_schema_versions),
        LITE_TEST(test_schema_is_that_of_the_file),
        LITE_TEST(test_refuses_queries),
        LITE_TEST(test_every_column),
        LITE_TEST(test_least_record),
        LITE_TEST(test_octet_by_octet),
        LITE_TEST(test_rows_that_are_not_understood),
        LITE_TEST(test_times_as_others_write_them),
        LITE_TEST(test_query_of_the_operator),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
