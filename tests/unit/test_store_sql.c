/* SPDX-License-Identifier: Apache-2.0 */
/* The plugin store_sql with a SQLite file, as a host sees it: look-ups, writes, scans, and all that
 * may be wrong with a file. */
#include <cmp-test/test.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

extern const cmp_plugin cmp_plugin_descriptor, sqlite_driver;

enum { NOBODY = 65534, RETRY_MS = 2000, VIEW_MS = 10, WATCH_MS = 1000 };

typedef struct fixture {
    cmp_test *host;
    cmp_test_txn *txn; /* whose memory answers lie in */
    char folder[32], path[48], url[64];
    void *options;
    char seen[1024]; /* by a scan */
    unsigned seen_count;
} fixture;

static const cmp_store_ops *ops(void)
{
    return sqlite_driver.ops.store;
}

static void *option(const fixture *f, const char *name)
{
    const cmp_option *row = cmp_plugin_descriptor.options;
    while (row->name != NULL && strcmp(row->name, name) != 0) {
        row++;
    }
    assert_non_null(row->name);
    return (char *)f->options + row->offset;
}

static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof(*f));
    f->host = cmp_test_create();
    f->txn = cmp_test_txn_create(f->host);
    strcpy(f->folder, "/tmp/test-sql-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    assert_int_equal(chmod(f->folder, 0777), 0);
    snprintf(f->path, sizeof(f->path), "%s/codes.db", f->folder);
    snprintf(f->url, sizeof(f->url), "sqlite:%s", f->path);
    f->options = calloc(1, cmp_plugin_descriptor.options_size);
    *(const char **)option(f, "url") = f->url;
    *(int64_t *)option(f, "busy_timeout") = 10;
    *state = f;
    return 0;
}

static void remove_file(const fixture *f, const char *suffix)
{
    char path[64];
    snprintf(path, sizeof(path), "%s%s", f->path, suffix);
    unlink(path);
}

static void remove_files(const fixture *f)
{
    remove_file(f, "");
    remove_file(f, "-wal");
    remove_file(f, "-shm");
    remove_file(f, "-journal");
}

static int tear_down(void **state)
{
    fixture *f = *state;
    cmp_test_txn_destroy(&f->txn);
    cmp_test_destroy(&f->host);
    remove_files(f);
    assert_int_equal(rmdir(f->folder), 0);
    free(f->options);
    free(f);
    return 0;
}

static void open_store(fixture *f)
{
    assert_true(cmp_test_open_filled(f->host, &cmp_plugin_descriptor, f->options));
}

static void refuse_store(fixture *f, const char *why)
{
    assert_false(cmp_test_open_filled(f->host, &cmp_plugin_descriptor, f->options));
    if (!cmp_test_reported(f->host, why)) {
        fail_msg("reported: %s", cmp_test_report(f->host));
    }
}

/* What somebody else does to the file. */
static sqlite3 *other(const fixture *f)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
    return db;
}

static void sql(sqlite3 *db, const char *text)
{
    char *error = NULL;
    if (sqlite3_exec(db, text, NULL, NULL, &error) != SQLITE_OK) {
        fail_msg("%s: %s", text, error);
    }
}

static void other_sql(const fixture *f, const char *text)
{
    sqlite3 *db = other(f);
    sql(db, text);
    sqlite3_close(db);
}

static cmp_store_verdict look_up(fixture *f, const char *ici, cmp_record *record)
{
    cmp_test_op *op = cmp_test_lookup(f->host, ici, f->txn);
    const cmp_store_verdict verdict = (cmp_store_verdict)cmp_test_verdict(op);
    *record = *cmp_test_record(op);
    cmp_test_end(&op);
    return verdict;
}

#define assert_verdict(f, ici, expected)                                                           \
    do {                                                                                           \
        cmp_record record_;                                                                        \
        assert_int_equal(look_up(f, ici, &record_), expected);                                     \
    } while (0)

#define assert_str(value, expected)                                                                \
    do {                                                                                           \
        const cmp_str value_ = (value);                                                            \
        assert_non_null(value_.at);                                                                \
        assert_int_equal(value_.size, strlen(expected));                                           \
        assert_memory_equal(value_.at, expected, value_.size);                                     \
    } while (0)

static cmp_record content(const char *text)
{
    cmp_record record = CMP_RECORD_INIT;
    record.content = cmp_str_from(text);
    return record;
}

