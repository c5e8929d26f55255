/* SPDX-License-Identifier: Apache-2.0 */
/* store_sql: answers look-ups from a database of the operator's: a SQLite file, or PostgreSQL and
 * what speaks its protocol. The scheme of the URL chooses the driver. */
#include "store.h"

#include <stdio.h>

static const char *const synchronous_choices[] = {
    [SYNCHRONOUS_NORMAL] = "normal", [SYNCHRONOUS_FULL] = "full", NULL};
static const char *const create_choices[] = {
    [CREATE_AUTO] = "auto", [CREATE_TRUE] = "true", [CREATE_FALSE] = "false", NULL};

static const char *const pooler_choices[] = {
    [POOLER_AUTO] = "auto", [POOLER_TRUE] = "true", [POOLER_FALSE] = "false", NULL};

CMP_OPTIONS(rows, options) = {
    /* Secret, as it may hold a password: no message shows it. */
    CMP_ROW("url", SECRET, options, url,
            "sqlite:PATH or postgresql://user:password@host,host/database?parameters; PATH "
            "may be relative, as in other options",
            CMP_REQUIRED),
    CMP_ROW(
        "replica_url", SECRET, options, replica_url,
        "PostgreSQL: read replicas, asked instead of the primary while one can be reached; what "
        "the cache holds is asked for again every `revalidate` then"),
    CMP_ROW("query", STRING, options, query,
            "select … where id = $1, over tables of yours; columns are taken by their names "
            "(content, content_type, ttl, status, not_before, not_after, transferred_to, "
            "variants); the store is only read then"),
    CMP_ROW("connections", INTEGER, options, connections, "PostgreSQL: connections of each worker",
            CMP_DEFAULT("2"), CMP_RANGE(1, 64)),
    CMP_ROW("statement_timeout", DURATION, options, statement_timeout_ms,
            "PostgreSQL: how long a look-up may take", CMP_DEFAULT("1s"), CMP_RANGE(10, 60000)),
    CMP_ROW("waiting", INTEGER, options, waiting,
            "PostgreSQL: look-ups of each worker that may be under way; more are refused",
            CMP_DEFAULT("1024"), CMP_RANGE(1, 1000000)),
    CMP_ROW_ENUM("pooler", options, pooler, pooler_choices,
                 "PostgreSQL: a pooler (pgbouncer) stands before it, which gives each transaction "
                 "another session; auto: found out",
                 CMP_DEFAULT("auto")),
    CMP_ROW("revalidate", DURATION, options, revalidate_ms,
            "PostgreSQL: how often what the cache holds is asked for again where the database does "
            "not tell of changes, or too early: behind a pooler, without the schema's triggers, "
            "with a standby or replica_url",
            CMP_DEFAULT("1s"), CMP_RANGE(100, 3600000)),
    CMP_ROW_ENUM(
        "synchronous", options, synchronous, synchronous_choices,
        "SQLite: full: no write is lost when the power fails; normal: the last ones may be",
        CMP_DEFAULT("normal")),
    CMP_ROW_ENUM("create", options, create, create_choices,
                 "create or migrate the schema when needed; auto: SQLite yes, PostgreSQL no",
                 CMP_DEFAULT("auto")),
    CMP_ROW("busy_timeout", DURATION, options, busy_timeout_ms,
            "how long a write waits for another one", CMP_DEFAULT("5s"), CMP_RANGE(0, 600000)),
    CMP_OPTION_END,
};

/* ---- for drivers ---- */

void store_init(store *s, const cmp_host *host, const options *o)
{
    s->host = host;
    s->options = o;
    kit_trouble_init(&s->failures);
    kit_trouble_init(&s->refusals);
    kit_trouble_init(&s->bad_rows);
    s->failed = host->counter(host, "lookups_failed", "look-ups that the database did not answer");
    s->bad_row = host->counter(host, "bad_rows", "rows that could not be understood");
}

void store_dispose(store *s)
{
    kit_trouble_dispose(&s->failures);
    kit_trouble_dispose(&s->refusals);
    kit_trouble_dispose(&s->bad_rows);
}

cmp_store_verdict store_bad_row(store *s, cmp_str ici, const char *why)
{
    s->host->count(s->host, s->bad_row, 1);
    kit_trouble_say(&s->bad_rows, s->host, "the row of %.*s: %s", (int)ici.size, ici.at, why);
    return CMP_STORE_UNAVAILABLE;
}

bool store_only_read(const store *s, char *error, size_t error_size)
{
    if (s->options->query != NULL) {
        snprintf(error, error_size, "the store has a query of its own, and so is only read");
        return true;
    }
    return false;
}

/* ---- the plugin ---- */

static bool has_scheme(const char *url, const char *scheme)
{
    const size_t size = strlen(scheme);
    return strncmp(url, scheme, size) == 0 && url[size] == ':';
}

/* SQLite never waits, so its driver has no cancel; PostgreSQL's has one. */
static const cmp_plugin *sql_choose(const cmp_host *host, const void *opts, cmp_report *report)
{
    const options *o = opts;
    if (has_scheme(o->url, "sqlite")) {
        return &sqlite_driver;
    }
    /* libpq knows both. */
    if (has_scheme(o->url, "postgresql") || has_scheme(o->url, "postgres")) {
        return &pg_driver;
    }
    host->report(report, "url", "expected: sqlite:PATH or postgresql://host/database");
    return NULL;
}

CMP_EXPORT const cmp_plugin cmp_plugin_descriptor = {
    CMP_PLUGIN_ABI,           .name = STORE_NAME,
    .kind = CMP_PLUGIN_STORE, .services = CMP_SERVICE_LOOP | CMP_SERVICE_OFFLOAD,
    .version = "1.0",         .summary = "codes from a SQLite file or a PostgreSQL database",
    CMP_PLUGIN_OPTIONS(rows), .choose = sql_choose,
};
