/* SPDX-License-Identifier: Apache-2.0 */
/* Writes to the SQLite file, each one transaction on a connection of its own, and scans. */
#include "sqlite.h"

#include "changes.h"

#include <inttypes.h>

#define LOG_TRIES    10 /* for look-ups, which let go of the log within 10 ms */
#define LOG_PAUSE_MS 10

#define SCAN_PAGE    10000 /* rows; then a scan lets go of its view, so that the log can be cut */
#define ICI_MAX      256

static const char put_query[] = "insert or replace into cmp_codes (ici, " COLUMN_LIST
                                ") values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
static const char remove_query[] = "delete from cmp_codes where ici = ?1";
static const char scan_query[] =
    "select " COLUMN_LIST ", ici from cmp_codes where ici > ?1 order by ici limit ?2";

typedef struct sql_write {
    sqlite_store *store;
    sqlite3 *db;
    sqlite3_stmt *put, *remove;
    buffer scratch, variants;
    changes changes;
} sql_write;

static bool fail(sqlite3 *db, char *error, size_t error_size)
{
    snprintf(error, error_size, "%s", sqlite3_errmsg(db));
    return false;
}

/* ---- begin, commit, abort ---- */

static void write_free(sql_write *w)
{
    /* Statements first: a connection that has some is not closed. */
    sqlite3_finalize(w->put);
    sqlite3_finalize(w->remove);
    sqlite3_close(w->db); /* rolls back what is not committed */
    free(w->scratch.at);
    free(w->variants.at);
    changes_dispose(&w->changes);
    free(w);
}

static bool write_prepare(sql_write *w, const char *query, sqlite3_stmt **statement)
{
    return sqlite3_prepare_v3(w->db, query, -1, SQLITE_PREPARE_PERSISTENT, statement, NULL) ==
           SQLITE_OK;
}

/* A connection for each write: look-ups keep theirs, and its large cache goes with it. */
void *sqlite_begin(void *instance, char *error, size_t error_size)
{
    if (store_only_read(instance, error, error_size)) {
        return NULL;
    }
    sql_write *w = kit_calloc(1, sizeof(*w));
    w->store = instance;
    w->db = sqlite_file_open(w->store, SQLITE_FOR_WRITES, error, error_size);
    if (w->db == NULL) {
        free(w);
        return NULL;
    }
    /* Immediate: to wait for another write now, and not with half of this one done. */
    if (sqlite3_exec(w->db, "begin immediate", NULL, NULL, NULL) != SQLITE_OK ||
        !write_prepare(w, put_query, &w->put) || !write_prepare(w, remove_query, &w->remove)) {
        fail(w->db, error, error_size);
        write_free(w);
        return NULL;
    }
    return w;
}

/* Of a file that was replaced it would go to the log of the other one. */
static bool commit(sql_write *w, char *error, size_t error_size)
{
    if (sqlite_file_moved(w->db)) {
        snprintf(error, error_size, "%s: was replaced meanwhile", w->store->path);
        return false;
    }
    return sqlite3_exec(w->db, "commit", NULL, NULL, NULL) == SQLITE_OK ||
           fail(w->db, error, error_size);
}

/* A daemon's watch does so within a second, and off the way of those who write. A tool ends now,
 * and its operator may go on with another file. SQLite itself would wait with the file locked. */
static void log_empty(const sql_write *w)
{
    if (w->store->watch != NULL) {
        return;
    }
    sqlite3_busy_timeout(w->db, 0);
    for (int i = 0; i < LOG_TRIES && sqlite_log_empty(w->db) == SQLITE_LOG_IN_USE; i++) {
        sqlite3_sleep(LOG_PAUSE_MS);
    }
}

bool sqlite_commit(void *instance, void *state, char *error, size_t error_size)
{
    sqlite_store *s = instance;
    sql_write *w = state;
    const bool good = commit(w, error, error_size);
    if (good) {
        atomic_fetch_add(&s->changes, 1); /* before anybody asks again because he was told */
        changes_tell(&w->changes, w->store->store.host);
        log_empty(w);
    }
    write_free(w);
    return good;
}

void sqlite_abort(void *instance, void *state)
{
    (void)instance;
    write_free(state);
}

/* ---- put, remove ---- */

static void bind_text(sqlite3_stmt *to, int at, cmp_str value)
{
    if (value.at != NULL) {
        sqlite3_bind_text(to, at, value.at, (int)value.size, SQLITE_STATIC);
    } else {
        sqlite3_bind_null(to, at);
    }
}

static void bind_number(sqlite3_stmt *to, int at, int64_t value, bool set)
{
    if (set) {
        sqlite3_bind_int64(to, at, value);
    } else {
        sqlite3_bind_null(to, at);
    }
}

static cmp_str variants_of(sql_write *w, const cmp_record *record)
{
    if (record->variant_count == 0) {
        return CMP_NONE;
    }
    w->variants.size = 0;
    variants_write(w->store->store.host, record, &w->scratch, &w->variants);
    return (cmp_str){w->variants.at, w->variants.size};
}

