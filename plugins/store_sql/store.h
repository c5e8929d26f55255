/* SPDX-License-Identifier: Apache-2.0 */
/* What both drivers have in common. */
#pragma once

#include <cmp-kit/trouble.h>
#include <cmp/plugin.h>

#define STORE_NAME "store_sql"

typedef struct options {
    const char *url;
    const char *replica_url;
    const char *query;
    int64_t connections;
    int64_t statement_timeout_ms;
    int64_t waiting;
    int synchronous; /* a synchronous_choice */
    int create;      /* a create_choice */
    int pooler;      /* a pooler_choice */
    int64_t revalidate_ms;
    int64_t busy_timeout_ms;
} options;

typedef enum synchronous_choice { SYNCHRONOUS_NORMAL, SYNCHRONOUS_FULL } synchronous_choice;
typedef enum create_choice { CREATE_AUTO, CREATE_TRUE, CREATE_FALSE } create_choice;
typedef enum pooler_choice { POOLER_AUTO, POOLER_TRUE, POOLER_FALSE } pooler_choice;

/* Begins each driver's instance. */
typedef struct store {
    const cmp_host *host;
    const options *options;
    kit_trouble failures;     /* the database cannot be asked */
    kit_trouble refusals;     /* it can, and refuses a look-up (PostgreSQL) */
    kit_trouble bad_rows;     /* what it says is not understood */
    unsigned failed, bad_row; /* counters: look-ups */
} store;

/* One of them serves each instance; its URL says which. */
extern const cmp_plugin sqlite_driver, pg_driver;

/* For drivers: begins and ends the common part. */
void store_init(store *s, const cmp_host *host, const options *o);
void store_dispose(store *s);

/* Before a write. A query of the operator's is known for look-ups only: true with `error` filled.
 */
bool store_only_read(const store *s, char *error, size_t error_size);

/* A row of `ici` that nobody can understand: an error of the operator's data, so the answer is
 * neither the record nor absent. */
cmp_store_verdict store_bad_row(store *s, cmp_str ici, const char *why);
