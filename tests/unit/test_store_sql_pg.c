/* SPDX-License-Identifier: Apache-2.0 */
/* The plugin store_sql with a real PostgreSQL: look-ups, batches, and a server that is restarted,
 * full, slow, stopped, behind with its schema, or gone. */
#include <cmp-test/test.h>

#include <arpa/inet.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <libpq-fe.h>

extern const cmp_plugin cmp_plugin_descriptor, pg_driver;

enum {
    PATIENCE_MS = 8000,
    RECOVERY_MS = 2000,
    TIMEOUT_MS = 300,
    REVALIDATE_MS = 200,
    OPS_MAX = 400,
    SLOTS = 20, /* of the server, three of them for its administrator */
};

/* One server for all tests. */
static char folder[] = "/tmp/test-pg-XXXXXX";
static int port;
static PGconn *admin;

typedef struct fixture {
    cmp_test *host;
    cmp_test_txn *txn; /* whose memory answers lie in */
    void *options;
    char url[200], replica_url[200];
    cmp_test_op *ops[OPS_MAX];
    unsigned asked;
    unsigned seen;
    int64_t clock_ms;
} fixture;

/* ---- the server ---- */

static bool postgres(const char *command, const char *rest)
{
    char line[400];
    snprintf(line, sizeof(line), TEST_SOURCE_DIR "/tests/lib/postgres.sh %s %s %s", command, folder,
             rest);
    return system(line) == 0;
}

static int free_port(void)
{
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof(any);
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&any, size), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&any, &size), 0);
    close(fd);
    return ntohs(any.sin_port);
}

static PGconn *connect_as(const char *user, const char *database)
{
    char url[200];
    snprintf(url, sizeof(url),
             "host=127.0.0.1 port=%d user=%s dbname=%s "
             "options=-cclient_min_messages=warning",
             port, user, database);
    return PQconnectdb(url);
}

static void sql_on(PGconn *db, const char *text)
{
    PGresult *result = PQexec(db, text);
    const ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
        fail_msg("%s: %s", text, PQerrorMessage(db));
    }
    PQclear(result);
}

static void sql(const char *text)
{
    sql_on(admin, text);
}

static int64_t sql_number(const char *text)
{
    PGresult *result = PQexec(admin, text);
    if (PQresultStatus(result) != PGRES_TUPLES_OK || PQntuples(result) != 1) {
        fail_msg("%s: %s", text, PQerrorMessage(admin));
    }
    const int64_t number = strtoll(PQgetvalue(result, 0, 0), NULL, 10);
    PQclear(result);
    return number;
}

static void load_schema(PGconn *db)
{
    char text[8192] = "";
    FILE *file = fopen(TEST_SOURCE_DIR "/etc/sql/postgresql/001_codes.sql", "r");
    assert_non_null(file);
    assert_true(fread(text, 1, sizeof(text) - 1, file) > 0);
    fclose(file);
    sql_on(db, text);
    sql_on(db, "grant select on cmp_schema to cmpd; grant all on cmp_codes to cmpd");
}

static int group_set_up(void **state)
{
    char rest[100];
    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(rest, sizeof(rest), "%d", (int)getpid());
    assert_true(postgres("guard", rest));
    port = free_port();
    snprintf(rest, sizeof(rest), "%d max_connections=%d", port, SLOTS);
    if (!postgres("init", rest) || !postgres("start", "")) {
        return -1;
    }
    admin = connect_as("postgres", "postgres");
    sql("create role cmpd login");
    sql("create database codes owner cmpd");
    sql("create database replica");
    PQfinish(admin);
    admin = connect_as("postgres", "codes");
    return 0;
}

static int group_tear_down(void **state)
{
    char line[100];
    (void)state;
    PQfinish(admin);
    postgres("stop", "immediate");
    snprintf(line, sizeof(line), "rm -r %s", folder);
    return system(line);
}

/* ---- the store ---- */

static const cmp_store_ops *ops(void)
{
    return pg_driver.ops.store;
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

static int64_t real_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof(*f));
    f->host = cmp_test_create();
    f->txn = cmp_test_txn_create(f->host);
    sql("drop schema if exists public cascade; create schema public authorization cmpd");
    load_schema(admin);
    sql("insert into cmp_codes (ici, content) select 'C' || i, 'content ' || i "
        "from generate_series(0, 399) i");
    snprintf(f->url, sizeof(f->url), "postgresql://cmpd@127.0.0.1:%d/codes", port);
    f->options = calloc(1, cmp_plugin_descriptor.options_size);
    *(const char **)option(f, "url") = f->url;
    *(int64_t *)option(f, "connections") = 2;
    *(int64_t *)option(f, "statement_timeout") = TIMEOUT_MS;
    *(int64_t *)option(f, "waiting") = 300;
    *(int64_t *)option(f, "revalidate") = REVALIDATE_MS;
    f->clock_ms = real_ms();
    *state = f;
    return 0;
}

/* As behind a pooler: nothing may be left in a session. */
static int set_up_pooled(void **state)
{
    const int result = set_up(state);
    *(int *)option(*state, "pooler") = 1; /* true */
    return result;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    for (size_t i = 0; i < OPS_MAX; i++) {
        cmp_test_end(&f->ops[i]);
    }
    cmp_test_txn_destroy(&f->txn);
    cmp_test_destroy(&f->host);
    free(f->options);
    free(f);
    return 0;
}

static void clock_on(fixture *f)
{
    const int64_t now_ms = real_ms();
    cmp_test_advance(f->host, now_ms - f->clock_ms);
    f->clock_ms = now_ms;
}

