/* SPDX-License-Identifier: Apache-2.0 */
/* The SQLite driver's parts: connections to the file, look-ups, writes. */
#pragma once

#include "columns.h"
#include "store.h"

#include <sqlite3.h>
#include <stdatomic.h>

typedef struct sqlite_store {
    store store;
    char *path;
    atomic_uint
        changes; /* ours, and what was seen of others': an older view is not used any more */
    struct sqlite_watch *watch; /* NULL: not started */
} sqlite_store;

typedef enum sqlite_use {
    SQLITE_FOR_LOOKUPS, /* waits for nobody: it is on a worker's thread */
    SQLITE_FOR_SCANS,
    SQLITE_FOR_WRITES,
} sqlite_use;

/* The file that the URL names, as it is written there; NULL when it names none. */
const char *sqlite_path(const char *url);

/* Opens a connection to a file that exists. NULL with `error` filled. One thread at a time. */
sqlite3 *sqlite_file_open(const sqlite_store *s, sqlite_use use, char *error, size_t error_size);

/* Makes the file and its tables when they are missing and may be made; then checks that they can be
 * used. With CMP_PURPOSE_CHECK it makes nothing: *made says whether all is there, and what is not
 * could be made. Control thread. */
CMP_MUST_USE bool sqlite_file_prepare(const sqlite_store *s, bool *made, char *error,
                                      size_t error_size);

/* A file that was replaced or removed stays what it was for those who have it open. */
bool sqlite_file_moved(sqlite3 *db);

typedef enum sqlite_log {
    SQLITE_LOG_EMPTY,
    SQLITE_LOG_IN_USE, /* somebody reads what is in it, or writes: try again */
    SQLITE_LOG_LEFT,   /* of a file that was replaced, or may not be written */
} sqlite_log;

/* Moves what is in the write-ahead log to the file. SQLite knows the log by its name alone: what is
 * in it when another file is renamed into the place of this one would be written into that. Waits
 * for no reader; may block for the disk. */
sqlite_log sqlite_log_empty(sqlite3 *db);

/* For look-ups and scans: the statement's row as text; valid until its next step or reset. */
void sqlite_row(sqlite3_stmt *statement, const column_map *map, row *r);

/* Which columns the statement has. */
CMP_MUST_USE bool sqlite_columns(sqlite3_stmt *statement, column_map *map);

/* The rest of the vtable (sqlite_write.c). */
CMP_MUST_USE bool sqlite_scan(void *instance, cmp_str after, cmp_store_visit visit, void *arg,
                              char *error, size_t error_size);
void *sqlite_begin(void *instance, char *error, size_t error_size);
CMP_MUST_USE bool sqlite_put(void *instance, void *write, cmp_str ici, const cmp_record *record,
                             char *error, size_t error_size);
CMP_MUST_USE bool sqlite_remove(void *instance, void *write, cmp_str ici, bool *existed,
                                char *error, size_t error_size);
CMP_MUST_USE bool sqlite_commit(void *instance, void *write, char *error, size_t error_size);
void sqlite_abort(void *instance, void *write);
