/* SPDX-License-Identifier: Apache-2.0 */
/* The plugin store_sql with a real PostgreSQL: its start and its look-ups. */
#include "store_sql_pg_rig.h"

/* ---- the start ---- */

static void test_schema_is_missing(void **state)
{
    pg_rig *f = *state;
    pg_sql("drop table cmp_schema, cmp_codes");
    pg_refuse(f, "version 0, and 1 is needed: run etc/sql/postgresql/001_codes.sql");
    pg_sql("drop function cmp_codes_changed");
    *(int *)pg_option(f, "create") = 1; /* true */
    pg_open(f);
    assert_int_equal(pg_look_up(f, "C1"), CMP_STORE_ABSENT);
    assert_int_equal(pg_sql_number("select max(version) from cmp_schema"), 1);
}

static void test_a_check_makes_no_tables(void **state)
{
    pg_rig *f = *state;
    pg_sql("drop table cmp_schema, cmp_codes");
    pg_sql("drop function cmp_codes_changed");
    cmp_test_purpose(f->host, CMP_PURPOSE_CHECK);
    pg_refuse(f, "version 0, and 1 is needed"); /* it may not even be made */
    *(int *)pg_option(f, "create") = 1;         /* true */
    pg_open(f);
    assert_int_equal(pg_sql_number("select count(*) from pg_class where relname like 'cmp_%'"), 0);
    cmp_test_close(f->host);
    cmp_test_purpose(f->host, CMP_PURPOSE_READ);
    pg_refuse(f, "version 0, and 1 is needed");
    cmp_test_purpose(f->host, CMP_PURPOSE_RUN);
    pg_open(f);
    assert_int_equal(pg_sql_number("select max(version) from cmp_schema"), 1);
}

static void test_schema_versions(void **state)
{
    pg_rig *f = *state;
    pg_sql("update cmp_schema set version = 0");
    pg_refuse(f, "version 0, and 1 is needed: run etc/sql/postgresql/001_codes.sql");
    pg_sql("update cmp_schema set version = 2");
    pg_refuse(f, "version 2, and this program knows 1");
}

static void test_refuses_queries(void **state)
{
    pg_rig *f = *state;
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
        *(const char **)pg_option(f, "query") = cases[i].query;
        pg_refuse(f, cases[i].why);
    }
}

/* The server asks the role `guarded` for its password. */
static void guard_a_role(void)
{
    char line[200];
    pg_sql("drop role if exists guarded; create role guarded login password 'right';"
           "grant usage on schema public to guarded; grant select on cmp_schema, cmp_codes to "
           "guarded");
    snprintf(line, sizeof(line),
             "sed -i '1i host all guarded all scram-sha-256' %s/data/pg_hba.conf", pg_folder);
    assert_int_equal(system(line), 0);
    pg_sql("select pg_reload_conf()");
}

/* What the server says itself is an error of the configuration; that it cannot be reached is none.
 */
static void test_a_check_asks_the_server(void **state)
{
    pg_rig *f = *state;
    cmp_test_purpose(f->host, CMP_PURPOSE_CHECK);
    snprintf(f->url, sizeof(f->url), "postgresql://nobody@127.0.0.1:%d/codes", pg_port);
    pg_refuse(f, "role \"nobody\" does not exist");
    snprintf(f->url, sizeof(f->url), "postgresql://cmpd@127.0.0.1:%d/nowhere", pg_port);
    pg_refuse(f, "database \"nowhere\" does not exist");
    guard_a_role();
    snprintf(f->url, sizeof(f->url), "postgresql://guarded:wrong@127.0.0.1:%d/codes", pg_port);
    const int64_t since_ms = pg_real_ms();
    for (bool asks = false; !asks;) { /* until the server has read its rules */
        PGconn *db = PQconnectdb(f->url);
        asks = PQstatus(db) == CONNECTION_BAD;
        PQfinish(db);
        pg_patience(f, since_ms, "the password is asked for");
    }
    pg_refuse(f, "password authentication failed");
    snprintf(f->url, sizeof(f->url), "postgresql://guarded@127.0.0.1:%d/codes", pg_port);
    pg_refuse(f, "no password supplied");
    snprintf(f->url, sizeof(f->url), "postgresql://guarded:right@127.0.0.1:%d/codes", pg_port);
    pg_open(f);
    cmp_test_close(f->host);
    pg_sql("drop owned by guarded; drop role guarded");

    snprintf(f->url, sizeof(f->url), "postgresql://cmpd@127.0.0.1:1/codes");
    pg_open(f);
    assert_true(cmp_test_logged(f->host, CMP_LOG_ERROR, "Connection refused"));
}

/* ---- look-ups ---- */

