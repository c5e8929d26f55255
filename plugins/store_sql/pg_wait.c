/* SPDX-License-Identifier: Apache-2.0 */
/* What is done on connections that are waited for: the check at the start, and scans; and the rows
 * of results, for everybody. */
#include "pg.h"

#include "schema.h"

#define SCAN_PAGE  "5000"
#define SCAN_ROWS  5000
#define ERROR_SIZE 256

/* ---- results ---- */

static const char *column_name(const void *result, int at)
{
    return PQfname(result, at);
}

bool pg_columns(const PGresult *result, column_map *map)
{
    return column_map_init(map, PQnfields(result), column_name, result);
}

void pg_row(const PGresult *result, int at, const column_map *map, row *r)
{
    for (int c = 0; c < COLUMN_MAX; c++) {
        const int from = map->at[c];
        r->at[c] = CMP_NONE;
        if (from >= 0 && !PQgetisnull(result, at, from)) {
            r->at[c] =
                (cmp_str){PQgetvalue(result, at, from), (size_t)PQgetlength(result, at, from)};
        }
    }
}

/* ---- the start ---- */

static bool run(PGconn *db, const char *text, char *error, size_t error_size)
{
    PGresult *result = PQexec(db, text);
    const ExecStatusType status = PQresultStatus(result);
    const bool good = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
    if (!good) {
        pg_first_line(PQerrorMessage(db), error, error_size);
    }
    PQclear(result);
    return good;
}

static bool schema_version(PGconn *db, int64_t *version, char *error, size_t error_size)
{
    static const char there[] = "select to_regclass('cmp_schema') is not null";
    *version = 0;
    PGresult *result = PQexec(db, there);
    bool good = PQresultStatus(result) == PGRES_TUPLES_OK;
    if (good && strcmp(PQgetvalue(result, 0, 0), "t") == 0) {
        PQclear(result);
        result = PQexec(db, SCHEMA_VERSION_QUERY);
        good = PQresultStatus(result) == PGRES_TUPLES_OK;
        *version = good ? strtoll(PQgetvalue(result, 0, 0), NULL, 10) : 0;
    }
    if (!good) {
        pg_first_line(PQerrorMessage(db), error, error_size);
    }
    PQclear(result);
    return good;
}

/* *made: whether the tables are there. A check leaves it to the start to make them. */
static bool try_schema(const pg_store *s, PGconn *db, bool *made, char *error, size_t error_size)
{
    int64_t version;
    bool good = schema_version(db, &version, error, error_size);
    const bool may_create = s->store.options->create == CREATE_TRUE;
    *made = true;
    if (good && may_create && version >= 0 && version < SCHEMA_VERSION &&
        s->store.host->purpose == CMP_PURPOSE_CHECK) {
        *made = false;
        return true;
    }
    while (good && may_create && version >= 0 && version < SCHEMA_VERSION) {
        good = run(db, schema_step(SCHEMA_POSTGRESQL, (int)version), error, error_size) &&
               schema_version(db, &version, error, error_size);
    }
    return good && schema_good(SCHEMA_POSTGRESQL, version, error, error_size);
}

static bool try_query(const pg_store *s, PGconn *db, char *error, size_t error_size)
{
    column_map columns;
    /* In one transaction: behind a pooler the next one may be in another session. */
    if (!run(db, "begin", error, error_size)) {
        return false;
    }
    PGresult *prepared = PQprepare(db, "", pg_lookup_query(s->store.options), 0, NULL);
    PGresult *described = PQdescribePrepared(db, "");
    const bool known = PQresultStatus(prepared) == PGRES_COMMAND_OK;
    const bool good = known && PQnparams(described) == 1 && pg_columns(described, &columns);
    if (!known) {
        pg_first_line(PQresultErrorMessage(prepared), error, error_size);
    } else if (!good) {
        snprintf(error, error_size, "one parameter, $1, and a column content are expected");
    }
    PQclear(prepared);
    PQclear(described);
    char ended[ERROR_SIZE];
    return run(db, "rollback", good ? error : ended, good ? error_size : sizeof(ended)) && good;
}