static void put_one(fixture *f, const char *ici, const cmp_record *record)
{
    char error[200];
    void *write = ops()->begin(cmp_test_instance(f->host), error, sizeof(error));
    assert_non_null(write);
    assert_true(ops()->put(cmp_test_instance(f->host), write, cmp_str_from(ici), record, error,
                           sizeof(error)));
    if (!ops()->commit(cmp_test_instance(f->host), write, error, sizeof(error))) {
        fail_msg("%s", error);
    }
}

/* ---- options and the file at the start ---- */

static void test_refuses_urls(void **state)
{
    fixture *f = *state;
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
        *(const char **)option(f, "url") = urls[i];
        assert_false(cmp_test_open_filled(f->host, &cmp_plugin_descriptor, f->options));
        assert_true(cmp_test_reported(f->host, "url: expected: "));
        assert_false(cmp_test_reported(f->host, "secret"));
    }
}

static void test_refuses_a_replica(void **state)
{
    fixture *f = *state;
    *(const char **)option(f, "replica_url") = "postgresql:///replica";
    refuse_store(f, "replica_url: is for PostgreSQL only");
}

static void test_missing_file(void **state)
{
    fixture *f = *state;
    *(int *)option(f, "create") = 2; /* false */
    refuse_store(f, "unable to open database file");
    assert_int_equal(access(f->path, F_OK), -1); /* and did not make one */
    *(int *)option(f, "create") = 0;
    snprintf(f->url, sizeof(f->url), "sqlite:%s/none/codes.db", f->folder);
    refuse_store(f, "unable to open database file");
}

static void test_relative_path(void **state)
{
    fixture *f = *state;
    cmp_test_folder(f->host, f->folder);
    strcpy(f->url, "sqlite:codes.db");
    open_store(f);
    assert_int_equal(access(f->path, F_OK), 0);
}

/* ---- a check ---- */

/* The folder as others see it: names, sizes, times, contents. */
static void look_at_folder(const fixture *f, char *at, size_t size)
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

static void check_store(fixture *f, const char *why)
{
    char before[2048], after[2048];
    look_at_folder(f, before, sizeof(before));
    cmp_test_purpose(f->host, CMP_PURPOSE_CHECK);
    if (why != NULL) {
        refuse_store(f, why);
    } else {
        open_store(f);
        cmp_test_close(f->host);
    }
    cmp_test_purpose(f->host, CMP_PURPOSE_RUN);
    look_at_folder(f, after, sizeof(after));
    assert_string_equal(after, before);
}

static void test_a_check_of_what_is_missing(void **state)
{
    fixture *f = *state;
    check_store(f, NULL);
    other_sql(f, "create table of_others (x)");
    check_store(f, NULL);
    *(int *)option(f, "create") = 2; /* false */
    check_store(f, "the schema has version 0");
    unlink(f->path);
    check_store(f, "unable to open database file");
    *(int *)option(f, "create") = 0;
    snprintf(f->url, sizeof(f->url), "sqlite:%s/none/codes.db", f->folder);
    check_store(f, "No such file");
}

static void test_a_check_of_what_may_not_be_written(void **state)
{
    fixture *f = *state;
    if (geteuid() != 0) {
        skip();
    }
    other_sql(f, "create table of_others (x)");
    assert_int_equal(chmod(f->path, 0644), 0);
    assert_int_equal(chmod(f->folder, 0755), 0);
    assert_int_equal(seteuid(NOBODY), 0);
    check_store(f, "Permission denied");
    f->url[strlen(f->url) - 1] = 'c';
    check_store(f, "Permission denied");
    assert_int_equal(seteuid(0), 0);
}

