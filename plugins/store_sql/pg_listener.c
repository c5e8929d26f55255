/* LISTEN: what the schema's triggers say about changes goes to the host, which may remember old
 * answers. What was said while nobody listened is lost, so after each gap everything may have
 * changed. */
#include "pg_listener.h"

#include "pg_connection.h"

struct pg_listener {
    pg_store *store;
    pg_connection connection;
    bool listening;
};

static void on_connected(void *arg)
{
    pg_listener *l = arg;
    if (!PQsendQuery(l->connection.db, "listen cmp_codes")) {
        pg_connection_lose(&l->connection, PQerrorMessage(l->connection.db));
        return;
    }
    pg_connection_flush(&l->connection);
}

static void begin_listening(pg_listener *l)
{
    const cmp_host *host = l->store->store.host;
    l->listening = true;
    pg_connection_good(&l->connection);
    kit_trouble_over(&l->store->store.failures, host, "the database answers");
    host->store_changed(host, CMP_NONE);
}

/* An empty text is the triggers' way to say that too much has changed to be named. */
static void tell_all(pg_listener *l)
{
    const cmp_host *host = l->store->store.host;
    PGnotify *n;
    while ((n = PQnotifies(l->connection.db)) != NULL) {
        host->store_changed(host, n->extra[0] != '\0' ? cmp_str_from(n->extra) : CMP_NONE);
        PQfreemem(n);
    }
}

static void on_readable(void *arg)
{
    pg_listener *l = arg;
    PGconn *db = l->connection.db;
    bool good = PQconsumeInput(db) == 1;
    while (good && !PQisBusy(db)) {
        PGresult *result = PQgetResult(db);
        if (result == NULL) {
            break;
        }
        good = PQresultStatus(result) == PGRES_COMMAND_OK;
        if (good && !l->listening) {
            begin_listening(l);
        }
        PQclear(result);
    }
    if (!good || PQstatus(db) == CONNECTION_BAD) {
        pg_connection_lose(&l->connection, PQerrorMessage(db));
        return;
    }
    tell_all(l);
}

static void on_lost(void *arg, const char *why)
{
    pg_listener *l = arg;
    l->listening = false;
    kit_trouble_say(&l->store->store.failures, l->store->store.host, "listening for changes: %s",
                    why);
}

pg_listener *pg_listener_create(pg_store *s, cmp_loop *loop)
{
    static const pg_owner owner = {on_connected, on_readable, on_lost};
    pg_listener *l = kit_calloc(1, sizeof(*l));
    l->store = s;
    pg_connection_init(&l->connection, s->store.host, loop, &s->primary, &owner, l);
    pg_connection_start(&l->connection);
    return l;
}

void pg_listener_destroy(pg_listener **l)
{
    if (*l != NULL) {
        pg_connection_stop(&(*l)->connection);
        free(*l);
        *l = NULL;
    }
}
