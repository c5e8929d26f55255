/* SPDX-License-Identifier: Apache-2.0 */
/* What a database does by itself: look-ups of codes that were imported before, in no order, through
 * nothing but its own library. What store_sql and cmpd do with the same rows is to be held against
 * it.
 *
 *     bench_engines URL CODES     URL: sqlite:PATH or postgresql://… */
#include <inttypes.h>
#include <libpq-fe.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SECONDS = 3, DEPTH_MAX = 256 };

#define COLUMNS                                                                                    \
    "select content, content_type, ttl, status, not_before, not_after, transferred_to, variants "  \
    "from cmp_codes where ici = "

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void die(const char *what, const char *why)
{
    fprintf(stderr, "%s: %s\n", what, why);
    exit(1);
}

/* As resolve.py makes them. */
static void ici_of(uint64_t number, char text[32])
{
    snprintf(text, 32, "1A0F1-%014" PRIX64, number * 2654435761u % (UINT64_C(1) << 56));
}

/* Numbers without order. */
static uint64_t draw(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 20;
}

static void sqlite(const char *path, uint64_t codes)
{
    sqlite3 *db;
    sqlite3_stmt *lookup;
    if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK ||
        sqlite3_prepare_v3(db, COLUMNS "?", -1, SQLITE_PREPARE_PERSISTENT, &lookup, NULL) !=
            SQLITE_OK) {
        die(path, sqlite3_errmsg(db));
    }
    sqlite3_exec(db, "begin", NULL, NULL, NULL);
    uint64_t state = 1, done = 0;
    const double begin = now_s();
    for (; now_s() - begin < SECONDS; done++) {
        char ici[32];
        ici_of(draw(&state) % codes, ici);
        sqlite3_bind_text(lookup, 1, ici, -1, SQLITE_STATIC);
        if (sqlite3_step(lookup) != SQLITE_ROW || sqlite3_column_bytes(lookup, 0) == 0) {
            die(ici, "not there");
        }
        sqlite3_reset(lookup);
    }
    printf("%.0f\n", (double)done / (now_s() - begin));
    sqlite3_finalize(lookup);
    sqlite3_close(db);
}

static void take(PGconn *c)
{
    PGresult *result = PQgetResult(c);
    if (PQresultStatus(result) != PGRES_TUPLES_OK || PQntuples(result) != 1) {
        die("look-up", PQerrorMessage(c));
    }
    PQclear(result);
    PQclear(PQgetResult(c)); /* NULL ends the statement */
}

/* So many look-ups are sent before their answers are read. */
static double pipelined(PGconn *c, uint64_t codes, unsigned depth)
{
    uint64_t state = 1, done = 0;
    const double begin = now_s();
    for (; now_s() - begin < SECONDS; done += depth) {
        for (unsigned i = 0; i < depth; i++) {
            char ici[32];
            const char *values[] = {ici};
            ici_of(draw(&state) % codes, ici);
            PQsendQueryPrepared(c, "lookup", 1, values, NULL, NULL, 1);
        }
        PQpipelineSync(c);
        for (unsigned i = 0; i < depth; i++) {
            take(c);
        }
        PQclear(PQgetResult(c)); /* that of the sync */
    }
    return (double)done / (now_s() - begin);
}

static void postgresql(const char *url, uint64_t codes)
{
    PGconn *c = PQconnectdb(url);
    if (PQstatus(c) != CONNECTION_OK) {
        die(url, PQerrorMessage(c));
    }
    PQclear(PQprepare(c, "lookup", COLUMNS "$1", 1, NULL));
    PQenterPipelineMode(c);
    for (unsigned depth = 1; depth <= DEPTH_MAX; depth *= 16) {
        printf("%s%.0f (%u in a batch)", depth > 1 ? ", " : "", pipelined(c, codes, depth), depth);
    }
    puts("");
    PQfinish(c);
}

int main(int argc, char **argv)
{
    const uint64_t codes = argc == 3 ? strtoull(argv[2], NULL, 10) : 0;
    if (codes == 0) {
        fprintf(stderr, "usage: bench_engines sqlite:PATH|postgresql://… CODES\n");
        return 1;
    }
    if (strncmp(argv[1], "sqlite:", 7) == 0) {
        sqlite(argv[1] + 7, codes);
    } else {
        postgresql(argv[1], codes);
    }
    return 0;
}
