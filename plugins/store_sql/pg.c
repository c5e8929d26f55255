/* SPDX-License-Identifier: Apache-2.0 */
/* The PostgreSQL driver: the instance, and what is done at its start. */
#include "pg.h"

#include "pg_listener.h"
#include "pg_worker.h"

#include <stdatomic.h>
#include <stdlib.h>

#define ERROR_SIZE 256

const char *pg_lookup_query(const options *o)
{
    return o->query != NULL ? o->query : "select " COLUMN_LIST " from cmp_codes where ici = $1";
}

/* A server tells every client its process, to cancel by. A pooler tells one of its own making,
 * since another process answers each time. */
static bool process_differs(const PGconn *db, const PGresult *result)
{
    return PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) == 1 &&
           strtol(PQgetvalue(result, 0, 0), NULL, 10) != PQbackendPID(db);
}

bool pg_is_pooled(pg_store *s, const PGconn *db, const PGresult *result)
{
    const options *o = s->store.options;
    const bool pooled =
        o->pooler == POOLER_AUTO ? process_differs(db, result) : o->pooler == POOLER_TRUE;
    if (pooled && !atomic_exchange_explicit(&s->pooler_said, true, memory_order_relaxed)) {
        s->store.host->log(s->store.host, CMP_LOG_NOTICE,
                           "a pooler stands before the database: every look-up is prepared anew, "
                           "and as changes are not heard of, what a cache holds is asked for again "
                           "every %lld ms",
                           (long long)o->revalidate_ms);
    }
    return pooled;
}

bool pg_is_standby(const PGresult *result)
{
    return PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) == 1 &&
           PQgetvalue(result, 0, 1)[0] == 't';
}

void pg_standbys_add(pg_store *s, int count)
{
    atomic_fetch_add(&s->standbys, count);
    if (count > 0 && !atomic_exchange(&s->behind, true)) {
        s->store.host->log(s->store.host, CMP_LOG_NOTICE,
                           "look-ups are answered by a standby, which has a change later than the "
                           "primary tells of it: what a cache holds is asked for again every %lld "
                           "ms",
                           (long long)s->store.options->revalidate_ms);
    }
}

bool pg_is_behind(pg_store *s)
{
    if (s->replica.parameters != NULL) {
        return true; /* whatever kind of replica it is */
    }
    const bool now = atomic_load(&s->standbys) > 0;
    const bool before = atomic_exchange(&s->behind, now);
    if (before && !now) {
        s->store.host->log(s->store.host, CMP_LOG_NOTICE,
                           "look-ups are not answered by a standby any more");
    }
    return now || before;
}

void pg_store_answers(pg_store *s)
{
    if (atomic_load(&s->failing) == 0 && atomic_load(&s->lanes_ready) > 0) {
        kit_trouble_over(&s->store.failures, s->store.host, "the database answers");
    }
}

static void pg_check_url(const cmp_host *host, const char *key, const char *url, cmp_report *report)
{
    pg_target t;
    if (pg_target_init(&t, url)) {
        pg_target_dispose(&t);
    } else {
        host->report(report, key, "expected: postgresql://user:password@host:port/database?…");
    }
}

static void pg_check(const cmp_host *host, const void *opts, cmp_report *report)
{
    const options *o = opts;
    pg_check_url(host, "url", o->url, report);
    if (o->replica_url != NULL) {
        pg_check_url(host, "replica_url", o->replica_url, report);
    }
}

static void pg_destroy(void *instance)
{
    pg_store *s = instance;
    pg_listener_destroy(&s->listener);
    pg_target_dispose(&s->primary);
    pg_target_dispose(&s->replica);
    store_dispose(&s->store);
    free(s);
}

static void count_what(pg_store *s, const cmp_host *host)
{
    s->batches = host->counter(host, "batches", "batches of look-ups that were sent");
    s->batched = host->counter(host, "batched_lookups", "look-ups that were sent in batches");
    s->timeouts = host->counter(host, "timeouts", "look-ups that were not answered in time");
    s->refused = host->counter(host, "refused", "look-ups refused because too many were waiting");
    s->lost = host->counter(host, "connections_lost", "connections that were lost or not made");
}

/* A server that cannot be reached now may be there in a moment, and a lock may be gone: only what
 * it says itself stops the start. Where an instance serves already, it is not to be replaced by one
 * that would wait for the lock. Who only checks is told of it, too; and whether the server refuses
 * us, which who starts may find mended in a moment. */
static bool stops(const pg_store *s, pg_tried tried, const void *previous)
{
    const bool checks = s->store.host->purpose == CMP_PURPOSE_CHECK;
    switch (tried) {
    case PG_TRIED_UNREACHED:
        return checks && pg_target_refused(&s->primary);
    case PG_TRIED_BUSY:
        return checks || previous != NULL;
    case PG_TRIED_REFUSED:
        return true;
    case PG_TRIED_GOOD:
        break;
    }
    return false;
}

static void *pg_create(const cmp_host *host, const void *opts, void *previous, cmp_report *report)
{
    const options *o = opts;
    char error[ERROR_SIZE];
    pg_store *s = kit_calloc(1, sizeof(*s));
    store_init(&s->store, host, o);
    count_what(s, host);
    snprintf(s->timeout, sizeof(s->timeout), "%lld", (long long)o->statement_timeout_ms);
    const bool parsed = pg_target_init(&s->primary, o->url) &&
                        (o->replica_url == NULL || pg_target_init(&s->replica, o->replica_url));
    if (!parsed) {
        host->report(report, "url", "cannot be understood");
        pg_destroy(s);
        return NULL;
    }
    /* The primary alone: it stands in for a replica that is not there. */
    const pg_tried tried = pg_store_try(s, error, sizeof(error));
    if (stops(s, tried, previous)) {
        const bool of_query = tried == PG_TRIED_REFUSED && o->query != NULL;
        host->report(report, of_query ? "query" : "url", "%s", error);
        pg_destroy(s);
        return NULL;
    }
    if (tried != PG_TRIED_GOOD) {
        kit_trouble_say(&s->store.failures, host, "the database: %s", error);
    }
    return s;
}

static void pg_start(void *instance, cmp_loop *loop)
{
    pg_store *s = instance;
    /* Tables of the operator's have no triggers of ours, so there would be nothing to hear. */
    if (s->store.options->query == NULL) {
        s->listener = pg_listener_create(s, loop);
    }
}

static const cmp_store_ops ops = {
    .size = sizeof(cmp_store_ops),
    .lookup = pg_lookup,
    .cancel = pg_cancel,
    .turn_end = pg_turn_end,
    .scan = pg_scan,
    .begin = pg_begin,
    .put = pg_put,
    .remove = pg_remove,
    .commit = pg_commit,
    .abort = pg_abort,
};

const cmp_plugin pg_driver = {
    CMP_PLUGIN_ABI,
    .name = STORE_NAME,
    .kind = CMP_PLUGIN_STORE,
    .check = pg_check,
    .create = pg_create,
    .start = pg_start,
    .worker_start = pg_worker_start,
    .worker_stop = pg_worker_stop,
    .destroy = pg_destroy,
    .ops.store = &ops,
};
