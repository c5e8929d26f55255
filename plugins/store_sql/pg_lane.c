/* SPDX-License-Identifier: Apache-2.0 */
/* A connection that look-ups share: many are sent before the first result is in. What one of them
 * breaks (its own batch, by PostgreSQL's rules) is sent again, each one alone. */
#include "pg_lane.h"

#include "pg_worker.h"
#include "schema.h"

#include <stdatomic.h>

#define LANE_MAX   256 /* requests on their way; more wait for us rather than for the server */
#define SILENCE_MS 500 /* that the server may take longer than a statement's time limit */
#define STATEMENT  "lookup"
#define ERROR_SIZE 256

/* What the preparation asks for, in order; the version not with a query of the operator's. Only
 * when the first part is answered it is known whether settings may stay in the session. */
enum {
    PREPARE_SESSION,
    PREPARE_SESSION_SYNC,
    PREPARE_SETTINGS,
    PREPARE_VERSION,
    PREPARE_STATEMENT,
    PREPARE_COLUMNS,
    PREPARE_SYNC,
};

static const options *options_of(const pg_lane *l)
{
    return pg_worker_store(l->worker)->store.options;
}

/* ---- standby ---- */

static void on_standby_timer(void *arg);

static void standby_timer_start(pg_lane *l)
{
    const cmp_host *host = pg_worker_store(l->worker)->store.host;
    l->standby_timer = host->timer_start(l->connection.loop, (uint64_t)options_of(l)->revalidate_ms,
                                         on_standby_timer, l);
}

static void set_standby(pg_lane *l, bool standby)
{
    pg_store *s = pg_worker_store(l->worker);
    if (l->standby == standby) {
        return;
    }
    l->standby = standby;
    l->standby_asked = false;
    if (standby) {
        standby_timer_start(l);
    } else {
        s->store.host->timer_stop(l->standby_timer);
    }
    pg_standbys_add(s, standby ? 1 : -1);
}

/* A server tells those who are connected that it was promoted (PostgreSQL 14; before, only the next
 * session shows it), but with its next answer: a lane that has nothing to ask says nothing but that
 * it wants one. */
static void on_standby_timer(void *arg)
{
    pg_lane *l = arg;
    standby_timer_start(l);
    if (!l->ready || l->pooled || l->sent_count > 0 || l->standby_asked) {
        return;
    }
    l->standby_asked = true;
    if (PQpipelineSync(l->connection.db)) {
        pg_connection_flush(&l->connection);
    } else {
        pg_connection_lose(&l->connection, PQerrorMessage(l->connection.db));
    }
}

/* All of a batch is answered. A server that takes writes does not become a standby again without an
 * end of its sessions; and a pooler would tell of another server. */
static void see_promotion(pg_lane *l)
{
    l->standby_asked = false;
    const char *standby = PQparameterStatus(l->connection.db, "in_hot_standby");
    if (l->standby && !l->pooled && standby != NULL && strcmp(standby, "off") == 0) {
        set_standby(l, false);
    }
}

/* ---- preparation ---- */

/* Told in the session and not at its start, because poolers do not let parameters through. */
static const char settings_query[] =
    "select set_config('statement_timeout', $1, false), "
    "set_config('default_transaction_read_only', 'on', false), "
    "set_config('datestyle', 'ISO', false), set_config('timezone', 'UTC', false)";

/* For one transaction, and a pipeline is one up to its sync. */
static const char local_settings_query[] =
    "select set_config('statement_timeout', $1, true), "
    "set_config('transaction_read_only', 'on', true), "
    "set_config('datestyle', 'ISO', true), set_config('timezone', 'UTC', true)";

static bool send_settings(pg_lane *l)
{
    const char *timeout = pg_worker_store(l->worker)->timeout;
    return PQsendQueryParams(l->connection.db, l->pooled ? local_settings_query : settings_query, 1,
                             NULL, &timeout, NULL, NULL, 0) == 1;
}

static void on_connected(void *arg)
{
    pg_lane *l = arg;
    PGconn *db = l->connection.db;
    l->prepared = PREPARE_SESSION;
    l->null_due = false;
    l->stale = false;
    if (!PQenterPipelineMode(db) ||
        !PQsendQueryParams(db, PG_SESSION_QUERY, 0, NULL, NULL, NULL, NULL, 0) ||
        !PQpipelineSync(db)) {
        pg_connection_lose(&l->connection, PQerrorMessage(db));
        return;
    }
    pg_connection_flush(&l->connection);
}