/* Another process that has the file open: SQLite shares what it has of one within a process. */
static pid_t holder(const fixture *f, const char *text, int *end)
{
    int ready[2], over[2];
    char octet;
    assert_int_equal(pipe(ready) + pipe(over), 0);
    const pid_t child = fork();
    if (child == 0) {
        close(over[1]);
        sqlite3 *db = other(f);
        sql(db, text);
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

static void check_beside(fixture *f, const char *text, const char *why)
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
    fixture *f = *state;
    open_store(f);
    cmp_test_close(f->host);
    check_store(f, NULL);

    check_beside(f, "insert into cmp_codes (ici, content) values ('1', 'one')", NULL);
    check_beside(f, "update cmp_schema set version = 2", /* as yet in the log only */
                 "the schema has version 2");
    check_beside(f, "update cmp_schema set version = 1", NULL);
    *(const char **)option(f, "query") = "select content from nowhere where id = $1";
    check_store(f, "no such table: nowhere");
    *(const char **)option(f, "query") = NULL;
    other_sql(f, "pragma journal_mode=delete");
    check_beside(f, "begin immediate; delete from cmp_codes", NULL);
}

static void test_a_check_of_an_odd_name(void **state)
{
    fixture *f = *state;
    snprintf(f->path, sizeof(f->path), "%s/a b%%41?x#.db", f->folder);
    snprintf(f->url, sizeof(f->url), "sqlite:%s", f->path);
    open_store(f);
    cmp_test_close(f->host);
    check_store(f, NULL);
}

static void test_no_database(void **state)
{
    fixture *f = *state;
    FILE *file = fopen(f->path, "w");
    assert_non_null(file);
    for (int i = 0; i < 1000; i++) {
        fputs("this is no database ", file);
    }
    fclose(file);
    refuse_store(f, "file is not a database");
}

static void test_schema_versions(void **state)
{
    fixture *f = *state;
    other_sql(f, "create table cmp_schema (version integer); insert into cmp_schema values (0)");
    *(int *)option(f, "create") = 2;
    refuse_store(f, "the schema has version 0, and 1 is needed: run etc/sql/sqlite/001_codes.sql");
    other_sql(f, "update cmp_schema set version = 2");
    *(int *)option(f, "create") = 0;
    refuse_store(f, "the schema has version 2, and this program knows 1");
}

static void test_schema_is_that_of_the_file(void **state)
{
    fixture *f = *state;
    char text[4096] = "";
    FILE *file = fopen(TEST_SOURCE_DIR "/etc/sql/sqlite/001_codes.sql", "r");
    assert_non_null(file);
    assert_true(fread(text, 1, sizeof(text) - 1, file) > 0);
    fclose(file);
    other_sql(f, text);
    *(int *)option(f, "create") = 2;
    open_store(f);
}

static void test_refuses_queries(void **state)
{
    fixture *f = *state;
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
    other_sql(f, "create table t (id text); create table cmp_codes (ici text, content text)");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        *(const char **)option(f, "query") = cases[i].query;
        refuse_store(f, cases[i].why);
    }
}

/* ---- records ---- */

static void test_every_column(void **state)
{
    fixture *f = *state;
    static const cmp_condition when[] = {{CMP_STR("language"), CMP_STR("fr")},
                                         {CMP_STR("note"), CMP_STR("\"]}\\")}};
    static const cmp_variant variants[] = {
        {CMP_STR("https://fr.example/\xC3\xA9"), CMP_STR("uri"), when, 2},
        {CMP_STR("[{"), CMP_NONE, when, 1},
    };
    cmp_record record = content("https://example/\xE2\x82\xAC?a='b'&c=\"d\"");
    record.content_type = CMP_STR("uri");
    record.ttl_s = 0;
    record.status = CMP_RECORD_REVOKED;
    record.not_before_ms = -1;
    record.not_after_ms = 1700000000123;
    record.variants = variants;
    record.variant_count = 2;
    open_store(f);
    put_one(f, "1A0F1-1", &record);

    cmp_record found;
    assert_int_equal(look_up(f, "1A0F1-1", &found), CMP_STORE_FOUND);
    assert_str(found.content, "https://example/\xE2\x82\xAC?a='b'&c=\"d\"");
    assert_str(found.content_type, "uri");
    assert_null(found.transferred_to.at);
    assert_int_equal(found.ttl_s, 0);
    assert_int_equal(found.status, CMP_RECORD_REVOKED);
    assert_int_equal(found.not_before_ms, -1);
    assert_int_equal(found.not_after_ms, 1700000000123);
    assert_int_equal(found.variant_count, 2);
    assert_str(found.variants[0].content, "https://fr.example/\xC3\xA9");
    assert_str(found.variants[0].content_type, "uri");
    assert_int_equal(found.variants[0].condition_count, 2);
    assert_str(found.variants[0].conditions[1].value, "\"]}\\");
    assert_str(found.variants[1].content, "[{");
    assert_null(found.variants[1].content_type.at);
}

static void test_least_record(void **state)
{
    fixture *f = *state;
    cmp_record moved = CMP_RECORD_INIT, plain = content("x"), found;
    moved.transferred_to = CMP_STR("b.example.net");
    open_store(f);
    put_one(f, "moved", &moved);
    put_one(f, "plain", &plain);
    assert_int_equal(look_up(f, "plain", &found), CMP_STORE_FOUND);
    assert_str(found.content, "x");
    assert_null(found.content_type.at);
    assert_int_equal(found.ttl_s, CMP_TTL_UNSET);
    assert_int_equal(found.status, CMP_RECORD_ACTIVE);
    assert_true(found.not_before_ms == CMP_TIME_MIN && found.not_after_ms == CMP_TIME_MAX);
    assert_int_equal(found.variant_count, 0);
    assert_int_equal(look_up(f, "moved", &found), CMP_STORE_FOUND);
    assert_str(found.transferred_to, "b.example.net");
    assert_null(found.content.at);
}

