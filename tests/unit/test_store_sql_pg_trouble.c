/* SPDX-License-Identifier: Apache-2.0 */
/* The plugin store_sql with a real PostgreSQL: a server that is restarted,
 * full, slow, stopped, behind with its schema, one of several, or gone. */
#include "store_sql_pg_rig.h"

#include "../../plugins/store_sql/pg_target.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <signal.h>

/* ---- a server in trouble ---- */

/* A server that is not there yet does not stop the start. */
static void test_starts_without_a_server(void **state)
{
    pg_rig *f = *state;
    PQfinish(pg_admin);
    assert_true(pg_server("stop", "fast"));
    pg_open(f);
    assert_int_equal(pg_look_up(f, "C1"), CMP_STORE_UNAVAILABLE); /* at once: time stands */
    assert_true(pg_server("start", ""));
    pg_admin = pg_connect_as("postgres", "codes");
    pg_recover(f);
    assert_true(cmp_test_logged(f->host, CMP_LOG_ERROR, "Connection refused"));
    PG_UNTIL_LATER(f, pg_says(f, CMP_LOG_NOTICE, "the database answers"));
    assert_true(cmp_test_logged(f->host, CMP_LOG_NOTICE, "the database answers"));
}

static void test_restart(void **state)
{
    pg_rig *f = *state;
    pg_open_ready(f);
    PQfinish(pg_admin);
    assert_true(pg_server("stop", "fast"));
    PG_UNTIL(f, pg_look_up(f, "C1") == CMP_STORE_UNAVAILABLE);
    pg_pass(f, 60000); /* pauses get longer meanwhile, and not longer than two seconds */
    assert_true(pg_server("start", ""));
    pg_admin = pg_connect_as("postgres", "codes");
    pg_recover(f);
    PG_UNTIL_LATER(f, cmp_test_changed_count(f->host) >= 2); /* what was said meanwhile is lost */
    assert_memory_equal(cmp_test_changed(f->host), "*\n*\n", 4);
    assert_true(cmp_test_logged(f->host, CMP_LOG_ERROR, "connection"));
    PG_UNTIL_LATER(f, pg_says(f, CMP_LOG_NOTICE, "the database answers"));
    assert_true(cmp_test_logged(f->host, CMP_LOG_NOTICE, "the database answers"));
}

static void test_connection_is_ended(void **state)
{
    pg_rig *f = *state;
    pg_open_ready(f);
    cmp_test_advance(f->host, 1100); /* it has been good for a while */
    pg_ask_many(f, 50);
    pg_ops()->turn_end(cmp_test_instance(f->host), cmp_test_worker(f->host));
    pg_sql("select pg_terminate_backend(pid) " PG_LANES " limit 1");
    pg_ask_many(f, 50);
    pg_await(f);
    for (unsigned i = 0; i < 100; i++) {
        pg_answer(f, i); /* all found: on the other connection, or on the next one */
    }
    PG_UNTIL(f, cmp_test_counted(f->host, "connections_lost") > 0);
    assert_int_equal(cmp_test_counted(f->host, "lookups_failed"), 0);
    assert_int_equal(cmp_test_counted(f->host, "connections_lost"), 1);
    assert_true(cmp_test_logged(f->host, CMP_LOG_ERROR, "terminating connection"));
}

static void test_backend_is_killed(void **state)
{
    pg_rig *f = *state;
    pg_open_ready(f);
    const int64_t pid =
        pg_sql_number("select min(pid) from pg_stat_activity where usename = 'cmpd'");
    assert_int_equal(kill((pid_t)pid, SIGKILL), 0); /* PostgreSQL ends all others, too */
    pg_ask_many(f, 10);
    pg_await(f);
    for (unsigned i = 0; i < 10; i++) {
        assert_true(cmp_test_verdict(f->ops[i]) == CMP_STORE_FOUND ||
                    cmp_test_verdict(f->ops[i]) == CMP_STORE_UNAVAILABLE);
    }
    do { /* else a session may be made that the server then ends with the others */
        PQclear(PQexec(pg_admin, "select 1"));
        pg_pass(f, 10);
    } while (PQstatus(pg_admin) == CONNECTION_OK);
    do {
        PQreset(pg_admin);
        pg_pass(f, 10);
    } while (PQstatus(pg_admin) != CONNECTION_OK);
    pg_recover(f);
    assert_true(cmp_test_logged(f->host, CMP_LOG_ERROR, ": "));
}