/* One turn of the loop, in real time. */
static void turn(fixture *f)
{
    ops()->turn_end(cmp_test_instance(f->host), cmp_test_worker(f->host));
    cmp_test_run(f->host, 2);
    clock_on(f);
}

static void turn_for(fixture *f, int64_t ms)
{
    for (const int64_t end_ms = real_ms() + ms; real_ms() < end_ms;) {
        turn(f);
    }
}

static void ask(fixture *f, const char *ici)
{
    assert_true(f->asked < OPS_MAX);
    clock_on(f);
    cmp_test_op **op = &f->ops[f->asked++];
    cmp_test_end(op);
    *op = cmp_test_lookup(f->host, ici, f->txn);
}

static bool is_answered(const fixture *f, unsigned at)
{
    return cmp_test_verdict(f->ops[at]) != CMP_STORE_PENDING;
}

/* Until all that was asked is answered. */
static void await(fixture *f)
{
    const int64_t end_ms = real_ms() + PATIENCE_MS;
    for (unsigned i = 0; i < f->asked; i++) {
        while (!is_answered(f, i) && real_ms() < end_ms) {
            turn(f);
        }
    }
    for (unsigned i = 0; i < f->asked; i++) {
        assert_true(is_answered(f, i));
    }
    f->asked = 0;
}

static cmp_store_verdict look_up(fixture *f, const char *ici)
{
    ask(f, ici);
    await(f);
    return (cmp_store_verdict)cmp_test_verdict(f->ops[0]);
}

static void open_store(fixture *f)
{
    if (!cmp_test_open_filled(f->host, &cmp_plugin_descriptor, f->options)) {
        fail_msg("%s", cmp_test_report(f->host));
    }
    f->clock_ms = real_ms();
}

/* Opened, connected, and listening. */
static void open_ready(fixture *f)
{
    open_store(f);
    assert_int_equal(look_up(f, "C1"), CMP_STORE_FOUND);
    turn_for(f, 100);
}

static void refuse_store(fixture *f, const char *why)
{
    assert_false(cmp_test_open_filled(f->host, &cmp_plugin_descriptor, f->options));
    if (!cmp_test_reported(f->host, why)) {
        fail_msg("reported: %s", cmp_test_report(f->host));
    }
}

/* Milliseconds until a look-up is answered as it should be. */
static int64_t recovery_ms(fixture *f)
{
    const int64_t begin_ms = real_ms();
    while (look_up(f, "C1") != CMP_STORE_FOUND) {
        if (real_ms() - begin_ms > PATIENCE_MS) {
            fail_msg("no recovery: %s", cmp_test_log(f->host, CMP_LOG_ERROR));
        }
        turn_for(f, 10);
    }
    return real_ms() - begin_ms;
}

#define assert_str(value, expected)                                                                \
    do {                                                                                           \
        const cmp_str value_ = (value);                                                            \
        assert_non_null(value_.at);                                                                \
        assert_int_equal(value_.size, strlen(expected));                                           \
        assert_memory_equal(value_.at, expected, value_.size);                                     \
    } while (0)

static const cmp_record *answer(const fixture *f, unsigned at)
{
    assert_int_equal(cmp_test_verdict(f->ops[at]), CMP_STORE_FOUND);
    return cmp_test_record(f->ops[at]);
}

/* ---- the start ---- */

static void test_schema_is_missing(void **state)
{
    fixture *f = *state;
    sql("drop table cmp_schema, cmp_codes");
    refuse_store(f, "version 0, and 1 is needed: run etc/sql/postgresql/001_codes.sql");
    sql("drop function cmp_codes_changed");
    *(int *)option(f, "create") = 1; /* true */
    open_store(f);
    assert_int_equal(look_up(f, "C1"), CMP_STORE_ABSENT);
    assert_int_equal(sql_number("select max(version) from cmp_schema"), 1);
}

static void test_a_check_makes_no_tables(void **state)
{
    fixture *f = *state;
    sql("drop table cmp_schema, cmp_codes");
    sql("drop function cmp_codes_changed");
    cmp_test_purpose(f->host, CMP_PURPOSE_CHECK);
    refuse_store(f, "version 0, and 1 is needed"); /* it may not even be made */
    *(int *)option(f, "create") = 1;               /* true */
    open_store(f);
    assert_int_equal(sql_number("select count(*) from pg_class where relname like 'cmp_%'"), 0);
    cmp_test_close(f->host);
    cmp_test_purpose(f->host, CMP_PURPOSE_RUN);
    open_store(f);
    assert_int_equal(sql_number("select max(version) from cmp_schema"), 1);
}

static void test_schema_versions(void **state)
{
    fixture *f = *state;
    sql("update cmp_schema set version = 0");
    refuse_store(f, "version 0, and 1 is needed: run etc/sql/postgresql/001_codes.sql");
    sql("update cmp_schema set version = 2");
    refuse_store(f, "version 2, and this program knows 1");
}

