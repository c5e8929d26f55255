/* SPDX-License-Identifier: Apache-2.0 */
/* The SQLite driver: a look-up is answered at once, on the worker, from the worker's own
 * connection. A connection that fails is closed; look-ups open it again, now and then. */
#include "sqlite.h"

#include "sqlite_watch.h"

#include <inttypes.h>

#define RETRY_FIRST_MS 100
#define RETRY_MAX_MS   1500
#define MOVED_CHECK_MS 1000 /* how often it is looked whether the file is still the one opened */
#define VIEW_MS        10   /* how old a view of the file may be */
#define ERROR_SIZE     256

typedef struct worker {
    sqlite_store *store;
    cmp_loop *loop;
    sqlite3 *db; /* NULL: closed */
    sqlite3_stmt *lookup;
    column_map columns;
    bool has_log;     /* a view is in no writer's way */
    cmp_timer *view;  /* ends the view that is open */
    unsigned changes; /* the store's, when they were looked at last */
    bool failing;     /* the last look-up could not be answered */
    int64_t retry_ms, retry_delay_ms;
    int64_t looked_ms; /* when the file was looked at last */
} worker;

/* ---- views ----
 *
 * To begin and end a view of the file (a read transaction) costs three times what the look-up
 * itself does. So look-ups that come close together share one. */

static void on_view_over(void *arg)
{
    worker *w = arg;
    w->view = NULL;
    sqlite3_exec(w->db, "commit", NULL, NULL, NULL);
}

static void view_end(worker *w)
{
    if (w->view != NULL) {
        w->store->store.host->timer_stop(w->view);
        on_view_over(w);
    }
}

static void view_begin(worker *w)
{
    if (w->view == NULL && w->has_log &&
        sqlite3_exec(w->db, "begin", NULL, NULL, NULL) == SQLITE_OK) {
        w->view = w->store->store.host->timer_start(w->loop, VIEW_MS, on_view_over, w);
    }
}

static bool has_log(sqlite3 *db)
{
    sqlite3_stmt *mode = NULL;
    const bool is_wal =
        sqlite3_prepare_v2(db, "pragma journal_mode", -1, &mode, NULL) == SQLITE_OK &&
        sqlite3_step(mode) == SQLITE_ROW &&
        strcmp((const char *)sqlite3_column_text(mode, 0), "wal") == 0;
    sqlite3_finalize(mode);
    return is_wal;
}

/* ---- the connection ---- */

static void worker_close(worker *w)
{
    view_end(w);
    sqlite3_finalize(w->lookup);
    sqlite3_close(w->db);
    w->lookup = NULL;
    w->db = NULL;
}

static const char *lookup_query(const sqlite_store *s)
{
    return s->store.options->query != NULL ? s->store.options->query
                                           : "select " COLUMN_LIST " from cmp_codes where ici = $1";
}

/* Of the operator's query, too, which must not write: it is run on a worker for every request. */
static sqlite3_stmt *lookup_prepare(const sqlite_store *s, sqlite3 *db, column_map *columns,
                                    char *error, size_t error_size)
{
    sqlite3_stmt *lookup = NULL;
    if (sqlite3_prepare_v3(db, lookup_query(s), -1, SQLITE_PREPARE_PERSISTENT, &lookup, NULL) !=
        SQLITE_OK) {
        snprintf(error, error_size, "%s: %s", s->path, sqlite3_errmsg(db));
    } else if (sqlite3_bind_parameter_count(lookup) != 1 || !sqlite3_stmt_readonly(lookup)) {
        snprintf(error, error_size, "the query must be a select with one parameter, $1");
    } else if (!sqlite_columns(lookup, columns)) {
        snprintf(error, error_size, "the query has neither content nor transferred_to");
    } else {
        return lookup;
    }
    sqlite3_finalize(lookup);
    return NULL;
}

/* The next attempt is made later; the clock may have been set back meanwhile. */
static bool retry_due(const worker *w, int64_t now_ms)
{
    return now_ms >= w->retry_ms || w->retry_ms - now_ms > RETRY_MAX_MS;
}

