/* SPDX-License-Identifier: Apache-2.0 */
/* See store_sql_pg_rig.h. */
#include "store_sql_pg_rig.h"

#include "free_port.h"

enum {
    PATIENCE_MS = 60000, /* of real time, on a machine that has much else to do */
    TURN_MS = 2,
    PASS_TURNS = 100,
};

int pg_port;
PGconn *pg_admin;
char pg_folder[] = "/tmp/test-pg-XXXXXX";

/* ---- the server ---- */

bool pg_server_in(const char *folder, const char *command, const char *rest)
{
    char line[400];
    snprintf(line, sizeof(line), TEST_SOURCE_DIR "/tests/lib/postgres.sh %s %s %s", command, folder,
             rest);
    return system(line) == 0;
}

bool pg_server(const char *command, const char *rest)
{
    return pg_server_in(pg_folder, command, rest);
}

int pg_standby_start(char *folder)
{
    char rest[100];
    const int port = free_port();
    assert_non_null(mkdtemp(folder));
    snprintf(rest, sizeof(rest), "%d", (int)getpid());
    assert_true(pg_server_in(folder, "guard", rest));
    snprintf(rest, sizeof(rest), "%d %s", port, pg_folder);
    assert_true(pg_server_in(folder, "standby", rest));
    assert_true(pg_server_in(folder, "start", ""));
    return port;
}

PGconn *pg_connect_as(const char *user, const char *database)
{
    char url[200];
    snprintf(url, sizeof(url),
             "host=127.0.0.1 port=%d user=%s dbname=%s "
             "options=-cclient_min_messages=warning",
             pg_port, user, database);
    return PQconnectdb(url);
}

void pg_sql_on(PGconn *db, const char *text)
{
    PGresult *result = PQexec(db, text);
    const ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
        fail_msg("%s: %s", text, PQerrorMessage(db));
    }
    PQclear(result);
}

void pg_sql(const char *text)
{
    pg_sql_on(pg_admin, text);
}

int64_t pg_sql_number(const char *text)
{
    PGresult *result = PQexec(pg_admin, text);
    if (PQresultStatus(result) != PGRES_TUPLES_OK || PQntuples(result) != 1) {
        fail_msg("%s: %s", text, PQerrorMessage(pg_admin));
    }
    const int64_t number = strtoll(PQgetvalue(result, 0, 0), NULL, 10);
    PQclear(result);
    return number;
}

void pg_load_schema(PGconn *db)
{
    char text[8192] = "";
    FILE *file = fopen(TEST_SOURCE_DIR "/etc/sql/postgresql/001_codes.sql", "r");
    assert_non_null(file);
    assert_true(fread(text, 1, sizeof(text) - 1, file) > 0);
    fclose(file);
    pg_sql_on(db, text);
    pg_sql_on(db, "grant select on cmp_schema to cmpd; grant all on cmp_codes to cmpd");
}

int pg_group_set_up(void **state)
{
    char rest[100];
    (void)state;
    assert_non_null(mkdtemp(pg_folder));
    snprintf(rest, sizeof(rest), "%d", (int)getpid());
    assert_true(pg_server("guard", rest));
    pg_port = free_port();
    snprintf(rest, sizeof(rest), "%d max_connections=%d", pg_port, PG_SLOTS);
    if (!pg_server("init", rest) || !pg_server("start", "")) {
        return -1;
    }
    pg_admin = pg_connect_as("postgres", "postgres");
    pg_sql("create role cmpd login");
    pg_sql("create database codes owner cmpd");
    pg_sql("create database replica");
    PQfinish(pg_admin);
    pg_admin = pg_connect_as("postgres", "codes");
    return 0;
}

int pg_group_tear_down(void **state)
{
    char line[100];
    (void)state;
    PQfinish(pg_admin);
    pg_server("stop", "immediate");
    snprintf(line, sizeof(line), "rm -r %s", pg_folder);
    return system(line);
}

/* ---- the store ---- */

const cmp_store_ops *pg_ops(void)
{
    return pg_driver.ops.store;
}

void *pg_option(const pg_rig *f, const char *name)
{
    const cmp_option *row = cmp_plugin_descriptor.options;
    while (row->name != NULL && strcmp(row->name, name) != 0) {
        row++;
    }
    assert_non_null(row->name);
    return (char *)f->options + row->offset;
}

int pg_set_up(void **state)
{
    pg_rig *f = calloc(1, sizeof(*f));
    f->host = cmp_test_create();
    f->txn = cmp_test_txn_create(f->host);
    pg_sql("drop schema if exists public cascade; create schema public authorization cmpd");
    pg_load_schema(pg_admin);
    pg_sql("insert into cmp_codes (ici, content) select 'C' || i, 'content ' || i "
           "from generate_series(0, 399) i");
    snprintf(f->url, sizeof(f->url), "postgresql://cmpd@127.0.0.1:%d/codes?connect_timeout=60",
             pg_port);
    f->options = calloc(1, cmp_plugin_descriptor.options_size);
    *(const char **)pg_option(f, "url") = f->url;
    *(int64_t *)pg_option(f, "connections") = 2;
    *(int64_t *)pg_option(f, "statement_timeout") = PG_TIMEOUT_MS;
    *(int64_t *)pg_option(f, "waiting") = 300;
    *(int64_t *)pg_option(f, "revalidate") = PG_REVALIDATE_MS;
    *state = f;
    return 0;
}