bool sqlite_put(void *instance, void *state, cmp_str ici, const cmp_record *record, char *error,
                size_t error_size)
{
    (void)instance;
    sql_write *w = state;
    sqlite3_stmt *put = w->put;
    /* Numbered as in put_query: the ICI, and then the columns in the order of COLUMN_LIST. */
    bind_text(put, 1, ici);
    bind_text(put, 2 + COLUMN_CONTENT, record->content);
    bind_text(put, 2 + COLUMN_CONTENT_TYPE, record->content_type);
    bind_number(put, 2 + COLUMN_TTL, record->ttl_s, record->ttl_s != CMP_TTL_UNSET);
    bind_text(put, 2 + COLUMN_STATUS, status_text(record));
    bind_number(put, 2 + COLUMN_NOT_BEFORE, record->not_before_ms,
                record->not_before_ms != CMP_TIME_MIN);
    bind_number(put, 2 + COLUMN_NOT_AFTER, record->not_after_ms,
                record->not_after_ms != CMP_TIME_MAX);
    bind_text(put, 2 + COLUMN_TRANSFERRED_TO, record->transferred_to);
    bind_text(put, 2 + COLUMN_VARIANTS, variants_of(w, record));
    const bool good = sqlite3_step(put) == SQLITE_DONE || fail(w->db, error, error_size);
    sqlite3_reset(put);
    changes_note(&w->changes, ici); /* told at commit only, so one that failed does no harm */
    return good;
}

bool sqlite_remove(void *instance, void *state, cmp_str ici, bool *existed, char *error,
                   size_t error_size)
{
    (void)instance;
    sql_write *w = state;
    bind_text(w->remove, 1, ici);
    const bool good = sqlite3_step(w->remove) == SQLITE_DONE || fail(w->db, error, error_size);
    *existed = good && sqlite3_changes(w->db) > 0;
    sqlite3_reset(w->remove);
    changes_note(&w->changes, ici);
    return good;
}

/* ---- scan ---- */

typedef struct scan {
    const cmp_host *host;
    sqlite3 *db;
    sqlite3_stmt *page;
    column_map columns;
    char after[ICI_MAX + 1]; /* the last ICI seen */
    size_t after_size;
} scan;

static bool note_after(scan *s, cmp_str ici, char *error, size_t error_size)
{
    if (ici.size > ICI_MAX) {
        snprintf(error, error_size, "an ICI has at most %d octets", ICI_MAX);
        return false;
    }
    s->after_size = ici.size;
    if (ici.size > 0) {
        memcpy(s->after, ici.at, ici.size);
    }
    return true;
}

/* It stands behind the record's columns in scan_query. */
static cmp_str ici_of(sqlite3_stmt *page)
{
    const char *at = (const char *)sqlite3_column_text(page, COLUMN_MAX);
    return (cmp_str){at != NULL ? at : "", (size_t)sqlite3_column_bytes(page, COLUMN_MAX)};
}

/* One page of rows. ROW_NEXT: there may be another one. */
static row_result scan_page(scan *s, cmp_store_visit visit, void *arg, char *error,
                            size_t error_size)
{
    /* Copied: `after` moves on with each row while the statement still needs where it began. */
    sqlite3_bind_text(s->page, 1, s->after, (int)s->after_size, SQLITE_TRANSIENT);
    row_result result = ROW_NEXT;
    int rows = 0, code = SQLITE_ROW;
    while (result == ROW_NEXT && (code = sqlite3_step(s->page)) == SQLITE_ROW) {
        const cmp_str ici = ici_of(s->page);
        row r;
        sqlite_row(s->page, &s->columns, &r);
        result = note_after(s, ici, error, error_size)
                     ? row_visit(s->host, ici, &r, visit, arg, error, error_size)
                     : ROW_BAD;
        rows++;
    }
    if (code != SQLITE_ROW && code != SQLITE_DONE) {
        fail(s->db, error, error_size);
        return ROW_BAD;
    }
    sqlite3_reset(s->page);
    return result == ROW_NEXT && rows < SCAN_PAGE ? ROW_STOP : result;
}

bool sqlite_scan(void *instance, cmp_str after, cmp_store_visit visit, void *arg, char *error,
                 size_t error_size)
{
    const sqlite_store *from = instance;
    scan s = {.host = from->store.host};
    if (!note_after(&s, after, error, error_size)) {
        return false;
    }
    s.db = sqlite_file_open(from, SQLITE_FOR_SCANS, error, error_size);
    if (s.db == NULL) {
        return false;
    }
    row_result result = ROW_NEXT;
    if (sqlite3_prepare_v2(s.db, scan_query, -1, &s.page, NULL) != SQLITE_OK ||
        sqlite3_bind_int(s.page, 2, SCAN_PAGE) != SQLITE_OK ||
        !sqlite_columns(s.page, &s.columns)) {
        fail(s.db, error, error_size);
        result = ROW_BAD;
    }
    while (result == ROW_NEXT) {
        result = scan_page(&s, visit, arg, error, error_size);
    }
    sqlite3_finalize(s.page);
    sqlite3_close(s.db);
    return result == ROW_STOP;
}