static void failed(worker *w, const char *error)
{
    store *s = &w->store->store;
    w->failing = true;
    kit_trouble_say(&s->failures, s->host, "%s", error);
}

static bool worker_open(worker *w)
{
    char error[ERROR_SIZE];
    const cmp_host *host = w->store->store.host;
    const int64_t now_ms = host->now_ms(host);
    if (!retry_due(w, now_ms)) {
        return false;
    }
    w->db = sqlite_file_open(w->store, SQLITE_FOR_LOOKUPS, error, sizeof(error));
    if (w->db != NULL) {
        w->lookup = lookup_prepare(w->store, w->db, &w->columns, error, sizeof(error));
    }
    if (w->lookup == NULL) {
        worker_close(w);
        w->retry_ms = now_ms + w->retry_delay_ms;
        w->retry_delay_ms *= 2;
        w->retry_delay_ms = w->retry_delay_ms < RETRY_MAX_MS ? w->retry_delay_ms : RETRY_MAX_MS;
        failed(w, error);
        return false;
    }
    w->has_log = has_log(w->db);
    w->retry_delay_ms = RETRY_FIRST_MS;
    w->looked_ms = now_ms;
    return true;
}

static bool file_moved(worker *w)
{
    const cmp_host *host = w->store->store.host;
    const int64_t now_ms = host->now_ms(host);
    if (now_ms >= w->looked_ms && now_ms - w->looked_ms < MOVED_CHECK_MS) {
        return false;
    }
    w->looked_ms = now_ms;
    return sqlite_file_moved(w->db);
}

/* Who asks because he was told of a change must not see the file as it was. */
static void heed_changes(worker *w)
{
    const unsigned changes = atomic_load(&w->store->changes);
    if (w->changes != changes) {
        w->changes = changes;
        w->looked_ms = 0;
        view_end(w);
    }
}

/* ---- look-ups ---- */

typedef struct txn_memory {
    const cmp_host *host;
    cmp_op op;
} txn_memory;

static void *alloc(void *arg, size_t size)
{
    const txn_memory *m = arg;
    return m->host->txn_alloc(m->host, m->op, size);
}

static cmp_store_verdict read_found(worker *w, cmp_str ici, cmp_op op, cmp_record *record)
{
    store *s = &w->store->store;
    txn_memory memory = {s->host, op};
    char error[ERROR_SIZE];
    row r;
    sqlite_row(w->lookup, &w->columns, &r);
    if (!row_read(s->host, &r, alloc, &memory, record, error, sizeof(error))) {
        return store_bad_row(s, ici, error);
    }
    return CMP_STORE_FOUND;
}

/* Somebody else's lock passes by itself; after anything else a new connection is the way to find
 * out whether the file is good again. */
static cmp_store_verdict not_answered(worker *w, int code)
{
    char error[ERROR_SIZE];
    snprintf(error, sizeof(error), "%s: %s", w->store->path, sqlite3_errmsg(w->db));
    failed(w, error);
    sqlite3_reset(w->lookup);
    view_end(w);
    if (code != SQLITE_BUSY && code != SQLITE_LOCKED) {
        worker_close(w);
    }
    return CMP_STORE_UNAVAILABLE;
}

static cmp_store_verdict look_up(worker *w, cmp_str ici, cmp_op op, cmp_record *record)
{
    heed_changes(w); /* before the file is looked at: it may have been replaced */
    if (w->db != NULL && file_moved(w)) {
        worker_close(w);
    }
    if (w->db == NULL && !worker_open(w)) {
        return CMP_STORE_UNAVAILABLE;
    }
    view_begin(w);
    /* Not copied: the statement is reset before `ici` can go. */
    sqlite3_bind_text(w->lookup, 1, ici.at, (int)ici.size, SQLITE_STATIC);
    const int code = sqlite3_step(w->lookup);
    if (code != SQLITE_ROW && code != SQLITE_DONE) {
        return not_answered(w, code & 0xFF); /* without the extended part */
    }
    const cmp_store_verdict verdict =
        code == SQLITE_ROW ? read_found(w, ici, op, record) : CMP_STORE_ABSENT;
    sqlite3_reset(w->lookup);
    if (w->failing) {
        w->failing = false;
        kit_trouble_over(&w->store->store.failures, w->store->store.host, "the file answers again");
    }
    return verdict;
}

