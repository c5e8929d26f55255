/* SPDX-License-Identifier: Apache-2.0 */
/* Where a PostgreSQL URL leads: its parameters, and the addresses of its hosts.
 *
 * libpq resolves host names where it stands, and that may take seconds. So names are resolved on a
 * pool thread first, and libpq is given addresses only. */
#pragma once

#include <cmp-kit/memory.h>
#include <cmp/base.h>

#include <libpq-fe.h>

enum {
    PG_HOSTS_MAX = 16,
    PG_HOST_SIZE = 256,
    PG_ADDRESS_SIZE = 64,
    PG_LINE_SIZE = 256,
};

typedef struct pg_target {
    PQconninfoOption *parameters;
    bool has_names; /* of hosts, to be resolved */
} pg_target;

/* False when the URL cannot be understood. Why is not said: it would show parts of the URL. */
CMP_MUST_USE bool pg_target_init(pg_target *t, const char *url);
void pg_target_dispose(pg_target *t);

/* The URL's own connect_timeout, or two seconds. */
int64_t pg_target_timeout_ms(const pg_target *t);

/* Places to try, in order; a host with two addresses is there twice. */
typedef struct pg_hosts {
    struct {
        char host[PG_HOST_SIZE], address[PG_ADDRESS_SIZE], port[8];
    } at[PG_HOSTS_MAX];
    size_t count;
} pg_hosts;

/* Resolves the names; blocks. False when there is no address for any of them. */
CMP_MUST_USE bool pg_hosts_resolve(pg_hosts *hosts, const pg_target *t, char *error,
                                   size_t error_size);

/* Begins to connect, without waiting; the host at `first` is tried first. `hosts` may be empty: for
 * a target without names. `primary`: to none that is a standby, unless the URL itself says which
 * will do. Never NULL. */
PGconn *pg_connect_start(const pg_target *t, const pg_hosts *hosts, size_t first, bool primary);

/* Connects to a server that can be written to; blocks. NULL with `error` filled. */
PGconn *pg_connect_wait(const pg_target *t, char *error, size_t error_size);

/* After pg_connect_wait has failed: whether it is the server that says no to the user, the password
 * or the database's name, as it would again. Blocks. */
bool pg_target_refused(const pg_target *t);

/* The first line of a message of libpq's. */
void pg_first_line(const char *message, char *line, size_t line_size);