static void test_refuses_queries(void **state)
{
    fixture *f = *state;
    static const struct {
        const char *query, *why;
    } cases[] = {
        {"select content from cmp_codes", "one parameter"},
        {"select content from cmp_codes where ici = $1 or ici = $2", "one parameter"},
        {"select ici from cmp_codes where ici = $1", "a column content"},
        {"select content from nowhere where id = $1", "does not exist"},
        {"selct 1", "syntax error"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        *(const char **)option(f, "query") = cases[i].query;
        refuse_store(f, cases[i].why);
    }
}

/* A server that is not there yet does not stop the start. */
static void test_starts_without_a_server(void **state)
{
    fixture *f = *state;
    PQfinish(admin);
    assert_true(postgres("stop", "fast"));
    open_store(f);
    const int64_t begin_ms = real_ms();
    turn_for(f, 50);
    assert_int_equal(look_up(f, "C1"), CMP_STORE_UNAVAILABLE);
    assert_true(real_ms() - begin_ms < TIMEOUT_MS); /* nobody is kept waiting for it */
    assert_true(postgres("start", ""));
    admin = connect_as("postgres", "codes");
    assert_in_range(recovery_ms(f), 0, RECOVERY_MS);
    assert_true(cmp_test_logged(f->host, CMP_LOG_ERROR, "Connection refused"));
    assert_true(cmp_test_logged(f->host, CMP_LOG_NOTICE, "the database answers"));
}

/* ---- look-ups ---- */

static void test_every_column(void **state)
{
    fixture *f = *state;
    sql("insert into cmp_codes values ('all', 'https://x', 'uri', 0, 'revoked', "
        "'1970-01-01 00:00:01.5+00', '2030-01-01 01:00:00+01', null, "
        "'[{\"when\": {\"language\": \"fr\"}, \"content\": \"\xC3\xA9\"}]')");
    sql("insert into cmp_codes (ici, transferred_to, not_after) values "
        "('moved', 'b.example.net', 'infinity')");
    open_store(f);
    ask(f, "all"), ask(f, "moved"), ask(f, "ALL"), ask(f, "al%"), ask(f, "' or true --");
    await(f);
    const cmp_record *all = answer(f, 0), *moved = answer(f, 1);
    assert_str(all->content, "https://x");
    assert_str(all->content_type, "uri");
    assert_int_equal(all->ttl_s, 0);
    assert_int_equal(all->status, CMP_RECORD_REVOKED);
    assert_int_equal(all->not_before_ms, 1500);
    assert_true(all->not_after_ms == 1893456000000);
    assert_int_equal(all->variant_count, 1);
    assert_str(all->variants[0].content, "\xC3\xA9");
    assert_str(moved->transferred_to, "b.example.net");
    assert_null(moved->content.at);
    assert_int_equal(moved->ttl_s, CMP_TTL_UNSET);
    assert_true(moved->not_after_ms == CMP_TIME_MAX);
    for (int i = 2; i < 5; i++) {
        assert_int_equal(cmp_test_verdict(f->ops[i]), CMP_STORE_ABSENT);
    }
}

static void test_rows_that_are_not_understood(void **state)
{
    fixture *f = *state;
    sql("insert into cmp_codes (ici, content, ttl, variants) values ('bad', 'x', -1, null), "
        "('worse', 'x', null, '{}')");
    open_store(f);
    assert_int_equal(look_up(f, "bad"), CMP_STORE_UNAVAILABLE);
    assert_true(cmp_test_logged(f->host, CMP_LOG_ERROR, "the row of bad: ttl"));
    cmp_test_advance(f->host, 10001);
    assert_int_equal(look_up(f, "worse"), CMP_STORE_UNAVAILABLE);
    assert_true(cmp_test_logged(f->host, CMP_LOG_ERROR, "the row of worse: variants"));
}

static void ask_many(fixture *f, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        char ici[16];
        snprintf(ici, sizeof(ici), "C%u", i);
        ask(f, ici);
    }
}

static void test_batches(void **state)
{
    fixture *f = *state;
    open_ready(f);
    const uint64_t batches = cmp_test_counted(f->host, "batches");
    ask_many(f, 100);
    await(f);
    assert_int_equal(cmp_test_counted(f->host, "batches") - batches, 2); /* of 64 at most */
    for (unsigned i = 0; i < 100; i++) {
        char text[32];
        snprintf(text, sizeof(text), "content %u", i);
        assert_str(answer(f, i)->content, text);
    }
}

static void test_waiting_is_bounded(void **state)
{
    fixture *f = *state;
    open_ready(f);
    ask_many(f, 302);
    assert_int_equal(cmp_test_verdict(f->ops[300]), CMP_STORE_UNAVAILABLE);
    assert_int_equal(cmp_test_verdict(f->ops[301]), CMP_STORE_UNAVAILABLE);
    assert_int_equal(cmp_test_counted(f->host, "refused"), 2);
    await(f);
    assert_str(answer(f, 299)->content, "content 299");
}

static void test_cancel(void **state)
{
    fixture *f = *state;
    open_ready(f);
    ask_many(f, 4);
    cmp_test_cancel(f->ops[1]); /* not sent yet */
    ops()->turn_end(cmp_test_instance(f->host), cmp_test_worker(f->host));
    cmp_test_cancel(f->ops[2]); /* on its way */
    await(f);
    turn_for(f, 50);
    assert_str(answer(f, 0)->content, "content 0");
    assert_int_equal(cmp_test_verdict(f->ops[1]), CMP_STORE_UNAVAILABLE);
    assert_int_equal(cmp_test_verdict(f->ops[2]), CMP_STORE_UNAVAILABLE);
    assert_str(answer(f, 3)->content, "content 3");
    for (unsigned i = 0; i < 4; i++) {
        assert_true(is_answered(f, i));
    }
}

/* What is under way when the worker ends is completed, too. */
static void test_stop_with_lookups_under_way(void **state)
{
    fixture *f = *state;
    open_ready(f);
    ask_many(f, 3);
    ops()->turn_end(cmp_test_instance(f->host), cmp_test_worker(f->host));
    ask(f, "C9");
    cmp_test_close(f->host);
    for (unsigned i = 0; i < 4; i++) {
        assert_true(is_answered(f, i));
        assert_int_equal(cmp_test_verdict(f->ops[i]), CMP_STORE_UNAVAILABLE);
    }
}