static void test_octet_by_octet(void **state)
{
    fixture *f = *state;
    const cmp_record record = content("x");
    open_store(f);
    put_one(f, "1A0F1-abc", &record);
    assert_verdict(f, "1A0F1-ABC", CMP_STORE_ABSENT);
    assert_verdict(f, "1A0F1-ab", CMP_STORE_ABSENT);
    assert_verdict(f, "1A0F1-abc ", CMP_STORE_ABSENT);
    assert_verdict(f, "1A0F1-%", CMP_STORE_ABSENT);
    assert_verdict(f, "' or 1=1 --", CMP_STORE_ABSENT);
    assert_verdict(f, "1A0F1-abc", CMP_STORE_FOUND);
}

/* Rows that somebody else has written into a table of his own. */
static void test_rows_that_are_not_understood(void **state)
{
    fixture *f = *state;
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
    other_sql(f, "create table t (id, content, content_type, ttl, status, not_before, not_after, "
                 "transferred_to, variants)");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[512];
        snprintf(text, sizeof(text), "insert into t values ('bad-%zu', %s)", i, cases[i].row);
        other_sql(f, text);
    }
    *(const char **)option(f, "query") = "select * from t where id = $1";
    open_store(f);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char ici[16];
        snprintf(ici, sizeof(ici), "bad-%zu", i);
        assert_verdict(f, ici, CMP_STORE_UNAVAILABLE);
        assert_true(cmp_test_logged(f->host, CMP_LOG_ERROR, ici));
        assert_verdict(f, ici, CMP_STORE_UNAVAILABLE); /* not logged again so soon */
        cmp_test_advance(f->host, 10001);
        assert_verdict(f, ici, CMP_STORE_UNAVAILABLE);
        assert_true(cmp_test_logged(f->host, CMP_LOG_ERROR, cases[i].why));
        cmp_test_advance(f->host, 10001);
    }
    assert_int_equal(cmp_test_counted(f->host, "bad_rows"), 3 * sizeof(cases) / sizeof(cases[0]));
    assert_verdict(f, "bad-", CMP_STORE_ABSENT);
}

static void test_times_as_others_write_them(void **state)
{
    fixture *f = *state;
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
    other_sql(f, "create table t (id, content, not_after)");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[200];
        snprintf(text, sizeof(text), "insert into t values ('t%zu', 'x', %s)", i, cases[i].text);
        other_sql(f, text);
    }
    *(const char **)option(f, "query") = "select * from t where id = $1";
    open_store(f);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char ici[16];
        cmp_record found;
        snprintf(ici, sizeof(ici), "t%zu", i);
        assert_int_equal(look_up(f, ici, &found), CMP_STORE_FOUND);
        if (found.not_after_ms != cases[i].ms) {
            fail_msg("%s: %lld", cases[i].text, (long long)found.not_after_ms);
        }
    }
}

static void test_query_of_the_operator(void **state)
{
    fixture *f = *state;
    char error[200];
    cmp_record found;
    other_sql(f, "create table links (code text primary key, target text, valid_to text); "
                 "insert into links values ('A', 'https://a', '2030-01-01')");
    *(const char **)option(f, "query") =
        "select target as CONTENT, valid_to as not_after from links where code = $1";
    open_store(f);
    assert_int_equal(look_up(f, "A", &found), CMP_STORE_FOUND);
    assert_str(found.content, "https://a");
    assert_true(found.not_after_ms == 1893456000000);
    assert_verdict(f, "B", CMP_STORE_ABSENT);
    assert_null(ops()->begin(cmp_test_instance(f->host), error, sizeof(error)));
    assert_non_null(strstr(error, "only read"));
}

/* ---- a file in trouble ---- */

static void expect_trouble(fixture *f, const char *ici, const char *why)
{
    assert_verdict(f, ici, CMP_STORE_UNAVAILABLE);
    assert_true(cmp_test_logged(f->host, CMP_LOG_ERROR, why));
    assert_verdict(f, ici, CMP_STORE_UNAVAILABLE); /* one line is enough */
}