/* It takes what it is sent, and says nothing. */
static void test_backend_stands_still(void **state)
{
    pg_rig *f = *state;
    const int64_t timeout_ms = 3000;
    *(int64_t *)pg_option(f, "statement_timeout") = timeout_ms;
    *(int64_t *)pg_option(f, "connections") = 1;
    pg_open_ready(f);
    const int64_t pid = pg_sql_number("select min(pid) " PG_LANES);
    assert_int_equal(kill((pid_t)pid, SIGSTOP), 0);
    pg_ask_many(f, 5);
    pg_turn(f, timeout_ms - 1);
    assert_false(pg_is_answered(f, 4));
    pg_turn(f, 1 + PG_TICK_MS);
    pg_await(f);
    assert_int_equal(cmp_test_verdict(f->ops[4]), CMP_STORE_UNAVAILABLE);
    pg_pass(f, timeout_ms + 1000); /* nor does the connection, as is found out then */
    pg_recover(f);
    assert_true(cmp_test_logged(f->host, CMP_LOG_ERROR, "does not answer any more"));
    assert_int_equal(kill((pid_t)pid, SIGCONT), 0);
}

/* Until all that the store opens is open: what is only being opened, nobody could end. */
static void pg_all_open(pg_rig *f)
{
    PG_UNTIL_LATER(f, pg_sql_number("select count(*) from pg_stat_activity"
                                    " where usename = 'cmpd' and state = 'idle'") == 3);
}

static void pg_end_all(void)
{
    pg_sql("select pg_terminate_backend(pid) from pg_stat_activity where usename = 'cmpd'");
}

static void test_slots_are_taken(void **state)
{
    pg_rig *f = *state;
    pg_open_ready(f);
    pg_all_open(f);
    pg_sql("alter role cmpd connection limit 0");
    pg_end_all();
    PG_UNTIL_LATER(f, pg_says(f, CMP_LOG_ERROR, "too many connections"));
    assert_int_equal(pg_look_up(f, "C1"), CMP_STORE_UNAVAILABLE);
    pg_sql("alter role cmpd connection limit -1");
    pg_recover(f);
    assert_true(cmp_test_logged(f->host, CMP_LOG_ERROR, "too many connections"));
}

/* There is room for two of three connections. */
static void test_some_slots_are_taken(void **state)
{
    pg_rig *f = *state;
    pg_open_ready(f);
    pg_all_open(f);
    pg_sql("alter role cmpd connection limit 2");
    pg_end_all();
    PG_UNTIL_LATER(f, pg_says(f, CMP_LOG_ERROR, "too many connections"));
    for (int i = 0; i < 20; i++) {
        PG_UNTIL_LATER(f, pg_look_up(f, "C1") == CMP_STORE_FOUND);
        pg_pass(f, 500);
    }
    assert_false(pg_says(f, CMP_LOG_NOTICE, "the database answers"));
    pg_sql("alter role cmpd connection limit -1");
    PG_UNTIL_LATER(f, pg_says(f, CMP_LOG_NOTICE, "the database answers"));
    assert_true(cmp_test_logged(f->host, CMP_LOG_NOTICE, "the database answers"));
    assert_true(cmp_test_logged(f->host, CMP_LOG_ERROR, "too many connections"));
}

