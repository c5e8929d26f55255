/* SPDX-License-Identifier: Apache-2.0 */
/* Connecting, watching the socket, and trying again; below lanes and the listener.
 *
 * libpq closes and opens sockets as it likes while it connects, and descriptor numbers come again:
 * a socket is the same only when its inode is. */
#include "pg_connection.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>

#define PAUSE_FIRST_MS 100
#define PAUSE_MAX_MS   1500
#define GOOD_MIN_MS    1000 /* one that lasts so long is made again without a pause */

/* A look-up of names on the pool. It outlives a connection that was stopped meanwhile. */
typedef struct pg_resolving {
    pg_connection *asker; /* NULL: stopped */
    const pg_target *target;
    pg_hosts hosts;
    bool good;
    char error[PG_LINE_SIZE];
} pg_resolving;

static void poll_connection(pg_connection *c);

void pg_connection_init(pg_connection *c, const cmp_host *host, cmp_loop *loop,
                        const pg_target *target, _Atomic int *all_failing, const pg_owner *owner,
                        void *arg)
{
    *c = (pg_connection){.host = host,
                         .loop = loop,
                         .target = target,
                         .all_failing = all_failing,
                         .owner = owner,
                         .arg = arg};
}

/* ---- the socket ---- */

static void on_readable(void *arg)
{
    pg_connection *c = arg;
    if (c->state == PG_UP) {
        c->owner->readable(c->arg);
    } else if (!c->wants_write) {
        poll_connection(c);
    }
}

static void on_writable(void *arg)
{
    pg_connection *c = arg;
    if (c->state == PG_UP) {
        pg_connection_flush(c);
    } else {
        poll_connection(c);
    }
}

static void watch_stop(pg_connection *c)
{
    if (c->watch != NULL) {
        c->host->watch_stop(c->watch);
        c->watch = NULL;
    }
}

static bool watch_socket(pg_connection *c)
{
    struct stat status;
    const int fd = PQsocket(c->db);
    if (fd < 0 || fstat(fd, &status) != 0) {
        return false;
    }
    if (c->watch != NULL && c->fd == fd && c->inode == status.st_ino) {
        return true;
    }
    watch_stop(c);
    c->fd = fd;
    c->inode = status.st_ino;
    c->watch = c->host->watch_start(c->loop, fd, on_readable, c);
    return c->watch != NULL;
}

/* ---- ends ---- */

static void timer_stop(pg_connection *c)
{
    if (c->timer != NULL) {
        c->host->timer_stop(c->timer);
        c->timer = NULL;
    }
}

static void set_failing(pg_connection *c, bool failing)
{
    if (c->failing != failing) {
        c->failing = failing;
        atomic_fetch_add(c->all_failing, failing ? 1 : -1);
    }
}

static void disconnect(pg_connection *c)
{
    timer_stop(c);
    watch_stop(c); /* before libpq closes the socket */
    if (c->resolving != NULL) {
        c->resolving->asker = NULL;
        c->resolving = NULL;
    }
    PQfinish(c->db);
    c->db = NULL;
    c->failures = 0;
    c->state = PG_OFF;
}

void pg_connection_stop(pg_connection *c)
{
    disconnect(c);
    set_failing(c, false);
}

static void on_pause_over(void *arg)
{
    pg_connection *c = arg;
    c->timer = NULL;
    c->state = PG_OFF;
    pg_connection_start(c);
}

/* Doubled each time, and different for each connection: a server that comes back is not run over.
 */
static uint64_t pause_ms(const pg_connection *c)
{
    uint32_t random;
    uint64_t most = PAUSE_MAX_MS;
    if (c->failures < 5) { /* 100, 200, 400, 800, and then no longer than PAUSE_MAX_MS */
        most = (uint64_t)PAUSE_FIRST_MS << (c->failures - 1);
    }
    c->host->random(c->host, &random, sizeof(random));
    return most / 2 + random % (most / 2 + 1);
}

/* One that is lost as soon as it is made must not be made again and again. */
static bool was_good(const pg_connection *c)
{
    const int64_t now_ms = c->host->now_ms(c->host);
    return c->state == PG_UP && c->timer == NULL && now_ms - c->good_ms >= GOOD_MIN_MS;
}

