/* SPDX-License-Identifier: Apache-2.0 */
/* What is tried at the start, on a connection that is waited for: whether the schema is there, or
 * can be made, and whether look-ups will be understood. All in one transaction: behind a pooler the
 * next one may be in another session. */
#include "pg.h"

#include "schema.h"

/* The control thread waits, at a start and at each reload. That it was for a lock is the better
 * thing to say, so it comes first. */
#define TRY_LOCK_MS      2000
#define TRY_STATEMENT_MS 3000

/* Of several that find no tables one makes them, and the others wait until it has. That is done
 * once, and may take longer. The number is anything that others will hardly use. */
static const char lock_tables[] =
    "set local lock_timeout = '20s'; set local statement_timeout = '30s'; "
    "select pg_advisory_xact_lock(7164776441093497701)";

typedef struct trial {
    pg_store *store;
    PGconn *db;
    bool there; /* the tables; a check leaves it to the start to make them */
    bool busy;  /* a time limit has passed: it may well be good */
    char *error;
    size_t error_size;
} trial;

static bool try_fail(trial *t, const PGresult *result, const char *text)
{
    static const char *const time_limits[] = {"55P03", "57014"}; /* for a lock, for a statement */
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    for (int i = 0; i < 2; i++) {
        t->busy = t->busy || (state != NULL && strcmp(state, time_limits[i]) == 0);
    }
    return pg_fail(t->db, result, text, t->error, t->error_size);
}

/* *value: of its only row, if it is a query, and 0 when that is NULL. */
static bool try_run(trial *t, const char *text, int64_t *value)
{
    PGresult *result = PQexec(t->db, text);
    const ExecStatusType status = PQresultStatus(result);
    const bool good =
        status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || try_fail(t, result, text);
    *value = PQntuples(result) == 1 ? strtoll(PQgetvalue(result, 0, 0), NULL, 10) : 0;
    PQclear(result);
    return good;
}

static bool schema_version(trial *t, int64_t *version)
{
    int64_t there;
    *version = 0;
    return try_run(t, "select count(to_regclass('cmp_schema'))", &there) &&
           (there == 0 || try_run(t, SCHEMA_VERSION_QUERY, version));
}

static bool is_old(int64_t version)
{
    return version >= 0 && version < SCHEMA_VERSION;
}

/* The version is read again behind the lock. */
static bool make_tables(trial *t, int64_t *version)
{
    int64_t none;
    bool good = try_run(t, lock_tables, &none) && schema_version(t, version);
    while (good && is_old(*version)) {
        good = try_run(t, schema_step(SCHEMA_POSTGRESQL, (int)*version), &none) &&
               schema_version(t, version);
    }
    return good;
}

static bool try_schema(trial *t)
{
    const store *s = &t->store->store;
    int64_t version;
    if (!schema_version(t, &version)) {
        return false;
    }
    if (is_old(version) && s->options->create == CREATE_TRUE &&
        s->host->purpose != CMP_PURPOSE_READ) {
        t->there = s->host->purpose != CMP_PURPOSE_CHECK;
        if (!t->there) {
            return true;
        }
        if (!make_tables(t, &version)) {
            return false;
        }
    }
    return schema_good(SCHEMA_POSTGRESQL, version, t->error, t->error_size);
}

static bool try_query(trial *t)
{
    const char *query = pg_lookup_query(t->store->store.options);
    column_map columns;
    PGresult *prepared = PQprepare(t->db, "", query, 0, NULL);
    PGresult *described = PQdescribePrepared(t->db, "");
    bool good = PQresultStatus(prepared) == PGRES_COMMAND_OK || try_fail(t, prepared, query);
    if (good && (PQnparams(described) != 1 || !pg_columns(described, &columns))) {
        snprintf(t->error, t->error_size, "one parameter, $1, and a column content are expected");
        good = false;
    }
    PQclear(prepared);
    PQclear(described);
    return good;
}

static bool try_all(trial *t)
{
    static const pg_limits limits = {TRY_LOCK_MS, TRY_STATEMENT_MS, false};
    const bool good = pg_begin_limited(t->db, &limits, t->error, t->error_size) &&
                      (t->store->store.options->query != NULL || try_schema(t)) &&
                      (!t->there || try_query(t));
    if (!good) {
        PQclear(PQexec(t->db, "rollback")); /* a pooler would end a session that is left in it */
        return false;
    }
    return pg_run(t->db, "commit", t->error, t->error_size);
}

static void try_session(trial *t)
{
    PGresult *result = PQexec(t->db, PG_SESSION_QUERY);
    pg_is_pooled(t->store, t->db, result);
    PQclear(result);
}

pg_tried pg_store_try(pg_store *s, char *error, size_t error_size)
{
    trial t = {.store = s, .there = true, .error = error, .error_size = error_size};
    t.db = pg_connect_wait(&s->primary, error, error_size);
    if (t.db == NULL) {
        return PG_TRIED_UNREACHED;
    }
    try_session(&t);
    const bool good = try_all(&t);
    const bool lost = PQstatus(t.db) != CONNECTION_OK; /* on the way: it was not the server's no */
    PQfinish(t.db);
    if (good) {
        return PG_TRIED_GOOD;
    }
    return lost ? PG_TRIED_UNREACHED : t.busy ? PG_TRIED_BUSY : PG_TRIED_REFUSED;
}