/* All in one transaction, so it may stand behind a pooler. */
static bool send_preparation(pg_lane *l)
{
    PGconn *db = l->connection.db;
    const char *name = l->pooled ? "" : STATEMENT;
    return send_settings(l) &&
           (options_of(l)->query != NULL ||
            PQsendQueryParams(db, SCHEMA_VERSION_QUERY, 0, NULL, NULL, NULL, NULL, 0)) &&
           PQsendPrepare(db, name, pg_lookup_query(options_of(l)), 0, NULL) &&
           PQsendDescribePrepared(db, name) && PQpipelineSync(db);
}

static bool version_good(const PGresult *result, char *why, size_t why_size)
{
    static const char undefined_table[] = "42P01";
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    int64_t version = 0;
    if (PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) == 1) {
        version = strtoll(PQgetvalue(result, 0, 0), NULL, 10);
    } else if (state == NULL || strcmp(state, undefined_table) != 0) {
        pg_first_line(PQresultErrorMessage(result), why, why_size);
        return false;
    }
    return schema_good(SCHEMA_POSTGRESQL, version, why, why_size);
}

/* With a replica look-ups are in doubt in any case; with a query of the operator's nobody listens.
 */
static void see_session(pg_lane *l, const PGresult *result)
{
    pg_store *s = pg_worker_store(l->worker);
    const bool matters = s->replica.parameters == NULL && options_of(l)->query == NULL;
    l->pooled = pg_is_pooled(s, l->connection.db, result);
    set_standby(l, matters && pg_is_standby(result));
}

/* One result of the preparation. */
static bool prepare_step(pg_lane *l, const PGresult *result, char *why, size_t why_size)
{
    if (l->prepared == PREPARE_VERSION && options_of(l)->query != NULL) {
        l->prepared++;
    }
    const unsigned step = l->prepared++;
    const ExecStatusType status = PQresultStatus(result);
    if (step == PREPARE_VERSION) {
        return version_good(result, why, why_size);
    }
    if (step == PREPARE_SESSION) {
        see_session(l, result);
    }
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK && status != PGRES_PIPELINE_SYNC) {
        pg_first_line(PQresultErrorMessage(result), why, why_size);
        return false;
    }
    if (step == PREPARE_COLUMNS && (PQnparams(result) != 1 || !pg_columns(result, &l->columns))) {
        snprintf(why, why_size, "the query must have one parameter, $1, and a column content");
        return false;
    }
    if (step == PREPARE_SESSION_SYNC && !send_preparation(l)) {
        pg_first_line(PQerrorMessage(l->connection.db), why, why_size);
        return false;
    }
    return true;
}

static void set_ready(pg_lane *l, bool ready)
{
    if (l->ready != ready) {
        l->ready = ready;
        atomic_fetch_add(&pg_worker_store(l->worker)->lanes_ready, ready ? 1 : -1);
    }
}

/* Only the last result of the preparation says that all of it was good. */
static void become_ready(pg_lane *l)
{
    set_ready(l, true);
    l->settings_due = l->pooled;
    pg_connection_good(&l->connection);
    pg_worker_lane_changed(l->worker, l);
}

/* ---- results ---- */

/* Whether the connection itself is of no use any more. */
static bool connection_broken(const PGresult *result)
{
    const char *severity = PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    if (severity == NULL || state == NULL) {
        return true; /* libpq's own words */
    }
    return strcmp(severity, "FATAL") == 0 || strcmp(severity, "PANIC") == 0;
}

/* The prepared statement would have other columns since the table was changed (0A000), or is gone
 * (26000). The other lanes' statements are no better: what is sent again goes without. */
static bool is_stale(const PGresult *result, const pg_request *r)
{
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    return !r->unnamed && state != NULL &&
           (strcmp(state, "0A000") == 0 || strcmp(state, "26000") == 0);
}

/* A pipeline answers in the order in which it was asked, so a result needs no number. */
static pg_request *take_first(pg_lane *l)
{
    pg_request *r = TAILQ_FIRST(&l->sent);
    TAILQ_REMOVE(&l->sent, r, place);
    l->sent_count--;
    r->on_lane = false;
    return r;
}