/* ---- queries of the operator's ---- */

/* One ICI that the query cannot digest does no harm to the others of its batch. */
static void test_errors_stay_alone(void **state)
{
    fixture *f = *state;
    sql("create table links (id bigint primary key, target text); grant all on links to cmpd; "
        "insert into links select i, 'target ' || i from generate_series(1, 99) i");
    *(const char **)option(f, "query") =
        "select target as content from links where id = ($1::text)::bigint";
    open_store(f);
    ask(f, "1"), ask(f, "x"), ask(f, "2"), ask(f, "y"), ask(f, "100"), ask(f, "3");
    await(f);
    assert_str(answer(f, 0)->content, "target 1");
    assert_int_equal(cmp_test_verdict(f->ops[1]), CMP_STORE_UNAVAILABLE);
    assert_str(answer(f, 2)->content, "target 2");
    assert_int_equal(cmp_test_verdict(f->ops[3]), CMP_STORE_UNAVAILABLE);
    assert_int_equal(cmp_test_verdict(f->ops[4]), CMP_STORE_ABSENT);
    assert_str(answer(f, 5)->content, "target 3");
    assert_true(cmp_test_logged(f->host, CMP_LOG_ERROR, "a look-up: ERROR:  invalid input syntax"));
    assert_int_equal(cmp_test_counted(f->host, "connections_lost"), 0);
}

static void test_slow_query(void **state)
{
    fixture *f = *state;
    *(const char **)option(f, "query") =
        "select content from cmp_codes, pg_sleep(case when $1 = 'C7' then 5 else 0 end) "
        "where ici = $1";
    open_ready(f);
    const int64_t begin_ms = real_ms();
    assert_int_equal(look_up(f, "C7"), CMP_STORE_UNAVAILABLE);
    assert_in_range(real_ms() - begin_ms, TIMEOUT_MS - 50, TIMEOUT_MS + 1000);
    assert_in_range(recovery_ms(f), 0, 100);
    turn_for(f, 200);
    assert_true(
        cmp_test_logged(f->host, CMP_LOG_ERROR, "canceling statement due to statement timeout"));
    assert_int_equal(cmp_test_counted(f->host, "connections_lost"), 0);
}

static void test_a_query_cannot_write(void **state)
{
    fixture *f = *state;
    sql("create function count_it(text) returns text language sql as "
        "$$ delete from cmp_codes where ici = $1 returning content $$");
    *(const char **)option(f, "query") = "select count_it($1) as content";
    open_store(f);
    assert_int_equal(look_up(f, "C1"), CMP_STORE_UNAVAILABLE);
    assert_true(cmp_test_logged(f->host, CMP_LOG_ERROR, "read-only transaction"));
    assert_int_equal(sql_number("select count(*) from cmp_codes where ici = 'C1'"), 1);
}

/* ---- a server in trouble ---- */

static void test_restart(void **state)
{
    fixture *f = *state;
    open_ready(f);
    PQfinish(admin);
    assert_true(postgres("stop", "fast"));
    turn_for(f, 200);
    const int64_t begin_ms = real_ms();
    assert_int_equal(look_up(f, "C1"), CMP_STORE_UNAVAILABLE);
    assert_in_range(real_ms() - begin_ms, 0, 100);
    turn_for(f, 1000); /* pauses get longer meanwhile */
    assert_true(postgres("start", ""));
    admin = connect_as("postgres", "codes");
    const int64_t back_ms = real_ms();
    assert_in_range(recovery_ms(f), 0, RECOVERY_MS);
    while (cmp_test_changed_count(f->host) < 2) { /* what was said meanwhile is lost */
        turn(f);
        assert_true(real_ms() - back_ms < RECOVERY_MS);
    }
    assert_string_equal(cmp_test_changed(f->host), "*\n*\n");
    assert_true(cmp_test_logged(f->host, CMP_LOG_ERROR, "connection"));
    assert_true(cmp_test_logged(f->host, CMP_LOG_NOTICE, "the database answers"));
}

static void test_connection_is_ended(void **state)
{
    fixture *f = *state;
    open_ready(f);
    cmp_test_advance(f->host, 1100); /* it has been good for a while */
    ask_many(f, 50);
    ops()->turn_end(cmp_test_instance(f->host), cmp_test_worker(f->host));
    sql("select pg_terminate_backend(pid) from pg_stat_activity where usename = 'cmpd' "
        "and query not like '%pg_trigger%' limit 1");
    ask_many(f, 50);
    await(f);
    for (unsigned i = 0; i < 100; i++) {
        answer(f, i); /* all found: on the other connection, or on the next one */
    }
    turn_for(f, 300);
    assert_int_equal(cmp_test_counted(f->host, "lookups_failed"), 0);
    assert_int_equal(cmp_test_counted(f->host, "connections_lost"), 1);
    assert_true(cmp_test_logged(f->host, CMP_LOG_ERROR, "terminating connection"));
}