static void test_every_column(void **state)
{
    pg_rig *f = *state;
    pg_sql("insert into cmp_codes values ('all', 'https://x', 'uri', 0, 'revoked', "
           "'1970-01-01 00:00:01.5+00', '2030-01-01 01:00:00+01', null, "
           "'[{\"when\": {\"language\": \"fr\"}, \"content\": \"\xC3\xA9\"}]')");
    pg_sql("insert into cmp_codes (ici, transferred_to, not_after) values "
           "('moved', 'b.example.net', 'infinity')");
    pg_open(f);
    pg_ask(f, "all"), pg_ask(f, "moved"), pg_ask(f, "ALL"), pg_ask(f, "al%"),
        pg_ask(f, "' or true --");
    pg_await(f);
    const cmp_record *all = pg_answer(f, 0), *moved = pg_answer(f, 1);
    pg_assert_str(all->content, "https://x");
    pg_assert_str(all->content_type, "uri");
    assert_int_equal(all->ttl_s, 0);
    assert_int_equal(all->status, CMP_RECORD_REVOKED);
    assert_int_equal(all->not_before_ms, 1500);
    assert_true(all->not_after_ms == 1893456000000);
    assert_int_equal(all->variant_count, 1);
    pg_assert_str(all->variants[0].content, "\xC3\xA9");
    pg_assert_str(moved->transferred_to, "b.example.net");
    assert_null(moved->content.at);
    assert_int_equal(moved->ttl_s, CMP_TTL_UNSET);
    assert_true(moved->not_after_ms == CMP_TIME_MAX);
    for (int i = 2; i < 5; i++) {
        assert_int_equal(cmp_test_verdict(f->ops[i]), CMP_STORE_ABSENT);
    }
}

static void test_rows_that_are_not_understood(void **state)
{
    pg_rig *f = *state;
    pg_sql("insert into cmp_codes (ici, content, ttl, variants) values ('bad', 'x', -1, null), "
           "('worse', 'x', null, '{}')");
    pg_open(f);
    assert_int_equal(pg_look_up(f, "bad"), CMP_STORE_UNAVAILABLE);
    assert_true(cmp_test_logged(f->host, CMP_LOG_ERROR, "the row of bad: ttl"));
    cmp_test_advance(f->host, 10001);
    assert_int_equal(pg_look_up(f, "worse"), CMP_STORE_UNAVAILABLE);
    assert_true(cmp_test_logged(f->host, CMP_LOG_ERROR, "the row of worse: variants"));
}

static void test_batches(void **state)
{
    pg_rig *f = *state;
    pg_open_ready(f);
    const uint64_t batches = cmp_test_counted(f->host, "batches");
    pg_ask_many(f, 100);
    pg_await(f);
    assert_int_equal(cmp_test_counted(f->host, "batches") - batches, 2); /* of 64 at most */
    for (unsigned i = 0; i < 100; i++) {
        char text[32];
        snprintf(text, sizeof(text), "content %u", i);
        pg_assert_str(pg_answer(f, i)->content, text);
    }
}

static void test_waiting_is_bounded(void **state)
{
    pg_rig *f = *state;
    pg_open_ready(f);
    pg_ask_many(f, 302);
    assert_int_equal(cmp_test_verdict(f->ops[300]), CMP_STORE_UNAVAILABLE);
    assert_int_equal(cmp_test_verdict(f->ops[301]), CMP_STORE_UNAVAILABLE);
    assert_int_equal(cmp_test_counted(f->host, "refused"), 2);
    pg_await(f);
    pg_assert_str(pg_answer(f, 299)->content, "content 299");
}

static void test_cancel(void **state)
{
    pg_rig *f = *state;
    pg_open_ready(f);
    pg_ask_many(f, 4);
    cmp_test_cancel(f->ops[1]); /* not sent yet */
    pg_ops()->turn_end(cmp_test_instance(f->host), cmp_test_worker(f->host));
    cmp_test_cancel(f->ops[2]); /* on its way */
    pg_await(f);                /* the last one's result comes behind those that were cancelled */
    pg_assert_str(pg_answer(f, 0)->content, "content 0");
    assert_int_equal(cmp_test_verdict(f->ops[1]), CMP_STORE_UNAVAILABLE);
    assert_int_equal(cmp_test_verdict(f->ops[2]), CMP_STORE_UNAVAILABLE);
    pg_assert_str(pg_answer(f, 3)->content, "content 3");
    for (unsigned i = 0; i < 4; i++) {
        assert_true(pg_is_answered(f, i));
    }
}

/* What is under way when the worker ends is completed, too. */
static void test_stop_with_lookups_under_way(void **state)
{
    pg_rig *f = *state;
    pg_open_ready(f);
    pg_ask_many(f, 3);
    pg_ops()->turn_end(cmp_test_instance(f->host), cmp_test_worker(f->host));
    pg_ask(f, "C9");
    cmp_test_close(f->host);
    for (unsigned i = 0; i < 4; i++) {
        assert_true(pg_is_answered(f, i));
        assert_int_equal(cmp_test_verdict(f->ops[i]), CMP_STORE_UNAVAILABLE);
    }
}

