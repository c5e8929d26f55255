/* SPDX-License-Identifier: Apache-2.0 */
/* The PostgreSQL driver's parts: the instance, writes, scans, rows. */
#pragma once

#include "columns.h"
#include "pg_target.h"
#include "store.h"

#define PG_ICI_MAX 256

typedef struct pg_store {
    store store;
    pg_target primary;
    pg_target replica;                                  /* parameters == NULL: there is none */
    char timeout[24];                                   /* of a statement, as the server reads it */
    unsigned batches, batched, timeouts, lost, refused; /* counters */
    struct pg_listener *listener;                       /* NULL: with a query of the operator's */
    _Atomic bool pooler_said;                           /* it was logged that there is one */
    _Atomic int standbys;                               /* lanes of all workers that lead to one */
    _Atomic bool behind;     /* a standby answers look-ups, or did at the listener's last tick */
    _Atomic int lanes_ready; /* of all workers: look-ups are answered */
    _Atomic int failing;     /* connections, of all workers and the listener */
} pg_store;

/* The text that is prepared for look-ups. */
const char *pg_lookup_query(const options *o);

/* Asks for what the two below want to know. */
#define PG_SESSION_QUERY "select pg_backend_pid(), pg_is_in_recovery()"

/* Whether the session is shared with others: then nothing may be left in it, neither settings nor
 * statements, and the next transaction may find another one. `result` is of PG_SESSION_QUERY. Says
 * it once for each store. Any thread. */
bool pg_is_pooled(pg_store *s, const PGconn *db, const PGresult *result);

/* Whether it is a standby, which has a change later than the primary tells of it. `result` is of
 * PG_SESSION_QUERY. */
bool pg_is_standby(const PGresult *result);

/* One more look-up connection leads to a standby, or one less. Says when they begin to answer. Any
 * thread. */
void pg_standbys_add(pg_store *s, int count);

/* Whether a standby answers look-ups, or has done so since this was asked last. Says when that is
 * over. The listener's, at its ticks. */
bool pg_is_behind(pg_store *s);

/* Some connection is good: says that the trouble is over, once that is true of all of them. Costs
 * nothing where there was none. Any thread. */
void pg_store_answers(pg_store *s);

/* ---- the start (pg_try.c) ---- */

typedef enum pg_tried {
    PG_TRIED_GOOD,
    PG_TRIED_UNREACHED, /* no server was there, or it has gone meanwhile */
    PG_TRIED_BUSY,      /* it did not answer in time, as for a table that is locked */
    PG_TRIED_REFUSED,   /* it says itself what is wrong */
} pg_tried;

/* Checks at the start what every lane will need; blocks, but not for long. `error` is filled unless
 * all is good. */
CMP_MUST_USE pg_tried pg_store_try(pg_store *s, char *error, size_t error_size);

/* ---- on connections that are waited for (pg_wait.c) ---- */

typedef struct pg_limits {
    int lock_ms;      /* how long it may wait for one */
    int statement_ms; /* 0: as the server has it */
    bool read_only;
} pg_limits;

/* Begins a transaction with time limits, so that nobody waits for ever. They end with it: the
 * session may be shared with others. */
CMP_MUST_USE bool pg_begin_limited(PGconn *db, const pg_limits *limits, char *error,
                                   size_t error_size);

/* How long a write, or a scan, waits for somebody else's lock: `busy_timeout`. */
int pg_lock_timeout_ms(const pg_store *s);

CMP_MUST_USE bool pg_run(PGconn *db, const char *text, char *error, size_t error_size);

/* Fills `error` with why `text` has failed: what the server has against it, and what is locked; or
 * libpq's words where there is no result. False. */
bool pg_fail(const PGconn *db, const PGresult *result, const char *text, char *error,
             size_t error_size);

CMP_MUST_USE bool pg_scan(void *instance, cmp_str after, cmp_store_visit visit, void *arg,
                          char *error, size_t error_size);

/* ---- writes (pg_write.c) ---- */

void *pg_begin(void *instance, char *error, size_t error_size);
CMP_MUST_USE bool pg_put(void *instance, void *write, cmp_str ici, const cmp_record *record,
                         char *error, size_t error_size);
CMP_MUST_USE bool pg_remove(void *instance, void *write, cmp_str ici, bool *existed, char *error,
                            size_t error_size);
CMP_MUST_USE bool pg_commit(void *instance, void *write, char *error, size_t error_size);
void pg_abort(void *instance, void *write);

/* ---- results ---- */

/* Which columns the result has. */
CMP_MUST_USE bool pg_columns(const PGresult *result, column_map *map);

/* A row of it as text, valid as long as the result. */
void pg_row(const PGresult *result, int at, const column_map *map, row *r);
