/* SPDX-License-Identifier: Apache-2.0 */
/* For tests of store_sql with a real PostgreSQL: one server for all tests of a program, and a store
 * for each of them.
 *
 * The server lives in real time, the store in the test's. The store's time stands while a test
 * waits for what the server does, which lasts as long as the machine likes; only where the store
 * itself is to let time pass (its pauses, its deadlines) does a test move it on. */
#pragma once

#include <cmp-test/test.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <libpq-fe.h>

extern const cmp_plugin cmp_plugin_descriptor, pg_driver;

enum {
    PG_TIMEOUT_MS = 8000,   /* of a statement; a test of time limits sets a shorter one */
    PG_TICK_MS = 20,        /* by so much longer than statement_timeout a look-up may take */
    PG_RECOVERY_MS = 10000, /* a connection is made in real time, which passes more slowly */
    PG_REVALIDATE_MS = 200,
    PG_OPS_MAX = 400,
    PG_SLOTS = 20, /* of the server, three of them for its administrator */
};

/* Of the backends, those in which look-ups are made; each has prepared its statement. */
#define PG_LANES                                                                                   \
    "from pg_stat_activity where usename = 'cmpd' and query like '%from cmp_codes where ici = $1'"

typedef struct pg_rig {
    cmp_test *host;
    cmp_test_txn *txn; /* whose memory answers lie in */
    void *options;
    char url[200], replica_url[200];
    cmp_test_op *ops[PG_OPS_MAX];
    unsigned asked;
    unsigned seen;
} pg_rig;

/* ---- the server ---- */

extern int pg_port;
extern PGconn *pg_admin; /* of the database `codes` */
extern char pg_folder[];

int pg_group_set_up(void **state);
int pg_group_tear_down(void **state);

/* A command of tests/lib/postgres.sh, for the server's folder, or another server's. */
bool pg_server(const char *command, const char *rest);
bool pg_server_in(const char *folder, const char *command, const char *rest);

/* Makes and starts a standby of the server, in a new folder; the folder's name is a template. It
 * ends with the program, if not before. Returns its port. */
int pg_standby_start(char *folder);

PGconn *pg_connect_as(const char *user, const char *database);
void pg_sql_on(PGconn *db, const char *text);
void pg_sql(const char *text);
int64_t pg_sql_number(const char *text);
void pg_load_schema(PGconn *db);

/* ---- the store ---- */

/* Tables with the codes C0 to C399, and options; the store is not open yet. Pooled: as behind a
 * pooler, where nothing may be left in a session. */
int pg_set_up(void **state);
int pg_set_up_pooled(void **state);
int pg_tear_down(void **state);

const cmp_store_ops *pg_ops(void);
void *pg_option(const pg_rig *f, const char *name);

void pg_open(pg_rig *f);
void pg_open_ready(pg_rig *f); /* has answered, and listens */
void pg_refuse(pg_rig *f, const char *why);

/* ---- time ---- */

/* One turn of the loop, in which `ms` of the store's time pass. */
void pg_turn(pg_rig *f, int64_t ms);

/* Time passes, in a hundred turns at most; what is connected meanwhile is up to the machine. */
void pg_pass(pg_rig *f, int64_t ms);

/* Fails the test when it has waited for too long, of real time; `since_ms` is pg_real_ms. */
int64_t pg_real_ms(void);
void pg_patience(pg_rig *f, int64_t since_ms, const char *what);

/* Turns until a condition holds; the store's time stands, or passes slowly. */
#define PG_UNTIL(f, condition)       PG_TURN_UNTIL(f, 0, condition)
#define PG_UNTIL_LATER(f, condition) PG_TURN_UNTIL(f, 1, condition)
#define PG_TURN_UNTIL(f, ms, condition)                                                            \
    for (const int64_t since_ms_ = pg_real_ms(); !(condition);) {                                  \
        pg_patience(f, since_ms_, #condition);                                                     \
        pg_turn(f, ms);                                                                            \
    }

/* Whether a line with `part` in it was logged. It stays there for cmp_test_logged. */
bool pg_says(const pg_rig *f, cmp_log_level level, const char *part);

/* ---- look-ups ---- */

void pg_ask(pg_rig *f, const char *ici);
void pg_ask_many(pg_rig *f, unsigned count); /* C0 and on */

/* Until all that was asked is answered, or only whether that one is. */
void pg_await(pg_rig *f);
bool pg_is_answered(const pg_rig *f, unsigned at);

cmp_store_verdict pg_look_up(pg_rig *f, const char *ici);

/* The record that a look-up has found; the first since pg_await is the 0th. */
const cmp_record *pg_answer(const pg_rig *f, unsigned at);

/* Until a look-up is answered as it should be, within PG_RECOVERY_MS of the store's time. */
void pg_recover(pg_rig *f);

#define pg_assert_str(value, expected)                                                             \
    do {                                                                                           \
        const cmp_str value_ = (value);                                                            \
        assert_non_null(value_.at);                                                                \
        assert_int_equal(value_.size, strlen(expected));                                           \
        assert_memory_equal(value_.at, expected, value_.size);                                     \
    } while (0)

#define PG_TEST(test) cmocka_unit_test_setup_teardown(test, pg_set_up, pg_tear_down)
#define PG_POOLED_TEST(test)                                                                       \
    {                                                                                              \
#test ", pooled", test, pg_set_up_pooled, pg_tear_down, NULL                               \
    }
