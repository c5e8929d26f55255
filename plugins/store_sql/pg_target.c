/* SPDX-License-Identifier: Apache-2.0 */
/* From the URL to a connection that is about to be made. */
#include "pg_target.h"

#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

#define PARAMETERS_MAX     80 /* libpq knows fewer; what is too many is left out */
#define CONNECT_TIMEOUT_MS 2000
#define CONNECT_TIMEOUT    "2" /* seconds, for a connection that is waited for */
/* How long a server that is gone, or one that reads no more, may leave what it was sent. Who is
 * busy with a large write may not read the rest of it for a while; a look-up is not worth waiting
 * for. */
#define UNTAKEN_MS       "10000"
#define UNTAKEN_WRITE_MS "120000"
#define LIST_SIZE        (PG_HOSTS_MAX * PG_HOST_SIZE)

static const char *parameter(const pg_target *t, const char *keyword)
{
    for (const PQconninfoOption *o = t->parameters; o->keyword != NULL; o++) {
        if (strcmp(o->keyword, keyword) == 0) {
            return o->val != NULL && o->val[0] != '\0' ? o->val : NULL;
        }
    }
    return NULL;
}

bool pg_target_init(pg_target *t, const char *url)
{
    char *message = NULL;
    t->parameters = PQconninfoParse(url, &message);
    PQfreemem(message);
    if (t->parameters == NULL) {
        return false;
    }
    const char *host = parameter(t, "host");
    t->has_names = host != NULL && parameter(t, "hostaddr") == NULL;
    return true;
}

void pg_target_dispose(pg_target *t)
{
    for (const PQconninfoOption *o = t->parameters; o != NULL && o->keyword != NULL; o++) {
        if (o->val != NULL) {
            explicit_bzero(o->val, strlen(o->val)); /* one of them is the password */
        }
    }
    PQconninfoFree(t->parameters);
    t->parameters = NULL;
}

int64_t pg_target_timeout_ms(const pg_target *t)
{
    const char *seconds = parameter(t, "connect_timeout");
    const long value = seconds != NULL ? strtol(seconds, NULL, 10) : 0;
    return value > 0 && value < 3600 ? value * 1000 : CONNECT_TIMEOUT_MS;
}

/* ---- addresses ---- */

/* The next of a list with commas between; NULL past the last. */
static const char *list_next(const char *list, char *item, size_t item_size)
{
    const size_t size = strcspn(list, ",");
    snprintf(item, item_size, "%.*s", (int)size, list);
    return list[size] == ',' ? list + size + 1 : NULL;
}

static void hosts_add(pg_hosts *hosts, const char *host, const char *address, const char *port)
{
    if (hosts->count < PG_HOSTS_MAX) { /* more are not tried */
        snprintf(hosts->at[hosts->count].host, PG_HOST_SIZE, "%s", host);
        snprintf(hosts->at[hosts->count].address, PG_ADDRESS_SIZE, "%s", address);
        snprintf(hosts->at[hosts->count].port, sizeof(hosts->at[0].port), "%s", port);
        hosts->count++;
    }
}

/* NULL, or why there is none. */
static const char *add_addresses(pg_hosts *hosts, const char *host, const char *port)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    const int code = getaddrinfo(host, NULL, &hints, &found);
    if (code != 0) {
        return gai_strerror(code);
    }
    for (const struct addrinfo *a = found; a != NULL; a = a->ai_next) {
        char address[PG_ADDRESS_SIZE];
        if (getnameinfo(a->ai_addr, a->ai_addrlen, address, sizeof(address), NULL, 0,
                        NI_NUMERICHOST) == 0) {
            hosts_add(hosts, host, address, port);
        }
    }
    freeaddrinfo(found);
    return NULL;
}

bool pg_hosts_resolve(pg_hosts *hosts, const pg_target *t, char *error, size_t error_size)
{
    const char *names = parameter(t, "host"), *ports = parameter(t, "port");
    const char *why = NULL;
    char host[PG_HOST_SIZE], port[8] = "";
    hosts->count = 0;
    while (names != NULL) {
        names = list_next(names, host, sizeof(host));
        if (ports != NULL) { /* one port may stand for all hosts */
            ports = list_next(ports, port, sizeof(port));
        }
        /* A Unix socket has no name to resolve; neither has libpq's own default. */
        if (host[0] == '/' || host[0] == '@' || host[0] == '\0') {
            hosts_add(hosts, host, "", port);
        } else {
            const char *failed = add_addresses(hosts, host, port);
            why = failed != NULL ? failed : why;
        }
    }
    if (hosts->count == 0) {
        snprintf(error, error_size, "no address of its host: %s", why != NULL ? why : "none");
    }
    return hosts->count > 0;
}

/* ---- connecting ---- */

typedef struct parameters {
    const char *keywords[PARAMETERS_MAX + 1];
    const char *values[PARAMETERS_MAX + 1];
    size_t count;
} parameters;

static void set(parameters *p, const char *keyword, const char *value)
{
    if (p->count < PARAMETERS_MAX) {
        p->keywords[p->count] = keyword;
        p->values[p->count++] = value;
    }
}

/* The URL's own come last: they win, but for the encoding, as records are UTF-8. Where it leads may
 * be said by `hosts` instead. */
