/* SPDX-License-Identifier: Apache-2.0 */
/* Connections to the SQLite file, and its schema. The file is never mapped into memory: an I/O
 * error, or somebody who cuts it short, must end in an error code and not in a signal. */
#include "sqlite.h"

#include "schema.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* What a connection keeps of the file at most: for look-ups half a million codes and the inner
 * pages of many more; for a write, which meets the pages in any order, still more. */
#define LOOKUP_CACHE_KIB 65536
#define WRITE_CACHE_KIB  262144
#define WAL_KEPT         67108864 /* octets of the write-ahead log that stay after a large write */

const char *sqlite_path(const char *url)
{
    const char *path = strchr(url, ':') + 1;
    if (strncmp(path, "//", 2) == 0) {
        path += 2;
        if (*path != '/') {
            return NULL; /* that would be a host */
        }
    }
    return *path != '\0' && strcmp(path, ":memory:") != 0 ? path : NULL;
}

static bool fail(sqlite3 *db, const char *path, char *error, size_t error_size)
{
    snprintf(error, error_size, "%s: %s", path, sqlite3_errmsg(db));
    return false;
}

/* The file may come from somebody else: what its schema says is not let near functions that do more
 * than compute (trusted_schema). */
static bool set_up(const sqlite_store *s, sqlite3 *db, sqlite_use use)
{
    char pragmas[256];
    snprintf(pragmas, sizeof(pragmas),
             "pragma mmap_size=0; pragma cache_size=-%d; pragma synchronous=%s; "
             "pragma journal_size_limit=%d; pragma temp_store=memory; pragma trusted_schema=off;",
             use == SQLITE_FOR_WRITES ? WRITE_CACHE_KIB : LOOKUP_CACHE_KIB,
             s->store.options->synchronous == SYNCHRONOUS_FULL ? "full" : "normal", WAL_KEPT);
    sqlite3_busy_timeout(db,
                         use == SQLITE_FOR_LOOKUPS ? 0 : (int)s->store.options->busy_timeout_ms);
    return sqlite3_exec(db, pragmas, NULL, NULL, NULL) == SQLITE_OK;
}

static bool only_looks(const sqlite_store *s)
{
    return s->store.host->purpose == CMP_PURPOSE_CHECK;
}

static bool is_beside(const char *path, const char *suffix)
{
    char beside[PATH_MAX];
    snprintf(beside, sizeof(beside), "%s%s", path, suffix);
    return access(beside, F_OK) == 0;
}

/* To look at a file without a trace. Beside a write-ahead log it is read through the index that is
 * there; without one SQLite would make both, so it is told that nobody writes. A writer that goes
 * without a log may then be seen half done, which is worth a second check at most. Free it. */
static char *look_uri(const char *path)
{
    const bool has_log = is_beside(path, "-wal") && is_beside(path, "-shm");
    const size_t room = strlen(path) * 3 + 64;
    char *uri = kit_alloc(room);
    size_t size = (size_t)snprintf(uri, room, "file:");
    for (const char *c = path; *c != '\0'; c++) {
        const char *const form = strchr("%?#", *c) != NULL ? "%%%02X" : "%c";
        size += (size_t)snprintf(uri + size, room - size, form, *c);
    }
    snprintf(uri + size, room - size, "?%s", has_log ? "readonly_shm=1" : "immutable=1");
    return uri;
}

/* What is not there yet may become one. SQLite would wait for the writer of a FIFO. */
static bool may_be_regular(const char *path)
{
    struct stat status;
    return stat(path, &status) != 0 || S_ISREG(status.st_mode);
}

/* For writing even when only look-ups come: who reads beside a write-ahead log has to write to its
 * index. SQLite falls back to reading when that is not allowed. Without mutexes, as a connection is
 * used by one thread at a time. A check opens nothing for writing, whatever is asked for. */