/* A standby that catches up ends statements which are in its way (40001). */
static bool worth_repeating(const PGresult *result)
{
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    return PQresultStatus(result) == PGRES_PIPELINE_ABORTED ||
           (state != NULL && strncmp(state, "40", 2) == 0);
}

static void take_row(pg_lane *l, pg_request *r, const PGresult *result)
{
    row first;
    column_map columns = l->columns; /* those that are prepared */
    if (PQntuples(result) == 0) {
        pg_worker_answered(l->worker, r, NULL);
    } else if (!r->unnamed || pg_columns(result, &columns)) {
        pg_row(result, 0, &columns, &first);
        pg_worker_answered(l->worker, r, &first);
    } else {
        pg_worker_failed(l->worker, r, "there is no column content any more");
    }
}

/* What a result means for the first look-up that was sent. */
static void take_result(pg_lane *l, const PGresult *result)
{
    pg_request *r = take_first(l);
    const bool stale = is_stale(result, r);
    l->stale = l->stale || stale;
    if (PQresultStatus(result) == PGRES_TUPLES_OK) {
        take_row(l, r, result);
    } else if (stale || worth_repeating(result)) {
        pg_worker_unsent(l->worker, r);
    } else {
        pg_worker_failed(l->worker, r, PQresultErrorMessage(result));
    }
}

/* False when the connection was lost. */
static bool on_result(pg_lane *l, const PGresult *result)
{
    const ExecStatusType status = PQresultStatus(result);
    l->progress_ms = pg_worker_clock_ms(l->worker);
    if (status == PGRES_PIPELINE_SYNC) {
        l->settings_due = l->pooled;
        see_promotion(l);
        return true;
    }
    if (TAILQ_EMPTY(&l->sent) || (status == PGRES_FATAL_ERROR && connection_broken(result))) {
        pg_connection_lose(&l->connection, PQresultErrorMessage(result));
        return false;
    }
    l->null_due = true;
    if (!l->settings_due) {
        take_result(l, result);
    }
    l->settings_due = false; /* if they were refused, so is the batch */
    return true;
}

/* False when the connection was lost. */
static bool on_prepared(pg_lane *l, const PGresult *result)
{
    char why[ERROR_SIZE];
    if (!prepare_step(l, result, why, sizeof(why))) {
        pg_connection_lose(&l->connection, why);
        return false;
    }
    if (l->prepared > PREPARE_SYNC) {
        become_ready(l);
    } else {
        l->null_due = PQresultStatus(result) != PGRES_PIPELINE_SYNC;
    }
    return true;
}

/* With a new session comes a new statement. */
static void renew(pg_lane *l)
{
    pg_lane_stop(l);
    pg_connection_start(&l->connection);
}

/* Between the results of two queries libpq says NULL, and it says NULL when there is no more. */
static bool read_one(pg_lane *l)
{
    PGconn *db = l->connection.db;
    if (PQisBusy(db)) {
        return false;
    }
    PGresult *result = PQgetResult(db);
    if (result == NULL) {
        const bool more = l->null_due;
        l->null_due = false;
        return more;
    }
    const bool up = l->ready ? on_result(l, result) : on_prepared(l, result);
    PQclear(result);
    return up;
}

static void on_readable(void *arg)
{
    pg_lane *l = arg;
    PGconn *db = l->connection.db;
    if (!PQconsumeInput(db)) {
        pg_connection_lose(&l->connection, PQerrorMessage(db));
        return;
    }
    while (read_one(l)) {
    }
    if (l->connection.state != PG_UP) {
        return;
    }
    if (PQstatus(db) == CONNECTION_BAD) {
        pg_connection_lose(&l->connection, PQerrorMessage(db));
        return;
    }
    pg_connection_flush(&l->connection); /* libpq may wait to send until it has read */
    if (l->ready) {
        pg_worker_lane_changed(l->worker, l);
    }
    if (l->ready && l->stale && l->sent_count == 0) {
        renew(l);
    }
}