static void test_backend_is_killed(void **state)
{
    fixture *f = *state;
    open_ready(f);
    const int64_t pid = sql_number("select min(pid) from pg_stat_activity where usename = 'cmpd'");
    assert_int_equal(kill((pid_t)pid, SIGKILL), 0); /* PostgreSQL ends all others, too */
    ask_many(f, 10);
    await(f);
    for (unsigned i = 0; i < 10; i++) {
        assert_true(cmp_test_verdict(f->ops[i]) == CMP_STORE_FOUND ||
                    cmp_test_verdict(f->ops[i]) == CMP_STORE_UNAVAILABLE);
    }
    do { /* else a session may be made that the server then ends with the others */
        PQclear(PQexec(admin, "select 1"));
        turn_for(f, 10);
    } while (PQstatus(admin) == CONNECTION_OK);
    do {
        PQreset(admin);
        turn_for(f, 10);
    } while (PQstatus(admin) != CONNECTION_OK);
    assert_in_range(recovery_ms(f), 0, RECOVERY_MS);
    assert_true(cmp_test_logged(f->host, CMP_LOG_ERROR, ": "));
}

/* It takes what it is sent, and says nothing. */
static void test_backend_stands_still(void **state)
{
    fixture *f = *state;
    *(int64_t *)option(f, "connections") = 1;
    open_ready(f);
    const int64_t pid = sql_number("select min(pid) from pg_stat_activity where usename = 'cmpd' "
                                   "and query not like '%pg_trigger%'");
    assert_int_equal(kill((pid_t)pid, SIGSTOP), 0);
    const int64_t begin_ms = real_ms();
    ask_many(f, 5);
    await(f);
    assert_in_range(real_ms() - begin_ms, TIMEOUT_MS - 50, TIMEOUT_MS + 1000);
    assert_int_equal(cmp_test_verdict(f->ops[4]), CMP_STORE_UNAVAILABLE);
    assert_in_range(recovery_ms(f), 0, RECOVERY_MS);
    assert_true(cmp_test_logged(f->host, CMP_LOG_ERROR, "does not answer any more"));
    assert_int_equal(kill((pid_t)pid, SIGCONT), 0);
}

static void test_slots_are_taken(void **state)
{
    fixture *f = *state;
    PGconn *taken[SLOTS];
    open_ready(f);
    sql("alter role cmpd connection limit 3");
    sql("select pg_terminate_backend(pid) from pg_stat_activity where usename = 'cmpd'");
    while (sql_number("select count(*) from pg_stat_activity where usename = 'cmpd'") > 0) {
        usleep(1000); /* until it has gone, a backend counts */
    }
    for (int i = 0; i < 3; i++) {
        taken[i] = connect_as("cmpd", "codes");
        while (PQstatus(taken[i]) != CONNECTION_OK) { /* those that are ended still count */
            PQreset(taken[i]);
        }
    }
    turn_for(f, 300);
    assert_int_equal(look_up(f, "C1"), CMP_STORE_UNAVAILABLE);
    for (int i = 0; i < 3; i++) {
        PQfinish(taken[i]);
    }
    assert_in_range(recovery_ms(f), 0, RECOVERY_MS);
    sql("alter role cmpd connection limit -1");
    assert_true(cmp_test_logged(f->host, CMP_LOG_ERROR, "too many connections"));
}

/* Somebody has put an old copy in place while we ran. */
static void test_schema_falls_behind(void **state)
{
    fixture *f = *state;
    open_ready(f);
    sql("update cmp_schema set version = 0");
    sql("select pg_terminate_backend(pid) from pg_stat_activity where usename = 'cmpd'");
    turn_for(f, 1000);
    assert_int_equal(look_up(f, "C1"), CMP_STORE_UNAVAILABLE);
    sql("update cmp_schema set version = 1");
    assert_in_range(recovery_ms(f), 0, RECOVERY_MS);
    assert_true(cmp_test_logged(f->host, CMP_LOG_ERROR, "run etc/sql/postgresql/001_codes.sql"));
}

/* Each lane's prepared statement is of no use then, and no look-up is to suffer for it. */
static void test_table_is_changed(void **state)
{
    static const char *const changes[] = {"alter table cmp_codes alter ttl type bigint",
                                          "alter table cmp_codes alter status type varchar(20)"};
    fixture *f = *state;
    open_ready(f);
    for (size_t i = 0; i < 2; i++) {
        ask_many(f, 200); /* on both of them */
        await(f);
        sql(changes[i]);
        for (unsigned times = 0; times < 8; times++) {
            assert_int_equal(look_up(f, "C1"), CMP_STORE_FOUND);
        }
    }
    turn_for(f, 300);
    assert_int_equal(look_up(f, "C1"), CMP_STORE_FOUND);
    assert_int_equal(cmp_test_counted(f->host, "lookups_failed"), 0);
    assert_int_equal(cmp_test_counted(f->host, "connections_lost"), 0);
}

/* Somebody has renamed a table of his own into place: what is changed in it nobody tells. */
static void test_table_is_swapped(void **state)
{
    fixture *f = *state;
    open_ready(f);
    turn_for(f, 3 * REVALIDATE_MS);
    assert_int_equal(cmp_test_changed_count(f->host), 1);
    sql("create table other (like cmp_codes including all);"
        "insert into other (ici, content) values ('C1', 'other');"
        "alter table cmp_codes rename to older; alter table other rename to cmp_codes;"
        "grant all on cmp_codes to cmpd");
    for (unsigned changed = 1; changed < 4;) { /* again and again */
        turn(f);
        changed = cmp_test_changed_count(f->host);
    }
    assert_true(
        cmp_test_logged(f->host, CMP_LOG_WARNING, "has lost the triggers that tell of changes"));
    assert_int_equal(look_up(f, "C1"), CMP_STORE_FOUND);
    assert_str(answer(f, 0)->content, "other");

    load_schema(admin); /* gives the table its triggers */
    for (unsigned quiet = 0; quiet < 3;) {
        const unsigned before = cmp_test_changed_count(f->host);
        turn_for(f, 2 * REVALIDATE_MS);
        quiet = cmp_test_changed_count(f->host) == before ? quiet + 1 : 0;
    }
    assert_true(cmp_test_logged(f->host, CMP_LOG_NOTICE, "tells of changes again"));
    const unsigned before = cmp_test_changed_count(f->host);
    sql("update cmp_codes set content = 'new' where ici = 'C1'");
    turn_for(f, 100);
    assert_true(cmp_test_changed_count(f->host) > before);
}

