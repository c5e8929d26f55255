/* SPDX-License-Identifier: Apache-2.0 */
/* Writes to PostgreSQL: what is put, and removed behind it, is copied into a table of the session,
 * and goes from there into the real one at commit, in one transaction and in the index's order. */
#include "pg.h"

#include "changes.h"

#include <inttypes.h>

#define COPY_SIZE ((size_t)64 << 10) /* what is given to libpq at once */

/* `n` counts the calls: the last one for an ICI is what counts. The temporary table is nobody
 * else's, so it may well be lost with the session. It checks nothing: the real one does that. */
static const char copy_query[] =
    "create temporary table cmp_write (ici text collate \"C\", gone boolean, content text, "
    "content_type text, ttl integer, status text, not_before bigint, not_after bigint, "
    "transferred_to text, variants text, n bigint) on commit drop; "
    "copy cmp_write from stdin";

static const char remove_query[] =
    "delete from cmp_codes where ici in (select ici from "
    "(select distinct on (ici) ici, gone from cmp_write order by ici, n desc) w where gone)";

/* Unix milliseconds as a timestamp. */
#define TIMESTAMP(column) "timestamptz 'epoch' + " column " * interval '1 millisecond'"

static const char put_query[] =
    "insert into cmp_codes (ici, " COLUMN_LIST
    ") select ici, content, content_type, ttl, status, " TIMESTAMP("not_before") ", " TIMESTAMP(
        "not_after") ", transferred_to, variants::json from "
                     "(select distinct on (ici) * from cmp_write order by ici, n desc) w where not "
                     "gone "
                     "on conflict (ici) do update set content = excluded.content, "
                     "content_type = excluded.content_type, ttl = excluded.ttl, status = "
                     "excluded.status, "
                     "not_before = excluded.not_before, not_after = excluded.not_after, "
                     "transferred_to = excluded.transferred_to, variants = excluded.variants";

typedef struct pg_write {
    pg_store *store;
    PGconn *db;
    buffer lines; /* of the COPY, not given to libpq yet */
    buffer scratch, variants;
    uint64_t calls; /* the column n */
    bool copies;    /* a COPY is under way */
    bool removes;
    changes changes;
} pg_write;

static bool fail(PGconn *db, char *error, size_t error_size)
{
    pg_first_line(PQerrorMessage(db), error, error_size);
    return false;
}

/* ---- begin, abort ---- */

static void write_free(pg_write *w)
{
    PQfinish(w->db); /* rolls back what is not committed */
    free(w->lines.at);
    free(w->scratch.at);
    free(w->variants.at);
    changes_dispose(&w->changes);
    free(w);
}

void *pg_begin(void *instance, char *error, size_t error_size)
{
    pg_store *s = instance;
    if (store_only_read(&s->store, error, error_size)) {
        return NULL;
    }
    /* An import may take as long as it likes, but not wait so long, as a thread does with it. */
    const pg_limits limits = {pg_lock_timeout_ms(s), 0, false};
    PGconn *db = pg_connect_wait(&s->primary, error, error_size);
    if (db == NULL) {
        return NULL;
    }
    if (!pg_begin_limited(db, &limits, error, error_size)) {
        PQfinish(db);
        return NULL;
    }
    pg_write *w = kit_calloc(1, sizeof(*w));
    w->store = s;
    w->db = db;
    return w;
}

void pg_abort(void *instance, void *state)
{
    (void)instance;
    write_free(state);
}

/* ---- lines of a COPY ---- */

/* What COPY's text format gives a meaning: its separators, its line ends and its escape. */
static void put_escaped(buffer *line, cmp_str value)
{
    char *to = buffer_room(line, value.size * 2), *const begin = to;
    for (size_t i = 0; i < value.size; i++) {
        const char c = value.at[i];
        const char letter = c == '\n' ? 'n' : c == '\r' ? 'r' : c == '\t' ? 't' : c;
        if (c == '\\' || letter != c) {
            *to++ = '\\';
        }
        *to++ = letter;
    }
    line->size += (size_t)(to - begin);
}

static void put_text(buffer *line, cmp_str value)
{
    if (value.at != NULL) {
        put_escaped(line, value);
    } else {
        buffer_add(line, "\\N", 2);
    }
    buffer_add(line, "\t", 1);
}

static void put_number(buffer *line, int64_t value, bool set)
{
    char text[24];
    snprintf(text, sizeof(text), "%" PRId64, value);
    put_text(line, set ? cmp_str_from(text) : CMP_NONE);
}

static void put_variants(pg_write *w, const cmp_record *record)
{
    if (record->variant_count == 0) {
        put_text(&w->lines, CMP_NONE);
        return;
    }
    w->variants.size = 0;
    variants_write(w->store->store.host, record, &w->scratch, &w->variants);
    put_text(&w->lines, (cmp_str){w->variants.at, w->variants.size});
}