/* ---- queries of the operator's ---- */

/* One ICI that the query cannot digest does no harm to the others of its batch. */
static void test_errors_stay_alone(void **state)
{
    pg_rig *f = *state;
    pg_sql("create table links (id bigint primary key, target text); grant all on links to cmpd; "
           "insert into links select i, 'target ' || i from generate_series(1, 99) i");
    *(const char **)pg_option(f, "query") =
        "select target as content from links where id = ($1::text)::bigint";
    pg_open(f);
    pg_ask(f, "1"), pg_ask(f, "x"), pg_ask(f, "2"), pg_ask(f, "y"), pg_ask(f, "100"),
        pg_ask(f, "3");
    pg_await(f);
    pg_assert_str(pg_answer(f, 0)->content, "target 1");
    assert_int_equal(cmp_test_verdict(f->ops[1]), CMP_STORE_UNAVAILABLE);
    pg_assert_str(pg_answer(f, 2)->content, "target 2");
    assert_int_equal(cmp_test_verdict(f->ops[3]), CMP_STORE_UNAVAILABLE);
    assert_int_equal(cmp_test_verdict(f->ops[4]), CMP_STORE_ABSENT);
    pg_assert_str(pg_answer(f, 5)->content, "target 3");
    assert_true(cmp_test_logged(f->host, CMP_LOG_ERROR, "a look-up: ERROR:  invalid input syntax"));
    assert_int_equal(cmp_test_counted(f->host, "connections_lost"), 0);
}

static void test_slow_query(void **state)
{
    static const char canceled[] = "canceling statement due to statement timeout";
    pg_rig *f = *state;
    const int64_t timeout_ms = 3000; /* the server's own time, for what is quick as well */
    *(int64_t *)pg_option(f, "statement_timeout") = timeout_ms;
    *(const char **)pg_option(f, "query") =
        "select content from cmp_codes, pg_sleep(case when $1 = 'C7' then 30 else 0 end) "
        "where ici = $1";
    pg_open(f);
    assert_int_equal(pg_look_up(f, "C1"), CMP_STORE_FOUND);
    pg_ask(f, "C7");
    pg_turn(f, 0);
    cmp_test_advance(f->host, timeout_ms + PG_TICK_MS);
    assert_true(pg_is_answered(f, 0));
    assert_int_equal(cmp_test_verdict(f->ops[0]), CMP_STORE_UNAVAILABLE);
    PG_UNTIL(f, pg_says(f, CMP_LOG_ERROR, canceled)); /* by the server, in its own time */
    assert_true(cmp_test_logged(f->host, CMP_LOG_ERROR, canceled));
    f->asked = 0;
    assert_int_equal(pg_look_up(f, "C1"), CMP_STORE_FOUND);
    assert_int_equal(cmp_test_counted(f->host, "connections_lost"), 0);
}

static void test_a_query_cannot_write(void **state)
{
    pg_rig *f = *state;
    pg_sql("create function count_it(text) returns text language sql as "
           "$$ delete from cmp_codes where ici = $1 returning content $$");
    *(const char **)pg_option(f, "query") = "select count_it($1) as content";
    pg_open(f);
    assert_int_equal(pg_look_up(f, "C1"), CMP_STORE_UNAVAILABLE);
    assert_true(cmp_test_logged(f->host, CMP_LOG_ERROR, "read-only transaction"));
    assert_int_equal(pg_sql_number("select count(*) from cmp_codes where ici = 'C1'"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PG_TEST(test_schema_is_missing),
        PG_TEST(test_schema_versions),
        PG_TEST(test_a_check_makes_no_tables),
        PG_TEST(test_refuses_queries),
        PG_TEST(test_every_column),
        PG_TEST(test_rows_that_are_not_understood),
        PG_TEST(test_batches),
        PG_TEST(test_waiting_is_bounded),
        PG_TEST(test_cancel),
        PG_TEST(test_stop_with_lookups_under_way),
        PG_TEST(test_errors_stay_alone),
        PG_TEST(test_slow_query),
        PG_TEST(test_a_query_cannot_write),
        PG_POOLED_TEST(test_every_column),
        PG_POOLED_TEST(test_batches),
        PG_POOLED_TEST(test_cancel),
        PG_POOLED_TEST(test_errors_stay_alone),
        PG_POOLED_TEST(test_slow_query),
        PG_POOLED_TEST(test_a_query_cannot_write),
        PG_TEST(test_a_check_asks_the_server),
    };
    return cmocka_run_group_tests(tests, pg_group_set_up, pg_group_tear_down);
}