static void test_schema_may_be_applied_twice(void **state)
{
    fixture *f = *state;
    load_schema(admin);
    assert_int_equal(sql_number("select count(*) from cmp_schema"), 1);
    assert_int_equal(sql_number("select count(*) from cmp_codes"), 400);
    open_ready(f);
    sql("update cmp_codes set content = 'new' where ici = 'C1'");
    turn_for(f, 100);
    assert_string_equal(cmp_test_changed(f->host), "*\nC1\n");
}

/* The server asks the role `guarded` for its password. */
static void guard_a_role(void)
{
    char line[200];
    sql("drop role if exists guarded; create role guarded login password 'right';"
        "grant usage on schema public to guarded; grant select on cmp_schema, cmp_codes to "
        "guarded");
    snprintf(line, sizeof(line),
             "sed -i '1i host all guarded all scram-sha-256' %s/data/pg_hba.conf", folder);
    assert_int_equal(system(line), 0);
    sql("select pg_reload_conf()");
}

/* What the server says itself is an error of the configuration; that it cannot be reached is none.
 */
static void test_a_check_asks_the_server(void **state)
{
    fixture *f = *state;
    cmp_test_purpose(f->host, CMP_PURPOSE_CHECK);
    snprintf(f->url, sizeof(f->url), "postgresql://nobody@127.0.0.1:%d/codes", port);
    refuse_store(f, "role \"nobody\" does not exist");
    snprintf(f->url, sizeof(f->url), "postgresql://cmpd@127.0.0.1:%d/nowhere", port);
    refuse_store(f, "database \"nowhere\" does not exist");
    guard_a_role();
    snprintf(f->url, sizeof(f->url), "postgresql://guarded:wrong@127.0.0.1:%d/codes", port);
    for (const int64_t end_ms = real_ms() + PATIENCE_MS; real_ms() < end_ms;) {
        PGconn *db = PQconnectdb(f->url); /* until the server has read its rules */
        const bool asks = PQstatus(db) == CONNECTION_BAD;
        PQfinish(db);
        if (asks) {
            break;
        }
    }
    refuse_store(f, "password authentication failed");
    snprintf(f->url, sizeof(f->url), "postgresql://guarded@127.0.0.1:%d/codes", port);
    refuse_store(f, "no password supplied");
    snprintf(f->url, sizeof(f->url), "postgresql://guarded:right@127.0.0.1:%d/codes", port);
    open_store(f);
    cmp_test_close(f->host);
    sql("drop owned by guarded; drop role guarded");

    snprintf(f->url, sizeof(f->url), "postgresql://cmpd@127.0.0.1:1/codes");
    open_store(f);
    assert_true(cmp_test_logged(f->host, CMP_LOG_ERROR, "Connection refused"));
}

/* ---- hosts ---- */

static void test_several_hosts(void **state)
{
    fixture *f = *state;
    snprintf(f->url, sizeof(f->url),
             "postgresql://cmpd@localhost:1,localhost:%d/codes?target_session_attrs=read-write",
             port);
    open_store(f);
    assert_int_equal(look_up(f, "C1"), CMP_STORE_FOUND);
}

/* The first host takes connections and says nothing. */
static void test_a_silent_host(void **state)
{
    fixture *f = *state;
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof(any);
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&any, size), 0);
    assert_int_equal(listen(fd, 16), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&any, &size), 0);
    snprintf(f->url, sizeof(f->url), "postgresql://cmpd@127.0.0.1:%d,127.0.0.1:%d/codes",
             ntohs(any.sin_port), port);
    open_store(f);
    assert_int_equal(look_up(f, "C1"), CMP_STORE_UNAVAILABLE);
    assert_in_range(recovery_ms(f), 0, 3000);
    assert_true(cmp_test_logged(f->host, CMP_LOG_ERROR, "did not answer in time"));
    close(fd);
}

static void test_no_such_name(void **state)
{
    fixture *f = *state;
    snprintf(f->url, sizeof(f->url), "postgresql://cmpd@nowhere.invalid/codes");
    open_store(f);
    turn_for(f, 50);
    assert_true(cmp_test_logged(f->host, CMP_LOG_ERROR, "nowhere.invalid"));
    assert_int_equal(look_up(f, "C1"), CMP_STORE_UNAVAILABLE);
}

static void test_stop_while_names_are_resolved(void **state)
{
    fixture *f = *state;
    snprintf(f->url, sizeof(f->url), "postgresql://cmpd@localhost:%d/codes", port);
    cmp_test_hold(f->host, true);
    open_store(f);
    cmp_test_worker_restart(f->host);
    assert_int_equal(look_up(f, "C1"), CMP_STORE_FOUND);
}

