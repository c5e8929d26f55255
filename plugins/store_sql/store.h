/* What both drivers have in common, and the table that a driver is. */
#pragma once

#include "trouble.h"

#include <cmp/plugin.h>

typedef struct options {
    const char *url;
    const char *replica_url;
    const char *query;
    int64_t connections;
    int64_t statement_timeout_ms;
    int64_t waiting;
    int synchronous; /* a synchronous_choice */
    int create;      /* a create_choice */
    int64_t busy_timeout_ms;
} options;

typedef enum synchronous_choice { SYNCHRONOUS_NORMAL, SYNCHRONOUS_FULL } synchronous_choice;
typedef enum create_choice { CREATE_AUTO, CREATE_TRUE, CREATE_FALSE } create_choice;

typedef struct driver driver;

/* Begins each driver's instance. */
typedef struct store {
    const cmp_host *host;
    const options *options;
    const driver *driver;
    trouble failures;         /* the database cannot be asked */
    trouble refusals;         /* it can, and refuses a look-up (PostgreSQL) */
    trouble bad_rows;         /* what it says is not understood */
    unsigned failed, bad_row; /* counters: look-ups */
} store;

struct driver {
    const char *schemes[3]; /* without the colon, ended by NULL */
    void (*check)(const cmp_host *host, const options *o, cmp_report *report);
    store *(*create)(const cmp_host *host, const options *o, cmp_report *report);
    void (*start)(store *s, cmp_loop *loop); /* may be NULL */
    void *(*worker_start)(store *s, cmp_loop *loop);
    void (*worker_stop)(store *s, void *worker);
    void (*destroy)(store *s);
    const cmp_store_ops *ops; /* their `instance` is the driver's */
};

extern const driver driver_sqlite, driver_postgresql;

/* For drivers: begins and ends the common part. */
void store_init(store *s, const cmp_host *host, const options *o, const driver *d);
void store_dispose(store *s);

/* A row of `ici` that nobody can understand: an error of the operator's data, so the answer is
 * neither the record nor absent. */
cmp_store_verdict store_bad_row(store *s, cmp_str ici, const char *why);