static void try_session(pg_store *s, PGconn *db)
{
    PGresult *result = PQexec(db, PG_SESSION_QUERY);
    pg_is_pooled(s, db, result);
    PQclear(result);
}

bool pg_store_try(pg_store *s, bool *reached, char *error, size_t error_size)
{
    PGconn *db = pg_connect_wait(&s->primary, error, error_size);
    *reached = db != NULL;
    if (db == NULL) {
        return false;
    }
    bool made = true;
    try_session(s, db);
    const bool good =
        (s->store.options->query != NULL || try_schema(s, db, &made, error, error_size)) &&
        (!made || try_query(s, db, error, error_size));
    *reached = PQstatus(db) == CONNECTION_OK; /* lost on the way: it was not the server's no */
    PQfinish(db);
    return good;
}

/* ---- scan ---- */

/* Page by page, and none in a transaction with another: a long one would keep the server from
 * cleaning up behind writes. The table's `ici` sorts by octets, so a scan can go on. */
static const char scan_query[] =
    "select " COLUMN_LIST ", ici from cmp_codes where ici > $1 order by ici limit " SCAN_PAGE;

/* Shows a page. ROW_NEXT: there may be another one, behind `after`. */
static row_result show_page(const cmp_host *host, const PGresult *page, cmp_store_visit visit,
                            void *arg, char *after, char *error, size_t error_size)
{
    column_map columns;
    const int rows = PQntuples(page);
    if (!pg_columns(page, &columns)) {
        return ROW_BAD;
    }
    row_result result = ROW_NEXT;
    for (int i = 0; i < rows && result == ROW_NEXT; i++) {
        row r;
        const cmp_str ici = cmp_str_from(PQgetvalue(page, i, COLUMN_MAX));
        pg_row(page, i, &columns, &r);
        result = row_visit(host, ici, &r, visit, arg, error, error_size);
        snprintf(after, PG_ICI_MAX + 1, "%s", ici.at);
    }
    return result == ROW_NEXT && rows < SCAN_ROWS ? ROW_STOP : result;
}

/* Nothing is left in the session, which others may share. */
static const char begin_page[] =
    "begin read only; set local timezone = 'UTC'; set local datestyle = 'ISO'";

static row_result scan_page(const cmp_host *host, PGconn *db, cmp_store_visit visit, void *arg,
                            char *after, char *error, size_t error_size)
{
    const char *value = after;
    if (!run(db, begin_page, error, error_size)) {
        return ROW_BAD;
    }
    PGresult *page = PQexecParams(db, scan_query, 1, NULL, &value, NULL, NULL, 0);
    row_result result = ROW_BAD;
    if (PQresultStatus(page) == PGRES_TUPLES_OK) {
        result = show_page(host, page, visit, arg, after, error, error_size);
    } else {
        pg_first_line(PQerrorMessage(db), error, error_size);
    }
    PQclear(page);
    return result != ROW_BAD && !run(db, "commit", error, error_size) ? ROW_BAD : result;
}

/* From the primary: a replica may not have yet what was just put. */
bool pg_scan(void *instance, cmp_str after, cmp_store_visit visit, void *arg, char *error,
             size_t error_size)
{
    const pg_store *s = instance;
    char last[PG_ICI_MAX + 1] = "";
    if (after.size > PG_ICI_MAX) {
        snprintf(error, error_size, "an ICI has at most %d octets", PG_ICI_MAX);
        return false;
    }
    snprintf(last, sizeof(last), "%.*s", (int)after.size, after.at != NULL ? after.at : "");
    PGconn *db = pg_connect_wait(&s->primary, error, error_size);
    if (db == NULL) {
        return false;
    }
    row_result result = ROW_NEXT;
    while (result == ROW_NEXT) {
        result = scan_page(s->store.host, db, visit, arg, last, error, error_size);
    }
    PQfinish(db);
    return result == ROW_STOP;
}