static void test_replica(void **state)
{
    fixture *f = *state;
    PGconn *replica = connect_as("postgres", "replica");
    sql_on(replica, "drop schema if exists public cascade; create schema public");
    sql_on(replica, "grant all on schema public to cmpd");
    load_schema(replica);
    sql_on(replica, "insert into cmp_codes (ici, content) values ('C1', 'of the replica')");
    PQfinish(replica);
    snprintf(f->replica_url, sizeof(f->replica_url), "postgresql://cmpd@127.0.0.1:%d/replica",
             port);
    *(const char **)option(f, "replica_url") = f->replica_url;
    open_ready(f);
    assert_int_equal(look_up(f, "C1"), CMP_STORE_FOUND);
    assert_str(answer(f, 0)->content, "of the replica");

    sql("alter database replica allow_connections false");
    sql("select pg_terminate_backend(pid) from pg_stat_activity where datname = 'replica'");
    turn_for(f, 100);
    assert_in_range(recovery_ms(f), 0, RECOVERY_MS);
    assert_str(answer(f, 0)->content, "content 1");

    sql("alter database replica allow_connections true");
    turn_for(f, RECOVERY_MS);
    assert_int_equal(look_up(f, "C1"), CMP_STORE_FOUND);
    assert_str(answer(f, 0)->content, "of the replica");
    turn_for(f, 50);
    assert_int_equal(sql_number("select count(*) from pg_stat_activity where usename = 'cmpd' "
                                "and datname = 'codes' and query not like '%pg_trigger%'"),
                     0); /* the primary is left alone again */
    assert_true(cmp_test_logged(f->host, CMP_LOG_ERROR, "the replica: "));
}

/* ---- changes, writes, scans ---- */

static void test_hears_of_changes(void **state)
{
    fixture *f = *state;
    open_ready(f);
    assert_string_equal(cmp_test_changed(f->host), "*\n");
    sql("insert into cmp_codes (ici, content) values ('N', 'x')");
    sql("update cmp_codes set content = 'y' where ici = 'N'");
    sql("update cmp_codes set ici = 'O' where ici = 'N'");
    sql("delete from cmp_codes where ici = 'O'");
    sql("update cmp_codes set ttl = 5");
    sql("begin; insert into cmp_codes (ici, content) values ('R', 'x'); rollback");
    sql("truncate cmp_codes");
    turn_for(f, 100);
    assert_string_equal(cmp_test_changed(f->host), "*\nN\nN\nO\nN\nO\n*\n*\n");
}

static void *begin(fixture *f)
{
    char error[200];
    void *write = ops()->begin(cmp_test_instance(f->host), error, sizeof(error));
    if (write == NULL) {
        fail_msg("%s", error);
    }
    return write;
}

static void put(fixture *f, void *write, const char *ici, const char *content)
{
    char error[200];
    cmp_record record = CMP_RECORD_INIT;
    record.content = cmp_str_from(content);
    assert_true(ops()->put(cmp_test_instance(f->host), write, cmp_str_from(ici), &record, error,
                           sizeof(error)));
}

static void take_away(fixture *f, void *write, const char *ici)
{
    char error[200];
    bool existed = false;
    assert_true(ops()->remove(cmp_test_instance(f->host), write, cmp_str_from(ici), &existed, error,
                              sizeof(error)));
    assert_true(existed);
}

static void take_nothing_away(fixture *f, void *write, const char *ici)
{
    char error[200];
    bool existed = true;
    assert_true(ops()->remove(cmp_test_instance(f->host), write, cmp_str_from(ici), &existed, error,
                              sizeof(error)));
    assert_false(existed);
}

static void commit(fixture *f, void *write)
{
    char error[200];
    if (!ops()->commit(cmp_test_instance(f->host), write, error, sizeof(error))) {
        fail_msg("%s", error);
    }
}

static void test_writes(void **state)
{
    fixture *f = *state;
    char error[200], long_ici[258];
    open_ready(f);
    void *write = begin(f);
    put(f, write, "W1", "tab\there, back\\slash, line\r\nend");
    put(f, write, "W2", "first");
    put(f, write, "W2", "last");
    put(f, write, "W3", "x");
    take_away(f, write, "W3");
    take_away(f, write, "C1");
    take_away(f, write, "C2");
    put(f, write, "C2", "again");
    assert_int_equal(look_up(f, "W1"), CMP_STORE_ABSENT); /* not before commit */
    commit(f, write);
    ask(f, "W1"), ask(f, "W2"), ask(f, "W3"), ask(f, "C1"), ask(f, "C2");
    await(f);
    assert_str(answer(f, 0)->content, "tab\there, back\\slash, line\r\nend");
    assert_str(answer(f, 1)->content, "last");
    assert_int_equal(cmp_test_verdict(f->ops[2]), CMP_STORE_ABSENT);
    assert_int_equal(cmp_test_verdict(f->ops[3]), CMP_STORE_ABSENT);
    assert_str(answer(f, 4)->content, "again");

    write = begin(f);
    put(f, write, "W4", "x");
    ops()->abort(cmp_test_instance(f->host), write);
    write = begin(f);
    put(f, write, "W5", "x");
    memset(long_ici, 'I', sizeof(long_ici) - 1);
    long_ici[sizeof(long_ici) - 1] = '\0';
    put(f, write, long_ici, "x");
    assert_false(ops()->commit(cmp_test_instance(f->host), write, error, sizeof(error)));
    assert_non_null(strstr(error, "check constraint"));
    ask(f, "W4"), ask(f, "W5");
    await(f);
    assert_int_equal(cmp_test_verdict(f->ops[0]), CMP_STORE_ABSENT);
    assert_int_equal(cmp_test_verdict(f->ops[1]), CMP_STORE_ABSENT);
}