static void put_record(pg_write *w, const cmp_record *record)
{
    buffer *line = &w->lines;
    put_text(line, record->content);
    put_text(line, record->content_type);
    put_number(line, record->ttl_s, record->ttl_s != CMP_TTL_UNSET);
    put_text(line, status_text(record));
    put_number(line, record->not_before_ms, record->not_before_ms != CMP_TIME_MIN);
    put_number(line, record->not_after_ms, record->not_after_ms != CMP_TIME_MAX);
    put_text(line, record->transferred_to);
    put_variants(w, record);
}

static bool send_lines(pg_write *w, size_t from, char *error, size_t error_size)
{
    if (w->lines.size < from || w->lines.size == 0) {
        return true;
    }
    const bool sent = PQputCopyData(w->db, w->lines.at, (int)w->lines.size) == 1;
    w->lines.size = 0;
    return sent || fail(w->db, error, error_size);
}

/* The rest of a line, and the line on its way. */
static bool end_line(pg_write *w, cmp_str ici, char *error, size_t error_size)
{
    char number[24];
    const int size = snprintf(number, sizeof(number), "%" PRIu64 "\n", w->calls++);
    buffer_add(&w->lines, number, (size_t)size);
    changes_note(&w->changes, ici);
    return send_lines(w, COPY_SIZE, error, error_size);
}

static bool begin_copy(pg_write *w, char *error, size_t error_size)
{
    PGresult *result = PQexec(w->db, copy_query);
    w->copies = PQresultStatus(result) == PGRES_COPY_IN ||
                pg_fail(w->db, result, copy_query, error, error_size);
    PQclear(result);
    return w->copies;
}

/* Nothing is answered here: what the server has against a row shows at commit. */
bool pg_put(void *instance, void *state, cmp_str ici, const cmp_record *record, char *error,
            size_t error_size)
{
    (void)instance;
    pg_write *w = state;
    if (!w->copies && !begin_copy(w, error, error_size)) {
        return false;
    }
    put_text(&w->lines, ici);
    buffer_add(&w->lines, "f\t", 2);
    put_record(w, record);
    return end_line(w, ici, error, error_size);
}

/* What stands alone, as `DELETE` of one code, is told whether there was anything. */
static bool remove_now(pg_write *w, cmp_str ici, bool *existed, char *error, size_t error_size)
{
    static const char query[] = "delete from cmp_codes where ici = $1";
    char *text = strndup(ici.at, ici.size);
    const char *value = kit_must(text);
    PGresult *result = PQexecParams(w->db, query, 1, NULL, &value, NULL, NULL, 0);
    const bool good = PQresultStatus(result) == PGRES_COMMAND_OK ||
                      pg_fail(w->db, result, query, error, error_size);
    *existed = good && strcmp(PQcmdTuples(result), "0") != 0;
    PQclear(result);
    free(text);
    changes_note(&w->changes, ici);
    return good;
}

bool pg_remove(void *instance, void *state, cmp_str ici, bool *existed, char *error,
               size_t error_size)
{
    (void)instance;
    static const char nothing[] = "t\t\\N\t\\N\t\\N\t\\N\t\\N\t\\N\t\\N\t\\N\t";
    pg_write *w = state;
    if (!w->copies) {
        return remove_now(w, ici, existed, error, error_size);
    }
    *existed = true; /* it will be known at commit */
    w->removes = true;
    put_text(&w->lines, ici);
    buffer_add(&w->lines, nothing, sizeof(nothing) - 1);
    return end_line(w, ici, error, error_size);
}

/* ---- commit ---- */

static bool end_copy(pg_write *w, char *error, size_t error_size)
{
    if (!send_lines(w, 0, error, error_size)) {
        return false;
    }
    if (PQputCopyEnd(w->db, NULL) != 1) {
        return fail(w->db, error, error_size);
    }
    /* To the last result, even after an error: libpq takes no command before. */
    bool good = true;
    PGresult *result;
    while ((result = PQgetResult(w->db)) != NULL) {
        if (good && PQresultStatus(result) != PGRES_COMMAND_OK) {
            good = pg_fail(w->db, result, copy_query, error, error_size);
        }
        PQclear(result);
    }
    /* An ICI is either removed or put, so the two may come in any order. */
    return good && (!w->removes || pg_run(w->db, remove_query, error, error_size)) &&
           pg_run(w->db, put_query, error, error_size);
}

bool pg_commit(void *instance, void *state, char *error, size_t error_size)
{
    (void)instance;
    pg_write *w = state;
    const bool good = (!w->copies || end_copy(w, error, error_size)) &&
                      pg_run(w->db, "commit", error, error_size);
    if (good) {
        /* The triggers tell everybody, us too, but a moment later. */
        changes_tell(&w->changes, w->store->store.host);
    }
    write_free(w);
    return good;
}
