/* SPDX-License-Identifier: Apache-2.0 */
/* LISTEN: what the schema's triggers say about changes goes to the host, which may remember old
 * answers. What was said while nobody listened is lost, so after each gap everything may have
 * changed; and while nothing can be heard, again and again: behind a pooler, which gives the
 * session that listens to others, when the table has no triggers, as one that was renamed into
 * place, and when look-ups are answered but no primary is there to listen to. So it is with a
 * standby that answers look-ups, since what it will have is heard of too early; and once more when
 * it does not any more, since what it has answered last may be old. */
#include "pg_listener.h"

#include "pg_connection.h"

#include <stdatomic.h>

/* What the connection was asked last. */
typedef enum step {
    STEP_NONE, /* nothing: it listens */
    STEP_SESSION,
    STEP_LISTEN,
    STEP_TRIGGERS,
} step;

/* Why changes are not heard of. */
typedef enum deafness { DEAF_NOT, DEAF_POOLER, DEAF_TRIGGERS } deafness;

struct pg_listener {
    pg_store *store;
    cmp_loop *loop;
    pg_connection connection;
    cmp_timer *timer;
    step step;
    bool listening;
    deafness deaf;
};

/* One for inserts, updates, deletes and truncations each (the bits of tgtype), not disabled. */
static const char triggers_query[] =
    "select coalesce(bit_or(t.tgtype), 0) & 60 = 60 from pg_trigger t "
    "join pg_proc p on p.oid = t.tgfoid where t.tgrelid = to_regclass('cmp_codes') "
    "and t.tgenabled in ('O', 'A') and p.proname = 'cmp_codes_changed'";

static bool ask(pg_listener *l, step what)
{
    static const char *const queries[] = {
        [STEP_SESSION] = PG_SESSION_QUERY,
        [STEP_LISTEN] = "listen cmp_codes",
        [STEP_TRIGGERS] = triggers_query,
    };
    l->step = what;
    if (!PQsendQuery(l->connection.db, queries[what])) {
        pg_connection_lose(&l->connection, PQerrorMessage(l->connection.db));
        return false;
    }
    pg_connection_flush(&l->connection);
    return l->connection.state == PG_UP;
}

static void on_connected(void *arg)
{
    ask(arg, STEP_SESSION);
}

static void begin_listening(pg_listener *l)
{
    const cmp_host *host = l->store->store.host;
    l->listening = true;
    pg_connection_good(&l->connection);
    pg_store_answers(l->store);
    host->store_changed(host, CMP_NONE);
}

/* ---- results ---- */

static void see_triggers(pg_listener *l, bool there)
{
    const cmp_host *host = l->store->store.host;
    if (!there && l->deaf == DEAF_NOT) {
        l->deaf = DEAF_TRIGGERS;
        host->log(host, CMP_LOG_WARNING,
                  "the table cmp_codes has lost the triggers that tell of changes (was another one "
                  "renamed into its place? run the schema's file again): what a cache holds is "
                  "asked for again every %lld ms",
                  (long long)l->store->store.options->revalidate_ms);
    } else if (there && l->deaf == DEAF_TRIGGERS) {
        l->deaf = DEAF_NOT;
        host->log(host, CMP_LOG_NOTICE, "the table cmp_codes tells of changes again");
        host->store_changed(host, CMP_NONE); /* of what was changed since it was asked last */
    }
}

/* False when the connection is of no use. */
static bool take_result(pg_listener *l, const PGresult *result)
{
    const ExecStatusType status = PQresultStatus(result);
    const bool told = status == PGRES_TUPLES_OK && PQntuples(result) == 1;
    switch (l->step) {
    case STEP_SESSION:
        l->deaf = pg_is_pooled(l->store, l->connection.db, result) ? DEAF_POOLER : DEAF_NOT;
        return told;
    case STEP_LISTEN:
        return status == PGRES_COMMAND_OK;
    case STEP_TRIGGERS:
        if (told) { /* a connection that breaks has said nothing of them */
            see_triggers(l, PQgetvalue(result, 0, 0)[0] == 't');
        }
        return told;
    case STEP_NONE:
        break;
    }
    return true;
}

/* The last question is answered. */
static bool next_step(pg_listener *l)
{
    const step answered = l->step;
    l->step = STEP_NONE;
    if (answered == STEP_SESSION && l->deaf != DEAF_POOLER) {
        return ask(l, STEP_LISTEN);
    }
    if (answered == STEP_SESSION || answered == STEP_LISTEN) {
        begin_listening(l);
        return l->deaf == DEAF_POOLER || ask(l, STEP_TRIGGERS);
    }
    return true;
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
    while (good && l->step != STEP_NONE && !PQisBusy(db)) {
        PGresult *result = PQgetResult(db);
        if (result == NULL) {
            if (!next_step(l)) {
                return; /* lost */
            }
            continue;
        }
        good = take_result(l, result);
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
    l->step = STEP_NONE;
    kit_trouble_say(&l->store->store.failures, l->store->store.host, "listening for changes: %s",
                    why);
}

/* ---- while nothing is heard ---- */

/* Whether what a cache holds may be old with nobody to tell. What was told by the primary may have
 * been looked up at a standby that did not have it yet, and would stay for the whole ttl then. When
 * look-ups are not answered either, there is nothing better than what is there. */
static bool in_doubt(pg_listener *l)
{
    return l->listening ? l->deaf != DEAF_NOT || pg_is_behind(l->store)
                        : atomic_load(&l->store->lanes_ready) > 0;
}

/* What the cache holds stays there: it is still better than nothing when the database is gone. */
static void tick(void *arg)
{
    pg_listener *l = arg;
    const cmp_host *host = l->store->store.host;
    l->timer =
        host->timer_start(l->loop, (uint64_t)l->store->store.options->revalidate_ms, tick, l);
    if (in_doubt(l)) {
        host->store_changed(host, CMP_NONE);
    }
    if (l->listening && l->deaf != DEAF_POOLER && l->step == STEP_NONE) {
        ask(l, STEP_TRIGGERS);
    }
}

/* ---- life ---- */

pg_listener *pg_listener_create(pg_store *s, cmp_loop *loop)
{
    static const pg_owner owner = {on_connected, on_readable, on_lost, true};
    pg_listener *l = kit_calloc(1, sizeof(*l));
    l->store = s;
    l->loop = loop;
    pg_connection_init(&l->connection, s->store.host, loop, &s->primary, &s->failing, &owner, l);
    pg_connection_start(&l->connection);
    l->timer = s->store.host->timer_start(loop, (uint64_t)s->store.options->revalidate_ms, tick, l);
    return l;
}

void pg_listener_destroy(pg_listener **l)
{
    if (*l != NULL) {
        (*l)->store->store.host->timer_stop((*l)->timer);
        pg_connection_stop(&(*l)->connection);
        free(*l);
        *l = NULL;
    }
}
