/* SPDX-License-Identifier: Apache-2.0 */
/* What is done on connections that are waited for: scans; and the results of such connections, and
 * the rows of results, for everybody. */
#include "pg.h"

#define SCAN_PAGE       "5000"
#define SCAN_ROWS       5000
#define PLACE_SIZE      128 /* of what is locked: a row and its table, or the begin of a statement */
#define PAGE_TIMEOUT_MS 30000 /* rows that are far apart on a slow disk */

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

bool pg_fail(const PGconn *db, const PGresult *result, const char *text, char *error,
             size_t error_size)
{
    static const char lock_not_available[] = "55P03";
    char line[PG_LINE_SIZE];
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *context = PQresultErrorField(result, PG_DIAG_CONTEXT);
    char place[PLACE_SIZE];
    pg_first_line(context != NULL ? context : text, place, sizeof(place));
    pg_first_line(result != NULL ? PQresultErrorMessage(result) : PQerrorMessage(db), line,
                  sizeof(line));
    if (state != NULL && strcmp(state, lock_not_available) == 0) {
        snprintf(error, error_size, "%s: another session has locked what was needed %s%s", line,
                 context != NULL ? "" : "for: ", place);
    } else {
        snprintf(error, error_size, "%s", line);
    }
    return false;
}

bool pg_run(PGconn *db, const char *text, char *error, size_t error_size)
{
    PGresult *result = PQexec(db, text);
    const ExecStatusType status = PQresultStatus(result);
    const bool good = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK ||
                      pg_fail(db, result, text, error, error_size);
    PQclear(result);
    return good;
}

int pg_lock_timeout_ms(const pg_store *s)
{
    const int64_t timeout_ms = s->store.options->busy_timeout_ms;
    return timeout_ms > 0 ? (int)timeout_ms : 1; /* 0 would be none */
}

bool pg_begin_limited(PGconn *db, const pg_limits *limits, char *error, size_t error_size)
{
    char text[256], statement[64] = "";
    if (limits->statement_ms > 0) {
        snprintf(statement, sizeof(statement), "; set local statement_timeout = %d",
                 limits->statement_ms);
    }
    snprintf(text, sizeof(text),
             "begin isolation level read committed%s; set local lock_timeout = %d%s",
             limits->read_only ? " read only" : "", limits->lock_ms, statement);
    return pg_run(db, text, error, error_size);
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

static bool begin_page(const pg_store *s, PGconn *db, char *error, size_t error_size)
{
    const pg_limits limits = {pg_lock_timeout_ms(s), PAGE_TIMEOUT_MS, true};
    return pg_begin_limited(db, &limits, error, error_size) &&
           pg_run(db, "set local timezone = 'UTC'; set local datestyle = 'ISO'", error, error_size);
}

static row_result scan_page(const pg_store *s, PGconn *db, cmp_store_visit visit, void *arg,
                            char *after, char *error, size_t error_size)
{
    const char *value = after;
    if (!begin_page(s, db, error, error_size)) {
        return ROW_BAD;
    }
    PGresult *page = PQexecParams(db, scan_query, 1, NULL, &value, NULL, NULL, 0);
    row_result result = ROW_BAD;
    if (PQresultStatus(page) == PGRES_TUPLES_OK) {
        result = show_page(s->store.host, page, visit, arg, after, error, error_size);
    } else {
        pg_fail(db, page, scan_query, error, error_size);
    }
    PQclear(page);
    return result != ROW_BAD && !pg_run(db, "commit", error, error_size) ? ROW_BAD : result;
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
        result = scan_page(s, db, visit, arg, last, error, error_size);
    }
    PQfinish(db);
    return result == ROW_STOP;
}
