/* SPDX-License-Identifier: Apache-2.0 */
/* One asynchronous connection to PostgreSQL on a loop: made, lost, and made again by itself.
 *
 * All on the loop's thread. Any call, and any callback, may end in `lost`. */
#pragma once

#include "pg_target.h"

#include <cmp/host.h>

#include <sys/types.h>

typedef enum pg_state {
    PG_OFF,
    PG_RESOLVING,
    PG_CONNECTING,
    PG_UP,      /* connected; the owner prepares it or uses it */
    PG_PAUSING, /* until the next attempt */
} pg_state;

typedef struct pg_owner {
    void (*connected)(void *arg); /* begin to prepare it */
    void (*readable)(void *arg);  /* when PG_UP */
    /* Was connected or was to be; `db` is gone, and the next attempt will be made. */
    void (*lost)(void *arg, const char *why);
    bool needs_primary; /* a standby would not do */
} pg_owner;

typedef struct pg_connection {
    const cmp_host *host;
    cmp_loop *loop;
    const pg_target *target;
    const pg_owner *owner;
    void *arg;

    pg_state state;
    PGconn *db;        /* when PG_CONNECTING or PG_UP */
    unsigned failures; /* attempts since it was good */
    bool failing;      /* it was lost, and is not good again; counted in *all_failing */
    _Atomic int *all_failing;
    int64_t good_ms; /* when it was prepared last */
    bool wants_write;
    char parting[PG_LINE_SIZE]; /* what the server said last, without being asked */

    cmp_watch *watch;
    int fd; /* what is watched */
    ino_t inode;
    cmp_timer *timer; /* ends the attempt, or the pause */
    struct pg_resolving *resolving;
    pg_hosts hosts;
    size_t first; /* host to be tried first */
} pg_connection;

/* Still PG_OFF. `all_failing` counts those that fail, of several threads. */
void pg_connection_init(pg_connection *c, const cmp_host *host, cmp_loop *loop,
                        const pg_target *target, _Atomic int *all_failing, const pg_owner *owner,
                        void *arg);

/* Nothing when it is started already. */
void pg_connection_start(pg_connection *c);

/* The owner has prepared it. Until then the attempt has a time limit. */
void pg_connection_good(pg_connection *c);

/* The owner has found it useless. */
void pg_connection_lose(pg_connection *c, const char *why);

/* Sends what libpq holds, now and as soon as there is room. */
void pg_connection_flush(pg_connection *c);

/* Without a callback. It may be started again. */
void pg_connection_stop(pg_connection *c);