static void set_all(parameters *p, const pg_target *t, bool with_hosts)
{
    set(p, "client_encoding", "UTF8");
    set(p, "fallback_application_name", "cmpd");
    /* A listener would wait for ever on a server that is gone. */
    set(p, "keepalives_idle", "10");
    set(p, "keepalives_interval", "5");
    set(p, "keepalives_count", "3");
    for (const PQconninfoOption *o = t->parameters; o->keyword != NULL; o++) {
        const bool place = strcmp(o->keyword, "host") == 0 || strcmp(o->keyword, "port") == 0;
        if (o->val != NULL && (with_hosts || !place) &&
            strcmp(o->keyword, "client_encoding") != 0) {
            set(p, o->keyword, o->val);
        }
    }
}

static void list_add(char *list, const char *item, bool first)
{
    const size_t size = strlen(list);
    snprintf(list + size, LIST_SIZE - size, "%s%s", first ? "" : ",", item);
}

PGconn *pg_connect_start(const pg_target *t, const pg_hosts *hosts, size_t first, bool primary)
{
    char(*lists)[LIST_SIZE] = kit_calloc(3, LIST_SIZE);
    parameters p = {.count = 0};
    if (primary) {
        set(&p, "target_session_attrs", "primary");
    }
    set(&p, "tcp_user_timeout", UNTAKEN_MS);
    set_all(&p, t, hosts->count == 0);
    for (size_t i = 0; i < hosts->count; i++) {
        const size_t at = (first + i) % hosts->count;
        list_add(lists[0], hosts->at[at].host, i == 0);
        list_add(lists[1], hosts->at[at].address, i == 0);
        list_add(lists[2], hosts->at[at].port, i == 0);
    }
    /* Addresses are what it connects to; names stay, as certificates are checked against them. */
    if (hosts->count > 0) {
        set(&p, "host", lists[0]);
        set(&p, "hostaddr", lists[1]);
        set(&p, "port", lists[2]);
    }
    /* 0: a database's name that looks like a URL is not read as one; ours was read already. */
    PGconn *db = kit_must(PQconnectStartParams(p.keywords, p.values, 0));
    free(lists); /* copied */
    return db;
}

/* libpq would print them. */
static void on_notice(void *arg, const char *message)
{
    (void)arg, (void)message;
}

PGconn *pg_connect_wait(const pg_target *t, char *error, size_t error_size)
{
    parameters p = {.count = 0};
    set(&p, "connect_timeout", CONNECT_TIMEOUT);
    /* Of several hosts the one that takes writes; the others may be standbys. */
    set(&p, "target_session_attrs", "read-write");
    set(&p, "tcp_user_timeout", UNTAKEN_WRITE_MS);
    set_all(&p, t, true);
    PGconn *db = kit_must(PQconnectdbParams(p.keywords, p.values, 0));
    if (PQstatus(db) != CONNECTION_OK) {
        pg_first_line(PQerrorMessage(db), error, error_size);
        PQfinish(db);
        return NULL;
    }
    PQsetNoticeProcessor(db, on_notice, NULL);
    return db;
}

/* ---- why not ---- */

/* To its end, or until the time is up. */
static void poll_through(PGconn *db, int64_t timeout_ms)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    const int64_t end_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 + timeout_ms;
    PostgresPollingStatusType status = PGRES_POLLING_WRITING;
    while (PQstatus(db) != CONNECTION_BAD && status != PGRES_POLLING_OK) {
        clock_gettime(CLOCK_MONOTONIC, &now);
        const int64_t left_ms = end_ms - ((int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000);
        struct pollfd p = {.fd = PQsocket(db),
                           .events = status == PGRES_POLLING_READING ? POLLIN : POLLOUT};
        if (left_ms <= 0 || poll(&p, 1, (int)left_ms) == 0) {
            return;
        }
        status = PQconnectPoll(db);
    }
}

/* Of the errors' classes (PostgreSQL, appendix A): invalid authorization, and invalid catalog. */
static bool is_no(const char *message)
{
    for (const char *end; (end = strchr(message, '\n')) != NULL; message = end + 1) {
        if (end - message >= 5 &&
            (strncmp(end - 5, "28", 2) == 0 || strncmp(end - 5, "3D", 2) == 0)) {
            return true;
        }
    }
    return false;
}

/* libpq has the error's code only in its message, and there in place of the server's words. */
bool pg_target_refused(const pg_target *t)
{
    parameters p = {.count = 0};
    set_all(&p, t, true);
    PGconn *db = kit_must(PQconnectStartParams(p.keywords, p.values, 0));
    PQsetErrorVerbosity(db, PQERRORS_SQLSTATE);
    PQsetNoticeProcessor(db, on_notice, NULL);
    poll_through(db, pg_target_timeout_ms(t));
    const bool refused = PQstatus(db) == CONNECTION_BAD &&
                         (PQconnectionNeedsPassword(db) == 1 || is_no(PQerrorMessage(db)));
    PQfinish(db);
    return refused;
}

void pg_first_line(const char *message, char *line, size_t line_size)
{
    snprintf(line, line_size, "%.*s", (int)strcspn(message, "\n"), message);
}