int pg_set_up_pooled(void **state)
{
    const int result = pg_set_up(state);
    *(int *)pg_option(*state, "pooler") = 1; /* true */
    return result;
}

int pg_tear_down(void **state)
{
    pg_rig *f = *state;
    for (size_t i = 0; i < PG_OPS_MAX; i++) {
        cmp_test_end(&f->ops[i]);
    }
    cmp_test_txn_destroy(&f->txn);
    cmp_test_destroy(&f->host);
    free(f->options);
    free(f);
    return 0;
}

void pg_open(pg_rig *f)
{
    if (!cmp_test_open_filled(f->host, &cmp_plugin_descriptor, f->options)) {
        fail_msg("%s", cmp_test_report(f->host));
    }
}

void pg_open_ready(pg_rig *f)
{
    pg_open(f);
    assert_int_equal(pg_look_up(f, "C1"), CMP_STORE_FOUND);
    PG_UNTIL(f, cmp_test_changed_count(f->host) > 0);
}

void pg_refuse(pg_rig *f, const char *why)
{
    assert_false(cmp_test_open_filled(f->host, &cmp_plugin_descriptor, f->options));
    if (!cmp_test_reported(f->host, why)) {
        fail_msg("reported: %s", cmp_test_report(f->host));
    }
}

/* ---- time ---- */

int64_t pg_real_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void pg_patience(pg_rig *f, int64_t since_ms, const char *what)
{
    if (pg_real_ms() - since_ms > PATIENCE_MS) {
        fail_msg("%s: does not come to pass: %s", what, cmp_test_log(f->host, CMP_LOG_ERROR));
    }
}

/* Time passes first, and with none what is due at once: what was asked since belongs to the turn.
 */
void pg_turn(pg_rig *f, int64_t ms)
{
    cmp_test_advance(f->host, ms);
    pg_ops()->turn_end(cmp_test_instance(f->host), cmp_test_worker(f->host));
    cmp_test_run(f->host, TURN_MS);
}

void pg_pass(pg_rig *f, int64_t ms)
{
    const int64_t step_ms = ms / PASS_TURNS + 1;
    for (int64_t left_ms = ms; left_ms > 0; left_ms -= step_ms) {
        pg_turn(f, left_ms < step_ms ? left_ms : step_ms);
    }
}

bool pg_says(const pg_rig *f, cmp_log_level level, const char *part)
{
    return strstr(cmp_test_log(f->host, level), part) != NULL;
}

/* ---- look-ups ---- */

void pg_ask(pg_rig *f, const char *ici)
{
    assert_true(f->asked < PG_OPS_MAX);
    cmp_test_op **op = &f->ops[f->asked++];
    cmp_test_end(op);
    *op = cmp_test_lookup(f->host, ici, f->txn);
}

void pg_ask_many(pg_rig *f, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        char ici[16];
        snprintf(ici, sizeof(ici), "C%u", i);
        pg_ask(f, ici);
    }
}

bool pg_is_answered(const pg_rig *f, unsigned at)
{
    return cmp_test_verdict(f->ops[at]) != CMP_STORE_PENDING;
}

static bool all_answered(const pg_rig *f)
{
    unsigned i = 0;
    while (i < f->asked && pg_is_answered(f, i)) {
        i++;
    }
    return i == f->asked;
}

void pg_await(pg_rig *f)
{
    PG_UNTIL(f, all_answered(f));
    f->asked = 0;
}

cmp_store_verdict pg_look_up(pg_rig *f, const char *ici)
{
    pg_ask(f, ici);
    pg_await(f);
    return (cmp_store_verdict)cmp_test_verdict(f->ops[0]);
}

const cmp_record *pg_answer(const pg_rig *f, unsigned at)
{
    assert_int_equal(cmp_test_verdict(f->ops[at]), CMP_STORE_FOUND);
    return cmp_test_record(f->ops[at]);
}

void pg_recover(pg_rig *f)
{
    const int64_t begin_ms = cmp_test_now_ms(f->host);
    do {
        pg_ask(f, "C1");
        pg_turn(f, 1);
        PG_UNTIL_LATER(f, all_answered(f));
        f->asked = 0;
        if (cmp_test_now_ms(f->host) - begin_ms > PG_RECOVERY_MS) {
            fail_msg("no recovery: %s", cmp_test_log(f->host, CMP_LOG_ERROR));
        }
    } while (cmp_test_verdict(f->ops[0]) != CMP_STORE_FOUND);
}