static void expect_recovery(fixture *f, const char *ici)
{
    cmp_test_advance(f->host, RETRY_MS);
    assert_verdict(f, ici, CMP_STORE_FOUND);
    assert_true(cmp_test_logged(f->host, CMP_LOG_NOTICE, "answers again"));
}

static void test_locked(void **state)
{
    fixture *f = *state;
    const cmp_record record = content("x");
    char error[200];
    open_store(f);
    put_one(f, "A", &record);
    sqlite3 *db = other(f);
    sql(db, "begin immediate");
    assert_verdict(f, "A", CMP_STORE_FOUND); /* a writer is in nobody's way */
    assert_null(ops()->begin(cmp_test_instance(f->host), error, sizeof(error)));
    assert_non_null(strstr(error, "locked"));
    sql(db, "rollback");
    sqlite3_close(db);
    put_one(f, "A", &record);
}

static void test_locked_for_all(void **state)
{
    fixture *f = *state;
    other_sql(f, "create table t (id, content); insert into t values ('A', 'x')");
    *(const char **)option(f, "query") = "select content from t where id = $1";
    open_store(f);
    assert_verdict(f, "A", CMP_STORE_FOUND);
    sqlite3 *db = other(f);
    sql(db, "begin exclusive"); /* no write-ahead log there: readers have to wait */
    expect_trouble(f, "A", "locked");
    sqlite3_close(db);
    expect_recovery(f, "A");
}

static void test_file_vanishes(void **state)
{
    fixture *f = *state;
    const cmp_record record = content("x");
    open_store(f);
    put_one(f, "A", &record);
    assert_verdict(f, "A", CMP_STORE_FOUND);
    cmp_test_advance(f->host, VIEW_MS);
    char aside[64];
    snprintf(aside, sizeof(aside), "%s.aside", f->path);
    other_sql(f, "pragma wal_checkpoint(truncate)");
    assert_int_equal(rename(f->path, aside), 0);
    cmp_test_advance(f->host, 1000);
    expect_trouble(f, "A", "unable to open database file");
    assert_int_equal(access(f->path, F_OK), -1); /* no empty one in its place */
    remove_files(f);
    assert_int_equal(rename(aside, f->path), 0);
    expect_recovery(f, "A");
}

/* Without a log beside it, so that the file alone can be taken away and put back. */
static void make_plain_file(const fixture *f, const char *what)
{
    char text[200];
    snprintf(text, sizeof(text), "create table t (id, content); insert into t values ('A', '%s')",
             what);
    other_sql(f, text);
    *(const char **)option(f, "query") = "select content from t where id = $1";
}

static void test_attempts_become_rare(void **state)
{
    fixture *f = *state;
    static const int64_t pauses_ms[] = {100, 200, 400, 800, 1500, 1500};
    char aside[64];
    make_plain_file(f, "x");
    open_store(f);
    snprintf(aside, sizeof(aside), "%s.aside", f->path);
    assert_int_equal(rename(f->path, aside), 0);
    expect_trouble(f, "A", "unable to open database file");
    for (size_t i = 0; i < sizeof(pauses_ms) / sizeof(pauses_ms[0]); i++) {
        cmp_test_advance(f->host, pauses_ms[i] - 1);
        assert_int_equal(rename(aside, f->path), 0);
        assert_verdict(f, "A", CMP_STORE_UNAVAILABLE); /* nobody looks before it is time */
        assert_int_equal(rename(f->path, aside), 0);
        cmp_test_advance(f->host, 1);
        assert_verdict(f, "A", CMP_STORE_UNAVAILABLE);
    }
    assert_int_equal(rename(aside, f->path), 0);
    expect_recovery(f, "A");
}

/* What was seen at a later time than it is now says nothing. */
static void test_file_is_replaced_and_the_clock_set_back(void **state)
{
    fixture *f = *state;
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
    open_store(f);
    assert_int_equal(look_up(f, "A", &found), CMP_STORE_FOUND);
    assert_str(found.content, "old");
    assert_int_equal(rename(new_path, f->path), 0);
    assert_int_equal(look_up(f, "A", &found), CMP_STORE_FOUND);
    assert_str(found.content, "old"); /* it is not looked at each time */
    cmp_test_set_time(f->host, cmp_test_now_ms(f->host) - 3600000);
    assert_int_equal(look_up(f, "A", &found), CMP_STORE_FOUND);
    assert_str(found.content, "new");
}