static sqlite3 *file_open(const sqlite_store *s, sqlite_use use, int flags, char *error,
                          size_t error_size)
{
    sqlite3 *db = NULL;
    if (!may_be_regular(s->path)) {
        snprintf(error, error_size, "%s: is no regular file", s->path);
        return NULL;
    }
    char *uri = only_looks(s) ? look_uri(s->path) : NULL;
    flags = uri != NULL ? SQLITE_OPEN_READONLY | SQLITE_OPEN_URI : SQLITE_OPEN_READWRITE | flags;
    if (sqlite3_open_v2(uri != NULL ? uri : s->path, &db, SQLITE_OPEN_NOMUTEX | flags, NULL) !=
            SQLITE_OK ||
        !set_up(s, db, use)) {
        fail(db, s->path, error, error_size);
        sqlite3_close(db);
        db = NULL;
    }
    free(uri);
    return db;
}

bool sqlite_file_moved(sqlite3 *db)
{
    int moved = 0;
    return sqlite3_file_control(db, "main", SQLITE_FCNTL_HAS_MOVED, &moved) == SQLITE_OK &&
           moved != 0;
}

/* Not of one that was replaced: by now the log may be that of the other file. */
static sqlite_log checkpoint(sqlite3 *db, int mode, int *in_log, int *in_file)
{
    if (sqlite_file_moved(db)) {
        return SQLITE_LOG_LEFT;
    }
    switch (sqlite3_wal_checkpoint_v2(db, "main", mode, in_log, in_file) & 0xFF) {
    case SQLITE_OK:
        return SQLITE_LOG_EMPTY;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return SQLITE_LOG_IN_USE;
    default:
        return SQLITE_LOG_LEFT;
    }
}

/* To truncate keeps writers out, so most is copied before. And it looks like a write to all others,
 * even when there is nothing to cut: two that watch one file would never come to rest. */