static void test_removals_that_stand_alone(void **state)
{
    fixture *f = *state;
    open_ready(f);
    void *write = begin(f);
    take_nothing_away(f, write, "unknown");
    take_away(f, write, "C1");
    take_nothing_away(f, write, "C1");
    take_away(f, write, "C2");
    put(f, write, "C2", "again");
    assert_int_equal(look_up(f, "C1"), CMP_STORE_FOUND); /* until commit */
    commit(f, write);
    assert_int_equal(look_up(f, "C1"), CMP_STORE_ABSENT);
    assert_int_equal(look_up(f, "C2"), CMP_STORE_FOUND);
    assert_str(answer(f, 0)->content, "again");
}

static void test_writes_every_column(void **state)
{
    fixture *f = *state;
    static const cmp_condition when[] = {{CMP_STR("note"), CMP_STR("\"\\")}};
    static const cmp_variant variants[] = {{CMP_STR("\t\xC3\xA9"), CMP_STR("text"), when, 1}};
    char error[200];
    cmp_record record = CMP_RECORD_INIT;
    record.content = CMP_STR("\\N");
    record.content_type = CMP_STR("uri");
    record.ttl_s = 31536000;
    record.status = CMP_RECORD_REVOKED;
    record.not_before_ms = -62135596800000; /* 0001-01-01 */
    record.not_after_ms = 253402300799999;  /* the end of 9999 */
    record.variants = variants;
    record.variant_count = 1;
    open_store(f);
    void *write = begin(f);
    assert_true(
        ops()->put(cmp_test_instance(f->host), write, CMP_STR("W"), &record, error, sizeof(error)));
    commit(f, write);
    assert_int_equal(look_up(f, "W"), CMP_STORE_FOUND);
    const cmp_record *found = answer(f, 0);
    assert_str(found->content, "\\N");
    assert_str(found->content_type, "uri");
    assert_int_equal(found->ttl_s, 31536000);
    assert_int_equal(found->status, CMP_RECORD_REVOKED);
    assert_true(found->not_before_ms == record.not_before_ms);
    assert_true(found->not_after_ms == record.not_after_ms);
    assert_int_equal(found->variant_count, 1);
    assert_str(found->variants[0].content, "\t\xC3\xA9");
    assert_str(found->variants[0].conditions[0].value, "\"\\");
}

static bool see(cmp_str ici, const cmp_record *record, void *arg)
{
    fixture *f = arg;
    (void)ici;
    assert_non_null(record->content.at);
    return ++f->seen != 6000;
}

static void test_scan(void **state)
{
    fixture *f = *state;
    char error[200];
    open_store(f);
    sql("insert into cmp_codes (ici, content) select 'S' || i, 'x' from "
        "generate_series(1, 9600) i");
    assert_true(ops()->scan(cmp_test_instance(f->host), CMP_NONE, see, f, error, sizeof(error)));
    assert_int_equal(f->seen, 6000);
    f->seen = 6000;
    assert_true(
        ops()->scan(cmp_test_instance(f->host), CMP_STR("C"), see, f, error, sizeof(error)));
    assert_int_equal(f->seen, 16000);
    f->seen = 6000;
    assert_true(
        ops()->scan(cmp_test_instance(f->host), CMP_STR("S9999"), see, f, error, sizeof(error)));
    assert_int_equal(f->seen, 6000);
}

int main(void)
{
#define SQL_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
#define POOLED_TEST(test)                                                                          \
    {                                                                                              \
#test ", pooled", test, set_up_pooled, tear_down, NULL                                     \
    }
    const struct CMUnitTest tests[] = {
        SQL_TEST(test_schema_is_missing),
        SQL_TEST(test_schema_versions),
        SQL_TEST(test_a_check_makes_no_tables),
        SQL_TEST(test_refuses_queries),
        SQL_TEST(test_starts_without_a_server),
        SQL_TEST(test_every_column),
        SQL_TEST(test_rows_that_are_not_understood),
        SQL_TEST(test_batches),
        SQL_TEST(test_waiting_is_bounded),
        SQL_TEST(test_cancel),
        SQL_TEST(test_stop_with_lookups_under_way),
        SQL_TEST(test_errors_stay_alone),
        SQL_TEST(test_slow_query),
        SQL_TEST(test_a_query_cannot_write),
        SQL_TEST(test_restart),
        SQL_TEST(test_connection_is_ended),
        SQL_TEST(test_backend_is_killed),
        SQL_TEST(test_backend_stands_still),
        SQL_TEST(test_slots_are_taken),
        SQL_TEST(test_schema_falls_behind),
        SQL_TEST(test_table_is_changed),
        POOLED_TEST(test_every_column),
        POOLED_TEST(test_batches),
        POOLED_TEST(test_cancel),
        POOLED_TEST(test_errors_stay_alone),
        POOLED_TEST(test_slow_query),
        POOLED_TEST(test_a_query_cannot_write),
        POOLED_TEST(test_table_is_changed),
        POOLED_TEST(test_writes),
        POOLED_TEST(test_scan),
        SQL_TEST(test_table_is_swapped),
        SQL_TEST(test_schema_may_be_applied_twice),
        SQL_TEST(test_a_check_asks_the_server),
        SQL_TEST(test_removals_that_stand_alone),
        SQL_TEST(test_several_hosts),
        SQL_TEST(test_a_silent_host),
        SQL_TEST(test_no_such_name),
        SQL_TEST(test_stop_while_names_are_resolved),
        SQL_TEST(test_replica),
        SQL_TEST(test_hears_of_changes),
        SQL_TEST(test_writes),
        SQL_TEST(test_writes_every_column),
        SQL_TEST(test_scan),
    };
    return cmocka_run_group_tests(tests, group_set_up, group_tear_down);
}