static cmp_store_verdict sqlite_lookup(void *instance, void *state, cmp_str ici, cmp_op op,
                                       cmp_record *record)
{
    store *s = instance;
    const cmp_store_verdict verdict = look_up(state, ici, op, record);
    if (verdict == CMP_STORE_UNAVAILABLE) {
        s->host->count(s->host, s->failed, 1);
    }
    return verdict;
}

/* ---- the instance ---- */

static void sqlite_check(const cmp_host *host, const void *opts, cmp_report *report)
{
    const options *o = opts;
    if (sqlite_path(o->url) == NULL) {
        host->report(report, "url", "expected: sqlite:PATH or sqlite:///PATH, a file");
    }
    if (o->replica_url != NULL) {
        host->report(report, "replica_url", "is for PostgreSQL only");
    }
}

/* What a worker would find out at its first look-up. */
static bool try_lookups(const sqlite_store *s, char *error, size_t error_size)
{
    column_map columns;
    sqlite3 *db = sqlite_file_open(s, SQLITE_FOR_LOOKUPS, error, error_size);
    sqlite3_stmt *lookup = db != NULL ? lookup_prepare(s, db, &columns, error, error_size) : NULL;
    const bool good = lookup != NULL;
    sqlite3_finalize(lookup);
    sqlite3_close(db);
    return good;
}

/* As every path of the configuration: relative to its folder. */
static char *path_of(const cmp_host *host, const char *url)
{
    const char *path = sqlite_path(url), *folder = path[0] == '/' ? "" : host->folder;
    const size_t size = strlen(folder) + 1 + strlen(path) + 1;
    char *whole = kit_alloc(size);
    snprintf(whole, size, "%s%s%s", folder, folder[0] != '\0' ? "/" : "", path);
    return whole;
}

static void sqlite_destroy(void *instance)
{
    sqlite_store *s = instance;
    sqlite_watch_destroy(&s->watch);
    store_dispose(&s->store);
    free(s->path);
    free(s);
}

static void *sqlite_create(const cmp_host *host, const void *opts, void *previous,
                           cmp_report *report)
{
    (void)previous;
    const options *o = opts;
    char error[ERROR_SIZE];
    sqlite_store *s = kit_calloc(1, sizeof(*s));
    store_init(&s->store, host, o);
    bool made;
    s->path = path_of(host, o->url);
    if (!sqlite_file_prepare(s, &made, error, sizeof(error)) ||
        (made && !try_lookups(s, error, sizeof(error)))) {
        host->report(report, o->query != NULL ? "query" : "url", "%s", error);
        sqlite_destroy(s);
        return NULL;
    }
    return s;
}

static void sqlite_start(void *instance, cmp_loop *loop)
{
    sqlite_store *s = instance;
    s->watch = sqlite_watch_create(s, loop);
}

/* Opens nothing: the first look-up does, in the same way as after a failure. */
static void *sqlite_worker_start(void *instance, cmp_loop *loop)
{
    worker *w = kit_calloc(1, sizeof(*w));
    w->loop = loop;
    w->store = instance;
    w->retry_delay_ms = RETRY_FIRST_MS;
    return w;
}

static void sqlite_worker_stop(void *instance, void *state)
{
    (void)instance;
    worker_close(state);
    free(state);
}

static const cmp_store_ops ops = {
    .size = sizeof(cmp_store_ops),
    .lookup = sqlite_lookup,
    .scan = sqlite_scan,
    .begin = sqlite_begin,
    .put = sqlite_put,
    .remove = sqlite_remove,
    .commit = sqlite_commit,
    .abort = sqlite_abort,
};

const cmp_plugin sqlite_driver = {
    CMP_PLUGIN_ABI,
    .name = STORE_NAME,
    .kind = CMP_PLUGIN_STORE,
    .check = sqlite_check,
    .create = sqlite_create,
    .start = sqlite_start,
    .worker_start = sqlite_worker_start,
    .worker_stop = sqlite_worker_stop,
    .destroy = sqlite_destroy,
    .ops.store = &ops,
};
