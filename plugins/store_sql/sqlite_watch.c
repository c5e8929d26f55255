/* SPDX-License-Identifier: Apache-2.0 */
/* A cache in front of the store asks nothing of it, so somebody has to look whether another program
 * has written to the file, or put another one in its place. Our own writes look the same: what they
 * changed was told by name already, and to ask for the rest again costs little here. After both the
 * write-ahead log is emptied, so that it is not in the way of a file that comes into this one's
 * place. */
#include "sqlite_watch.h"

#define INTERVAL_MS 1000
#define NEVER_READ  (-1)
#define ERROR_SIZE  256

struct sqlite_watch {
    sqlite_store *store;
    cmp_loop *loop;
    cmp_timer *timer;
    sqlite3 *db; /* NULL: closed */
    sqlite3_stmt *version;
    int64_t seen; /* a number of this connection's: it differs when others have committed */
    bool log_due; /* there may be something in the log */
    bool at_log;  /* a pool thread empties it, and has the connection */
    sqlite_log log;
};

static void watch_close(sqlite_watch *w)
{
    sqlite3_finalize(w->version);
    sqlite3_close(w->db);
    w->version = NULL;
    w->db = NULL;
}

/* Why it fails is said by those who look codes up. As for look-ups: it must not wait, since the
 * control loop would. */
static bool watch_open(sqlite_watch *w)
{
    char error[ERROR_SIZE];
    w->db = sqlite_file_open(w->store, SQLITE_FOR_LOOKUPS, error, sizeof(error));
    if (w->db == NULL) {
        return false;
    }
    if (sqlite3_prepare_v2(w->db, "pragma data_version", -1, &w->version, NULL) != SQLITE_OK) {
        watch_close(w);
        return false;
    }
    w->seen = NEVER_READ; /* what was written while nobody watched is not known */
    return true;
}

static bool changed(sqlite_watch *w)
{
    if (w->db != NULL && sqlite_file_moved(w->db)) {
        watch_close(w);
    }
    if (w->db == NULL && !watch_open(w)) {
        return false;
    }
    const int code = sqlite3_step(w->version);
    const int64_t version = code == SQLITE_ROW ? sqlite3_column_int64(w->version, 0) : NEVER_READ;
    sqlite3_reset(w->version);
    if (code != SQLITE_ROW) {
        if (code != SQLITE_BUSY && code != SQLITE_LOCKED) {
            watch_close(w);
        }
        return false;
    }
    const bool differs = version != w->seen;
    w->seen = version;
    return differs;
}

/* With the connection that watches: to others this looks like a write, once. */
static void log_work(void *arg)
{
    sqlite_watch *w = arg;
    w->log = sqlite_log_empty(w->db);
}

static void log_done(void *arg)
{
    sqlite_watch *w = arg;
    w->at_log = false;
    w->log_due = w->log == SQLITE_LOG_IN_USE;
}

static void on_time(void *arg)
{
    sqlite_watch *w = arg;
    const cmp_host *host = w->store->store.host;
    w->timer = host->timer_start(w->loop, INTERVAL_MS, on_time, w);
    if (w->at_log) {
        return; /* at the next time, then */
    }
    if (changed(w)) {
        w->log_due = true;
        atomic_fetch_add(&w->store->changes, 1); /* before anybody asks again */
        host->store_changed(host, CMP_NONE);
    }
    if (w->log_due && w->db != NULL) {
        w->at_log = host->offload(host, w->loop, log_work, log_done, w);
    }
}

sqlite_watch *sqlite_watch_create(sqlite_store *s, cmp_loop *loop)
{
    sqlite_watch *w = kit_calloc(1, sizeof(*w));
    w->store = s;
    w->loop = loop;
    changed(w); /* what it differs from later: nobody remembers anything of the file yet */
    w->log_due = true;
    w->timer = s->store.host->timer_start(loop, INTERVAL_MS, on_time, w);
    return w;
}

void sqlite_watch_destroy(sqlite_watch **w)
{
    if (*w != NULL) {
        (*w)->store->store.host->timer_stop((*w)->timer);
        watch_close(*w);
        free(*w);
        *w = NULL;
    }
}