/* Somebody has put an old copy in place while we ran. */
static void test_schema_falls_behind(void **state)
{
    pg_rig *f = *state;
    pg_open_ready(f);
    pg_all_open(f);
    pg_sql("update cmp_schema set version = 0");
    pg_end_all();
    PG_UNTIL_LATER(f, pg_says(f, CMP_LOG_ERROR, "run etc/sql/postgresql/001_codes.sql"));
    assert_int_equal(pg_look_up(f, "C1"), CMP_STORE_UNAVAILABLE);
    pg_sql("update cmp_schema set version = 1");
    pg_recover(f);
    assert_true(cmp_test_logged(f->host, CMP_LOG_ERROR, "run etc/sql/postgresql/001_codes.sql"));
}

/* ---- hosts ---- */

static void test_several_hosts(void **state)
{
    pg_rig *f = *state;
    snprintf(f->url, sizeof(f->url),
             "postgresql://cmpd@localhost:1,localhost:%d/codes?target_session_attrs=read-write",
             pg_port);
    pg_open(f);
    assert_int_equal(pg_look_up(f, "C1"), CMP_STORE_FOUND);
}

/* The first host takes connections and says nothing. */
static void test_a_silent_host(void **state)
{
    pg_rig *f = *state;
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof(any);
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&any, size), 0);
    assert_int_equal(listen(fd, 16), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&any, &size), 0);
    snprintf(f->url, sizeof(f->url), "postgresql://cmpd@127.0.0.1:%d,127.0.0.1:%d/codes",
             ntohs(any.sin_port), pg_port);
    pg_open(f);
    pg_ask(f, "C1");
    pg_turn(f, PG_TIMEOUT_MS);
    pg_await(f);
    assert_int_equal(cmp_test_verdict(f->ops[0]), CMP_STORE_UNAVAILABLE);
    pg_recover(f);
    assert_true(cmp_test_logged(f->host, CMP_LOG_ERROR, "did not answer in time"));
    close(fd);
}

static void test_no_such_name(void **state)
{
    pg_rig *f = *state;
    snprintf(f->url, sizeof(f->url), "postgresql://cmpd@nowhere.invalid/codes");
    pg_open(f);
    PG_UNTIL(f, pg_says(f, CMP_LOG_ERROR, "nowhere.invalid"));
    assert_true(cmp_test_logged(f->host, CMP_LOG_ERROR, "nowhere.invalid"));
    assert_int_equal(pg_look_up(f, "C1"), CMP_STORE_UNAVAILABLE);
}

static void test_stop_while_names_are_resolved(void **state)
{
    pg_rig *f = *state;
    snprintf(f->url, sizeof(f->url), "postgresql://cmpd@localhost:%d/codes", pg_port);
    cmp_test_hold(f->host, true);
    pg_open(f);
    cmp_test_worker_restart(f->host);
    assert_int_equal(pg_look_up(f, "C1"), CMP_STORE_FOUND);
}

static void test_replica(void **state)
{
    pg_rig *f = *state;
    PGconn *replica = pg_connect_as("postgres", "replica");
    pg_sql_on(replica, "drop schema if exists public cascade; create schema public");
    pg_sql_on(replica, "grant all on schema public to cmpd");
    pg_load_schema(replica);
    pg_sql_on(replica, "insert into cmp_codes (ici, content) values ('C1', 'of the replica')");
    PQfinish(replica);
    snprintf(f->replica_url, sizeof(f->replica_url), "postgresql://cmpd@127.0.0.1:%d/replica",
             pg_port);
    *(const char **)pg_option(f, "replica_url") = f->replica_url;
    pg_open_ready(f);
    assert_int_equal(pg_look_up(f, "C1"), CMP_STORE_FOUND);
    pg_assert_str(pg_answer(f, 0)->content, "of the replica");

    pg_sql("alter database replica allow_connections false");
    pg_sql("select pg_terminate_backend(pid) from pg_stat_activity where datname = 'replica'");
    PG_UNTIL(f, pg_sql_number("select count(*) " PG_LANES " and datname = 'replica'") == 0);
    pg_recover(f);
    pg_assert_str(pg_answer(f, 0)->content, "content 1");

    pg_sql("alter database replica allow_connections true");
    PG_UNTIL_LATER(f, pg_look_up(f, "C1") == CMP_STORE_FOUND &&
                          cmp_str_equal(pg_answer(f, 0)->content, CMP_STR("of the replica")));
    /* The primary is left alone again. */
    PG_UNTIL(f, pg_sql_number("select count(*) " PG_LANES " and datname = 'codes'") == 0);
    assert_true(cmp_test_logged(f->host, CMP_LOG_ERROR, "the replica: "));
}