static void test_file_is_replaced(void **state)
{
    fixture *f = *state;
    const cmp_record record = content("x");
    open_store(f);
    put_one(f, "A", &record);
    assert_verdict(f, "A", CMP_STORE_FOUND);
    remove_files(f);
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
    fixture *f = *state;
    const cmp_record record = content("x");
    open_store(f);
    put_one(f, "A", &record);
    other_sql(f, "pragma wal_checkpoint(truncate)");
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
    assert_verdict(f, "A", CMP_STORE_UNAVAILABLE);
    assert_int_equal(truncate(f->path, 100), 0);
    cmp_test_advance(f->host, RETRY_MS);
    assert_verdict(f, "A", CMP_STORE_UNAVAILABLE);
    assert_true(cmp_test_counted(f->host, "lookups_failed") >= 4);
}

static void test_read_only(void **state)
{
    fixture *f = *state;
    const cmp_record record = content("x");
    char error[200];
    other_sql(f, "create table cmp_schema (version integer); insert into cmp_schema values (1); "
                 "create table cmp_codes (ici text primary key, content text, content_type text, "
                 "ttl, status, not_before, not_after, transferred_to, variants); "
                 "insert into cmp_codes (ici, content) values ('A', 'x')");
    assert_int_equal(chmod(f->path, 0444), 0);
    assert_int_equal(chmod(f->folder, 0555), 0);
    if (geteuid() == 0) {
        assert_int_equal(seteuid(NOBODY), 0); /* root may write everything */
    }
    open_store(f);
    assert_verdict(f, "A", CMP_STORE_FOUND);
    void *write = ops()->begin(cmp_test_instance(f->host), error, sizeof(error));
    if (write != NULL) {
        assert_false(ops()->put(cmp_test_instance(f->host), write, CMP_STR("B"), &record, error,
                                sizeof(error)));
        ops()->abort(cmp_test_instance(f->host), write);
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
    fixture *f = *state;
    char error[200], large[4000];
    memset(large, 'x', sizeof(large) - 1);
    large[sizeof(large) - 1] = '\0';
    const cmp_record record = content(large), small = content("x");
    open_store(f);
    put_one(f, "A", &small);
    sqlite3_auto_extension((void (*)(void))limit_pages);
    void *write = ops()->begin(cmp_test_instance(f->host), error, sizeof(error));
    sqlite3_reset_auto_extension();
    assert_non_null(write);
    bool good = true;
    for (int i = 0; good && i < 100; i++) {
        char ici[16];
        snprintf(ici, sizeof(ici), "F%d", i);
        good = ops()->put(cmp_test_instance(f->host), write, cmp_str_from(ici), &record, error,
                          sizeof(error));
    }
    assert_false(good);
    assert_non_null(strstr(error, "full"));
    ops()->abort(cmp_test_instance(f->host), write);
    assert_verdict(f, "A", CMP_STORE_FOUND);
    assert_verdict(f, "F0", CMP_STORE_ABSENT);
}

/* ---- writes and scans ---- */

/* Look-ups that come together see the file as it was at the first one. */
static void test_views(void **state)
{
    fixture *f = *state;
    const cmp_record record = content("x");
    open_store(f);
    assert_verdict(f, "A", CMP_STORE_ABSENT);
    other_sql(f, "insert into cmp_codes (ici, content) values ('A', 'x')");
    assert_verdict(f, "A", CMP_STORE_ABSENT);
    cmp_test_advance(f->host, VIEW_MS);
    assert_verdict(f, "A", CMP_STORE_FOUND);
    assert_verdict(f, "B", CMP_STORE_ABSENT);
    put_one(f, "B", &record); /* but what we write is seen at once */
    assert_verdict(f, "B", CMP_STORE_FOUND);
    cmp_test_advance(f->host, VIEW_MS);
    assert_int_equal(cmp_test_timers(f->host), 1); /* nothing is held while nobody asks */
    other_sql(f, "pragma wal_checkpoint(truncate)");
}

static void rename_file(const fixture *f, const char *from, const char *to)
{
    char old[64], new[64];
    snprintf(old, sizeof(old), "%s%s", f->path, from);
    snprintf(new, sizeof(new), "%s%s", f->path, to);
    assert_int_equal(rename(old, new), 0);
}

/* Those who remember records hear of it. */
static void test_writes_of_others_are_noticed(void **state)
{
    fixture *f = *state;
    open_store(f);
    cmp_test_advance(f->host, 5 * WATCH_MS);
    assert_verdict(f, "A", CMP_STORE_ABSENT);
    cmp_test_advance(f->host, 5 * WATCH_MS);
    assert_int_equal(cmp_test_changed_count(f->host), 0);

    sqlite3 *db = other(f);
    sql(db, "begin; insert into cmp_codes (ici, content) values ('A', 'x')");
    cmp_test_advance(f->host, WATCH_MS);
    assert_int_equal(cmp_test_changed_count(f->host), 0);
    sql(db, "commit");
    sqlite3_close(db);
    cmp_test_advance(f->host, WATCH_MS);
    assert_string_equal(cmp_test_changed(f->host), "*\n");
    assert_int_equal(cmp_test_changed_count(f->host), 1);

    remove_file(f, "-wal");
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
    fixture *f = *state;
    char empty[96];
    snprintf(empty, sizeof(empty), "vacuum into '%s-empty'", f->path);
    open_store(f);
    other_sql(f, empty);
    cmp_test_advance(f->host, 2 * WATCH_MS - 1);
    assert_verdict(f, "A", CMP_STORE_ABSENT);
    other_sql(f, "insert into cmp_codes (ici, content) values ('A', 'x')");
    assert_verdict(f, "A", CMP_STORE_ABSENT); /* a view of some milliseconds */
    cmp_test_advance(f->host, 1);
    assert_int_equal(cmp_test_changed_count(f->host), 1);
    assert_verdict(f, "A", CMP_STORE_FOUND);

    cmp_test_advance(f->host, WATCH_MS - 1);
    other_sql(f, "pragma wal_checkpoint(truncate)"); /* the log is not the next file's */
    assert_verdict(f, "A", CMP_STORE_FOUND);
    rename_file(f, "-empty", "");
    cmp_test_advance(f->host, 1);
    assert_int_equal(cmp_test_changed_count(f->host), 2);
    assert_verdict(f, "A", CMP_STORE_ABSENT);
}

static void test_all_or_nothing(void **state)
{
    fixture *f = *state;
    const cmp_record one = content("1"), two = content("2");
    cmp_record found;
    char error[200];
    bool existed;
    open_store(f);
    put_one(f, "A", &one);
    assert_string_equal(cmp_test_changed(f->host), "A\n");

    void *write = ops()->begin(cmp_test_instance(f->host), error, sizeof(error));
    assert_true(
        ops()->put(cmp_test_instance(f->host), write, CMP_STR("A"), &two, error, sizeof(error)));
    assert_true(
        ops()->put(cmp_test_instance(f->host), write, CMP_STR("B"), &two, error, sizeof(error)));
    assert_int_equal(look_up(f, "A", &found), CMP_STORE_FOUND); /* not visible before commit */
    assert_str(found.content, "1");
    assert_verdict(f, "B", CMP_STORE_ABSENT);
    ops()->abort(cmp_test_instance(f->host), write);
    assert_int_equal(look_up(f, "A", &found), CMP_STORE_FOUND);
    assert_str(found.content, "1");
    assert_string_equal(cmp_test_changed(f->host), "A\n");

    write = ops()->begin(cmp_test_instance(f->host), error, sizeof(error));
    assert_true(
        ops()->put(cmp_test_instance(f->host), write, CMP_STR("B"), &two, error, sizeof(error)));
    assert_true(ops()->remove(cmp_test_instance(f->host), write, CMP_STR("A"), &existed, error,
                              sizeof(error)));
    assert_true(existed);
    assert_true(ops()->remove(cmp_test_instance(f->host), write, CMP_STR("C"), &existed, error,
                              sizeof(error)));
    assert_false(existed);
    assert_true(ops()->commit(cmp_test_instance(f->host), write, error, sizeof(error)));
    assert_verdict(f, "A", CMP_STORE_ABSENT);
    assert_verdict(f, "B", CMP_STORE_FOUND);
    assert_string_equal(cmp_test_changed(f->host), "A\nB\nA\nC\n");
}

static void test_refuses_what_the_table_refuses(void **state)
{
    fixture *f = *state;
    char error[200];
    const cmp_record neither = CMP_RECORD_INIT;
    open_store(f);
    void *write = ops()->begin(cmp_test_instance(f->host), error, sizeof(error));
    assert_false(ops()->put(cmp_test_instance(f->host), write, CMP_STR("A"), &neither, error,
                            sizeof(error)));
    assert_non_null(strstr(error, "constraint"));
    ops()->abort(cmp_test_instance(f->host), write);
    assert_int_equal(cmp_test_changed_count(f->host), 0);
}

static void test_many_changes_are_told_at_once(void **state)
{
    fixture *f = *state;
    const cmp_record record = content("x");
    char error[200];
    open_store(f);
    void *write = ops()->begin(cmp_test_instance(f->host), error, sizeof(error));
    for (int i = 0; i < 65; i++) {
        char ici[16];
        snprintf(ici, sizeof(ici), "M%d", i);
        assert_true(ops()->put(cmp_test_instance(f->host), write, cmp_str_from(ici), &record, error,
                               sizeof(error)));
    }
    assert_true(ops()->commit(cmp_test_instance(f->host), write, error, sizeof(error)));
    assert_string_equal(cmp_test_changed(f->host), "*\n");
}

static bool see(cmp_str ici, const cmp_record *record, void *arg)
{
    fixture *f = arg;
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
    fixture *f = *state;
    char error[200];
    static const char *const icis[] = {"b", "a", "B", "ab", "c"};
    open_store(f);
    for (size_t i = 0; i < 5; i++) {
        const cmp_record record = content(icis[i]);
        put_one(f, icis[i], &record);
    }
    assert_true(ops()->scan(cmp_test_instance(f->host), CMP_NONE, see, f, error, sizeof(error)));
    assert_string_equal(f->seen, "B=B\na=a\nab=ab\n"); /* and no more, as it was told */
    f->seen[0] = '\0';
    assert_true(
        ops()->scan(cmp_test_instance(f->host), CMP_STR("ab"), see, f, error, sizeof(error)));
    assert_string_equal(f->seen, "b=b\nc=c\n");
}

/* More rows than a scan takes at once. */
static void test_scan_of_many(void **state)
{
    fixture *f = *state;
    char error[200];
    unsigned seen = 0;
    open_store(f);
    other_sql(f, "with recursive n(i) as (select 1 union all select i + 1 from n where i < 20000) "
                 "insert into cmp_codes (ici, content) select 'N' || i, 'x' from n");
    assert_true(
        ops()->scan(cmp_test_instance(f->host), CMP_NONE, count, &seen, error, sizeof(error)));
    assert_int_equal(seen, 20000);
    other_sql(f, "update cmp_codes set variants = '{}' where ici = 'N7'");
    assert_false(
        ops()->scan(cmp_test_instance(f->host), CMP_NONE, count, &seen, error, sizeof(error)));
    assert_non_null(strstr(error, "the row of N7: variants"));
}

/* So that the host keeps nothing of a request for it. */
static void test_never_waits(void **state)
{
    fixture *f = *state;
    open_store(f);
    assert_null(ops()->cancel);
    assert_null(ops()->turn_end);
}

int main(void)
{
#define SQL_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        SQL_TEST(test_never_waits),
        SQL_TEST(test_refuses_urls),
        SQL_TEST(test_refuses_a_replica),
        SQL_TEST(test_missing_file),
        SQL_TEST(test_relative_path),
        SQL_TEST(test_a_check_of_what_is_missing),
        SQL_TEST(test_a_check_of_what_may_not_be_written),
        SQL_TEST(test_a_check_of_what_is_there),
        SQL_TEST(test_a_check_of_an_odd_name),
        SQL_TEST(test_no_database),
        SQL_TEST(test_schema_versions),
        SQL_TEST(test_schema_is_that_of_the_file),
        SQL_TEST(test_refuses_queries),
        SQL_TEST(test_every_column),
        SQL_TEST(test_least_record),
        SQL_TEST(test_octet_by_octet),
        SQL_TEST(test_rows_that_are_not_understood),
        SQL_TEST(test_times_as_others_write_them),
        SQL_TEST(test_query_of_the_operator),
        SQL_TEST(test_locked),
        SQL_TEST(test_locked_for_all),
        SQL_TEST(test_file_vanishes),
        SQL_TEST(test_attempts_become_rare),
        SQL_TEST(test_file_is_replaced),
        SQL_TEST(test_file_is_replaced_and_the_clock_set_back),
        SQL_TEST(test_corrupt),
        SQL_TEST(test_read_only),
        SQL_TEST(test_disk_is_full),
        SQL_TEST(test_views),
        SQL_TEST(test_writes_of_others_are_noticed),
        SQL_TEST(test_what_is_noticed_is_seen),
        SQL_TEST(test_all_or_nothing),
        SQL_TEST(test_refuses_what_the_table_refuses),
        SQL_TEST(test_many_changes_are_told_at_once),
        SQL_TEST(test_scan),
        SQL_TEST(test_scan_of_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