sqlite_log sqlite_log_empty(sqlite3 *db)
{
    int in_log = 0, in_file = 0; /* pages */
    const sqlite_log log = checkpoint(db, SQLITE_CHECKPOINT_PASSIVE, &in_log, &in_file);
    if (log != SQLITE_LOG_EMPTY || in_log <= 0) {
        return log;
    }
    return in_file < in_log ? SQLITE_LOG_IN_USE
                            : checkpoint(db, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
}

/* ---- the schema ---- */

static bool query_integer(sqlite3 *db, const char *query, int64_t *value)
{
    sqlite3_stmt *statement = NULL;
    const bool good = sqlite3_prepare_v2(db, query, -1, &statement, NULL) == SQLITE_OK &&
                      sqlite3_step(statement) == SQLITE_ROW;
    if (good) {
        *value = sqlite3_column_int64(statement, 0);
    }
    return sqlite3_finalize(statement) == SQLITE_OK && good;
}

/* 0: the tables are not there. */
static bool schema_version(sqlite3 *db, int64_t *version)
{
    *version = 0;
    int64_t there;
    return query_integer(db, "select count(*) from sqlite_master where name = 'cmp_schema'",
                         &there) &&
           (there == 0 || query_integer(db, SCHEMA_VERSION_QUERY, version));
}

static bool schema_check(const sqlite_store *s, sqlite3 *db, char *error, size_t error_size)
{
    int64_t version;
    char why[256];
    if (s->store.options->query != NULL) {
        return true; /* other tables than ours */
    }
    if (!schema_version(db, &version)) {
        return fail(db, s->path, error, error_size);
    }
    if (!schema_good(SCHEMA_SQLITE, version, why, sizeof(why))) {
        snprintf(error, error_size, "%s: %s", s->path, why);
        return false;
    }
    return true;
}

/* All steps in one transaction; another process may be at it, too. */
static bool migrate(const sqlite_store *s, sqlite3 *db, char *error, size_t error_size)
{
    int64_t version;
    bool good = sqlite3_exec(db, "begin immediate", NULL, NULL, NULL) == SQLITE_OK &&
                schema_version(db, &version);
    while (good && version >= 0 && version < SCHEMA_VERSION) {
        good = sqlite3_exec(db, schema_step(SCHEMA_SQLITE, (int)version), NULL, NULL, NULL) ==
                   SQLITE_OK &&
               schema_version(db, &version);
    }
    if (!good || sqlite3_exec(db, "commit", NULL, NULL, NULL) != SQLITE_OK) {
        return fail(db, s->path, error, error_size);
    }
    return true;
}

static bool may_make(const sqlite_store *s)
{
    return s->store.options->create != CREATE_FALSE && s->store.options->query == NULL &&
           s->store.host->purpose != CMP_PURPOSE_READ;
}

static bool needs_migration(const sqlite_store *s, sqlite3 *db)
{
    int64_t version;
    return may_make(s) && schema_version(db, &version) && version >= 0 && version < SCHEMA_VERSION;
}

sqlite3 *sqlite_file_open(const sqlite_store *s, sqlite_use use, char *error, size_t error_size)
{
    sqlite3 *db = file_open(s, use, 0, error, error_size);
    if (db != NULL && !schema_check(s, db, error, error_size)) {
        sqlite3_close(db);
        db = NULL;
    }
    return db;
}

/* Whether a start could make the file, or tables in it. */
static bool can_write(const sqlite_store *s, char *error, size_t error_size)
{
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s", s->path);
    const bool there = access(path, F_OK) == 0;
    const char *const place = there ? path : dirname(path);
    if (faccessat(AT_FDCWD, place, there ? W_OK : W_OK | X_OK, AT_EACCESS) == 0) {
        return true;
    }
    snprintf(error, error_size, "%s: unable to open database file: %s", s->path, strerror(errno));
    return false;
}

static bool look(const sqlite_store *s, bool *made, char *error, size_t error_size)
{
    *made = false;
    if (may_make(s) && access(s->path, F_OK) != 0) {
        return can_write(s, error, error_size);
    }
    sqlite3 *db = file_open(s, SQLITE_FOR_SCANS, 0, error, error_size);
    if (db == NULL) {
        return false;
    }
    *made = !needs_migration(s, db);
    const bool good =
        *made ? schema_check(s, db, error, error_size) : can_write(s, error, error_size);
    sqlite3_close(db);
    return good;
}

bool sqlite_file_prepare(const sqlite_store *s, bool *made, char *error, size_t error_size)
{
    if (only_looks(s)) {
        return look(s, made, error, error_size);
    }
    *made = true;
    sqlite3 *db =
        file_open(s, SQLITE_FOR_SCANS, may_make(s) ? SQLITE_OPEN_CREATE : 0, error, error_size);
    if (db == NULL) {
        return false;
    }
    bool good = !needs_migration(s, db) || migrate(s, db, error, error_size);
    if (good && s->store.options->query == NULL) {
        /* Readers and a writer do not wait for each other then. It fails on a file that may not be
         * written: such a file is read as it is. */
        sqlite3_exec(db, "pragma journal_mode=wal", NULL, NULL, NULL);
    }
    good = good && schema_check(s, db, error, error_size);
    sqlite3_close(db);
    return good;
}

/* ---- rows ---- */

static const char *column_name(const void *result, int at)
{
    const char *name = sqlite3_column_name((sqlite3_stmt *)result, at);
    return name != NULL ? name : "";
}

bool sqlite_columns(sqlite3_stmt *statement, column_map *map)
{
    return column_map_init(map, sqlite3_column_count(statement), column_name, statement);
}

void sqlite_row(sqlite3_stmt *statement, const column_map *map, row *r)
{
    for (int c = 0; c < COLUMN_MAX; c++) {
        const int at = map->at[c];
        r->at[c] = CMP_NONE;
        if (at >= 0 && sqlite3_column_type(statement, at) != SQLITE_NULL) {
            const char *value = (const char *)sqlite3_column_text(statement, at);
            r->at[c] =
                (cmp_str){value != NULL ? value : "", (size_t)sqlite3_column_bytes(statement, at)};
        }
    }
}