/* Both lanes lead to the standby, and one of them has nothing to do. */
static void test_a_standby_is_promoted(void **state)
{
    pg_rig *f = *state;
    char folder[] = "/tmp/test-pg-standby-XXXXXX";
    const int port = pg_standby_start(folder);
    snprintf(f->url, sizeof(f->url),
             "postgresql://cmpd@127.0.0.1:%d,127.0.0.1:%d/codes?connect_timeout=60", port, pg_port);
    pg_open_ready(f);
    PG_UNTIL(f, pg_says(f, CMP_LOG_NOTICE, "look-ups are answered by a standby"));
    PG_UNTIL_LATER(f, cmp_test_changed_count(f->host) >= 4); /* again and again */
    assert_false(pg_says(f, CMP_LOG_NOTICE, "not answered by a standby any more"));

    assert_true(pg_server_in(folder, "promote", ""));
    unsigned before = 0;
    for (const int64_t since_ms = pg_real_ms();
         !pg_says(f, CMP_LOG_NOTICE, "not answered by a standby any more");) {
        pg_patience(f, since_ms, "the end of the standby");
        before = cmp_test_changed_count(f->host);
        pg_turn(f, 1);
    }
    pg_pass(f, 3 * PG_REVALIDATE_MS);
    assert_int_equal(cmp_test_changed_count(f->host), before + 1); /* the last answers may be old */
    assert_int_equal(cmp_test_counted(f->host, "connections_lost"), 0);
    assert_true(pg_server_in(folder, "stop", "immediate"));
}

/* What answers in milliseconds is given up sooner than a write, which a server may be busy with. */
static int untaken_ms(PGconn *db)
{
    int ms = 0;
    socklen_t size = sizeof(ms);
    assert_int_equal(getsockopt(PQsocket(db), IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, &size), 0);
    PQfinish(db);
    return ms;
}

static void test_a_write_waits_longer_than_a_look_up(void **state)
{
    const pg_rig *f = *state;
    pg_target target;
    char error[200];
    assert_true(pg_target_init(&target, f->url));
    const pg_hosts none = {.count = 0};
    PGconn *db = pg_connect_start(&target, &none, 0, false);
    PostgresPollingStatusType status;
    do {
        status = PQconnectPoll(db);
    } while (status == PGRES_POLLING_READING || status == PGRES_POLLING_WRITING);
    assert_int_equal(status, PGRES_POLLING_OK);
    assert_int_equal(untaken_ms(db), 10000);
    db = pg_connect_wait(&target, error, sizeof(error));
    assert_non_null(db);
    assert_int_equal(untaken_ms(db), 120000);
    pg_target_dispose(&target);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PG_TEST(test_starts_without_a_server),
        PG_TEST(test_restart),
        PG_TEST(test_connection_is_ended),
        PG_TEST(test_backend_is_killed),
        PG_TEST(test_backend_stands_still),
        PG_TEST(test_slots_are_taken),
        PG_TEST(test_some_slots_are_taken),
        PG_TEST(test_schema_falls_behind),
        PG_TEST(test_several_hosts),
        PG_TEST(test_a_silent_host),
        PG_TEST(test_no_such_name),
        PG_TEST(test_stop_while_names_are_resolved),
        PG_TEST(test_replica),
        PG_TEST(test_a_standby_is_promoted),
        PG_TEST(test_a_write_waits_longer_than_a_look_up),
    };
    return cmocka_run_group_tests(tests, pg_group_set_up, pg_group_tear_down);
}