void pg_connection_lose(pg_connection *c, const char *why)
{
    char line[PG_LINE_SIZE];
    const unsigned failures = was_good(c) ? 0 : c->failures + 1;
    if (c->parting[0] != '\0') { /* better than that the connection was closed */
        why = c->parting;
    }
    pg_first_line(why, line, sizeof(line)); /* before `db`, whose text it may be, goes */
    disconnect(c);
    set_failing(c, true);
    c->failures = failures;
    if (failures > 0) {
        c->first++; /* the host that would not do, or not answer, is the last to be tried again */
    }
    c->state = PG_PAUSING;
    c->timer = c->host->timer_start(c->loop, failures == 0 ? 0 : pause_ms(c), on_pause_over, c);
    c->owner->lost(c->arg, line);
}

/* ---- connecting ---- */

static void on_timeout(void *arg)
{
    pg_connection *c = arg;
    c->timer = NULL;
    /* It may be up and not prepared yet, which was_good would take for good: the timer is gone. */
    c->state = PG_CONNECTING;
    pg_connection_lose(c, "the server did not answer in time");
}

static void poll_connection(pg_connection *c)
{
    const PostgresPollingStatusType status = PQconnectPoll(c->db);
    if (status == PGRES_POLLING_FAILED) {
        pg_connection_lose(c, PQerrorMessage(c->db));
        return;
    }
    /* At each step: libpq may be at another address, with another socket, by now. */
    if (!watch_socket(c)) {
        pg_connection_lose(c, "its socket cannot be watched");
        return;
    }
    c->wants_write = status == PGRES_POLLING_WRITING;
    if (c->wants_write) {
        c->host->watch_write(c->watch, on_writable);
    }
    if (status == PGRES_POLLING_OK) {
        PQsetnonblocking(c->db, 1);
        c->state = PG_UP;
        c->owner->connected(c->arg);
    }
}

/* libpq would print it. */
static void on_notice(void *arg, const char *message)
{
    pg_connection *c = arg;
    if (strncmp(message, "FATAL", 5) == 0) {
        pg_first_line(message, c->parting, sizeof(c->parting));
    }
}

static void connect_now(pg_connection *c)
{
    c->state = PG_CONNECTING;
    c->parting[0] = '\0';
    c->db = pg_connect_start(c->target, &c->hosts, c->first, c->owner->needs_primary);
    PQsetNoticeProcessor(c->db, on_notice, c);
    if (PQstatus(c->db) == CONNECTION_BAD) {
        pg_connection_lose(c, PQerrorMessage(c->db));
        return;
    }
    if (!watch_socket(c)) {
        pg_connection_lose(c, "its socket cannot be watched");
        return;
    }
    c->wants_write = true;
    c->host->watch_write(c->watch, on_writable);
}

static void resolve_work(void *arg)
{
    pg_resolving *r = arg;
    r->good = pg_hosts_resolve(&r->hosts, r->target, r->error, sizeof(r->error));
}

static void resolve_done(void *arg)
{
    pg_resolving *r = arg;
    pg_connection *c = r->asker;
    if (c != NULL) {
        c->resolving = NULL;
        if (r->good) {
            c->hosts = r->hosts;
        }
        if (c->hosts.count > 0) { /* without a name server, what it said last */
            connect_now(c);
        } else {
            pg_connection_lose(c, r->error);
        }
    }
    free(r);
}

static void resolve(pg_connection *c)
{
    pg_resolving *r = kit_calloc(1, sizeof(*r));
    *r = (pg_resolving){.asker = c, .target = c->target};
    c->state = PG_RESOLVING;
    c->resolving = r;
    /* The target is the store's, which is not destroyed before this has ended. */
    if (!c->host->offload(c->host, c->loop, resolve_work, resolve_done, r)) {
        free(r);
        c->resolving = NULL;
        pg_connection_lose(c, "no thread is free to resolve its name");
    }
}

void pg_connection_start(pg_connection *c)
{
    if (c->state != PG_OFF) {
        return;
    }
    c->timer =
        c->host->timer_start(c->loop, (uint64_t)pg_target_timeout_ms(c->target), on_timeout, c);
    if (c->target->has_names) {
        resolve(c);
    } else {
        connect_now(c);
    }
}

void pg_connection_good(pg_connection *c)
{
    timer_stop(c);
    set_failing(c, false);
    c->failures = 0;
    c->good_ms = c->host->now_ms(c->host);
}

void pg_connection_flush(pg_connection *c)
{
    switch (PQflush(c->db)) {
    case 0:
        break;
    case 1:
        c->host->watch_write(c->watch, on_writable);
        break;
    default:
        pg_connection_lose(c, PQerrorMessage(c->db));
        break;
    }
}
