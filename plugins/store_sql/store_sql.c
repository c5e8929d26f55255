/* store_sql: answers look-ups from a database of the operator's: a SQLite file, or PostgreSQL and
 * what speaks its protocol. The scheme of the URL chooses the driver. */
#include "store.h"

#include "memory.h"

static const char *const synchronous_choices[] = {
    [SYNCHRONOUS_NORMAL] = "normal", [SYNCHRONOUS_FULL] = "full", NULL};
static const char *const create_choices[] = {
    [CREATE_AUTO] = "auto", [CREATE_TRUE] = "true", [CREATE_FALSE] = "false", NULL};

CMP_OPTIONS(rows, options) = {
    CMP_ROW("url", SECRET, options, url,
            "sqlite:PATH or postgresql://user:password@host,host/database?parameters; PATH "
            "may be relative, as in other options",
            CMP_REQUIRED),
    CMP_ROW("replica_url", SECRET, options, replica_url,
            "PostgreSQL: read replicas, asked instead of the primary while one can be reached"),
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
    CMP_ROW_ENUM(
        "synchronous", options, synchronous, synchronous_choices,
        "SQLite: full: no write is lost when the power fails; normal: the last ones may be",
        CMP_DEFAULT("normal")),
    CMP_ROW_ENUM("create", options, create, create_choices,
                 "create or migrate the schema when needed; auto: SQLite yes, PostgreSQL no",
                 CMP_DEFAULT("auto")),
    CMP_ROW("busy_timeout", DURATION, options, busy_timeout_ms,
            "SQLite: how long a write waits for another one", CMP_DEFAULT("5s"),
            CMP_RANGE(0, 600000)),
    CMP_OPTION_END,
};

/* ---- for drivers ---- */

void store_init(store *s, const cmp_host *host, const options *o, const driver *d)
{
    s->host = host;
    s->options = o;
    s->driver = d;
    trouble_init(&s->failures);
    trouble_init(&s->refusals);
    trouble_init(&s->bad_rows);
    s->failed = host->counter(host, "lookups_failed", "look-ups that the database did not answer");
    s->bad_row = host->counter(host, "bad_rows", "rows that could not be understood");
}

void store_dispose(store *s)
{
    trouble_dispose(&s->failures);
    trouble_dispose(&s->refusals);
    trouble_dispose(&s->bad_rows);
}

cmp_store_verdict store_bad_row(store *s, cmp_str ici, const char *why)
{
    s->host->count(s->host, s->bad_row, 1);
    trouble_say(&s->bad_rows, s->host, "the row of %.*s: %s", (int)ici.size, ici.at, why);
    return CMP_STORE_UNAVAILABLE;
}

/* ---- the plugin ---- */

static const driver *const drivers[] = {&driver_sqlite, &driver_postgresql};

static const driver *driver_of(const char *url)
{
    for (size_t i = 0; i < sizeof(drivers) / sizeof(drivers[0]); i++) {
        for (const char *const *scheme = drivers[i]->schemes; *scheme != NULL; scheme++) {
            const size_t size = strlen(*scheme);
            if (strncmp(url, *scheme, size) == 0 && url[size] == ':') {
                return drivers[i];
            }
        }
    }
    return NULL;
}

static void sql_check(const cmp_host *host, const void *opts, cmp_report *report)
{
    const options *o = opts;
    const driver *d = driver_of(o->url);
    if (d == NULL) {
        host->report(report, "url", "expected: sqlite:PATH or postgresql://host/database");
        return;
    }
    d->check(host, o, report);
}

static void *sql_create(const cmp_host *host, const void *opts, void *previous, cmp_report *report)
{
    (void)previous;
    const options *o = opts;
    return driver_of(o->url)->create(host, o, report);
}

static void sql_start(void *instance, cmp_loop *loop)
{
    store *s = instance;
    if (s->driver->start != NULL) {
        s->driver->start(s, loop);
    }
}

static void *sql_worker_start(void *instance, cmp_loop *loop)
{
    store *s = instance;
    return s->driver->worker_start(s, loop);
}

static void sql_worker_stop(void *instance, void *worker)
{
    store *s = instance;
    s->driver->worker_stop(s, worker);
}

static void sql_destroy(void *instance)
{
    store *s = instance;
    s->driver->destroy(s);
}

static const cmp_store_ops *ops_of(void *instance)
{
    const store *s = instance;
    return s->driver->ops;
}

static cmp_store_verdict sql_lookup(void *instance, void *worker, cmp_txn *txn, cmp_str ici,
                                    cmp_op *op, cmp_record *record)
{
    return ops_of(instance)->lookup(instance, worker, txn, ici, op, record);
}

/* Only what answers PENDING is cancelled and batched: these two are PostgreSQL's. */
static void sql_cancel(void *instance, void *worker, cmp_op *op)
{
    ops_of(instance)->cancel(instance, worker, op);
}

static void sql_turn_end(void *instance, void *worker)
{
    ops_of(instance)->turn_end(instance, worker);
}

static bool sql_scan(void *instance, cmp_str after, cmp_store_visit visit, void *arg, char *error,
                     size_t error_size)
{
    return ops_of(instance)->scan(instance, after, visit, arg, error, error_size);
}

/* A query of the operator's is known for look-ups only. */
static bool only_read(const store *s, char *error, size_t error_size)
{
    if (s->options->query != NULL) {
        snprintf(error, error_size, "the store has a query of its own, and so is only read");
        return true;
    }
    return false;
}

static void *sql_begin(void *instance, char *error, size_t error_size)
{
    if (only_read(instance, error, error_size)) {
        return NULL;
    }
    return ops_of(instance)->begin(instance, error, error_size);
}

static bool sql_put(void *instance, void *write, cmp_str ici, const cmp_record *record, char *error,
                    size_t error_size)
{
    return ops_of(instance)->put(instance, write, ici, record, error, error_size);
}

static bool sql_remove(void *instance, void *write, cmp_str ici, bool *existed, char *error,
                       size_t error_size)
{
    return ops_of(instance)->remove(instance, write, ici, existed, error, error_size);
}

static bool sql_commit(void *instance, void *write, char *error, size_t error_size)
{
    return ops_of(instance)->commit(instance, write, error, error_size);
}

static void sql_abort(void *instance, void *write)
{
    ops_of(instance)->abort(instance, write);
}

static const cmp_store_ops ops = {
    .size = sizeof(cmp_store_ops),
    .lookup = sql_lookup,
    .cancel = sql_cancel,
    .turn_end = sql_turn_end,
    .scan = sql_scan,
    .begin = sql_begin,
    .put = sql_put,
    .remove = sql_remove,
    .commit = sql_commit,
    .abort = sql_abort,
};

CMP_EXPORT const cmp_plugin cmp_plugin_descriptor = {
    CMP_PLUGIN_ABI,
    .name = "store_sql",
    .kind = CMP_PLUGIN_STORE,
    .services = CMP_SERVICE_LOOP | CMP_SERVICE_OFFLOAD,
    .version = "1.0",
    .summary = "codes from a SQLite file or a PostgreSQL database",
    CMP_PLUGIN_OPTIONS(rows),
    .check = sql_check,
    .create = sql_create,
    .start = sql_start,
    .worker_start = sql_worker_start,
    .worker_stop = sql_worker_stop,
    .destroy = sql_destroy,
    .ops.store = &ops,
};