static void on_lost(void *arg, const char *why)
{
    pg_lane *l = arg;
    pg_store *s = pg_worker_store(l->worker);
    s->store.host->count(s->store.host, s->lost, 1);
    kit_trouble_say(&s->store.failures, s->store.host, "%s: %s",
                    l->connection.target == &s->primary ? "the database" : "the replica", why);
    /* Not ready first: what is handed back must not be sent here again. */
    set_ready(l, false);
    set_standby(l, false);
    while (!TAILQ_EMPTY(&l->sent)) {
        pg_worker_unsent(l->worker, take_first(l));
    }
    pg_worker_lane_changed(l->worker, l);
}

/* ---- sending ---- */

/* Its ICI has at most PG_ICI_MAX octets. libpq wants a NUL behind it, and copies it. */
static bool send_one(pg_lane *l, pg_request *r)
{
    PGconn *db = l->connection.db;
    char text[PG_ICI_MAX + 1];
    const char *value = text;
    memcpy(text, r->ici.at, r->ici.size);
    text[r->ici.size] = '\0';
    r->unnamed = l->pooled || l->stale || r->again;
    return r->unnamed ? PQsendQueryParams(db, pg_lookup_query(options_of(l)), 1, NULL, &value, NULL,
                                          NULL, 0) == 1
                      : PQsendQueryPrepared(db, STATEMENT, 1, &value, NULL, NULL, 0) == 1;
}

/* The next of the queue; *open says whether a batch is without its sync. An error breaks what
 * follows it up to the next sync; so what was broken once gets its own. */
static bool send_next(pg_lane *l, struct pg_requests *queue, bool *open)
{
    PGconn *db = l->connection.db;
    pg_request *r = TAILQ_FIRST(queue);
    TAILQ_REMOVE(queue, r, place);
    TAILQ_INSERT_TAIL(&l->sent, r, place);
    l->sent_count++;
    r->on_lane = true;
    if (r->again && *open) {
        if (!PQpipelineSync(db)) {
            return false;
        }
        *open = false;
    }
    if (!*open && l->pooled && !send_settings(l)) {
        return false;
    }
    *open = !r->again;
    return send_one(l, r) && (*open || PQpipelineSync(db));
}

static bool send_all(pg_lane *l, struct pg_requests *queue, unsigned most, unsigned *count)
{
    bool open = false;
    for (*count = 0; *count < most && !TAILQ_EMPTY(queue); ++*count) {
        if (!send_next(l, queue, &open)) {
            return false;
        }
    }
    return !open || PQpipelineSync(l->connection.db);
}

void pg_lane_send(pg_lane *l, struct pg_requests *queue, unsigned most)
{
    const pg_store *s = pg_worker_store(l->worker);
    const cmp_host *host = s->store.host;
    unsigned count;
    if (l->sent_count == 0) {
        l->progress_ms = pg_worker_clock_ms(l->worker);
    }
    const bool good = send_all(l, queue, most, &count);
    host->count(host, s->batches, 1);
    host->count(host, s->batched, count);
    if (!good) {
        pg_connection_lose(&l->connection, PQerrorMessage(l->connection.db));
        return;
    }
    pg_connection_flush(&l->connection);
}

unsigned pg_lane_room(const pg_lane *l)
{
    return l->ready && l->sent_count < LANE_MAX ? LANE_MAX - l->sent_count : 0;
}

void pg_lane_stop(pg_lane *l)
{
    set_ready(l, false);
    set_standby(l, false);
    pg_connection_stop(&l->connection);
}

bool pg_lane_hopeful(const pg_lane *l)
{
    const pg_connection *c = &l->connection;
    return l->ready || (c->state != PG_OFF && c->failures == 0);
}

bool pg_lane_silent(const pg_lane *l)
{
    return l->ready && l->sent_count > 0 &&
           pg_worker_clock_ms(l->worker) - l->progress_ms >
               options_of(l)->statement_timeout_ms + SILENCE_MS;
}

void pg_lane_init(pg_lane *l, pg_worker *w, const pg_target *target, cmp_loop *loop)
{
    static const pg_owner owner = {on_connected, on_readable, on_lost, false};
    *l = (pg_lane){.worker = w};
    TAILQ_INIT(&l->sent);
    pg_store *s = pg_worker_store(w);
    pg_connection_init(&l->connection, s->store.host, loop, target, &s->failing, &owner, l);
}
