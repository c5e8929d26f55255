/* SPDX-License-Identifier: Apache-2.0 */
/* A store for tests that does all that a store can: it holds its records in memory, sorted by ICI,
 * and writes them to a file at every commit. */
#include <cmp/plugin.h>

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

typedef struct memory_options {
    const char *path;
    const char *fail_put;
    bool fail_commit;
    const char *secret;
} memory_options;

CMP_OPTIONS(option_rows, memory_options) = {
    CMP_ROW("path", PATH, memory_options, path,
            "file that keeps the records, one JSON object a line", CMP_REQUIRED),
    CMP_ROW("fail_put", STRING, memory_options, fail_put, "an ICI that cannot be put"),
    CMP_ROW("fail_commit", BOOLEAN, memory_options, fail_commit, "never commits",
            CMP_DEFAULT("false")),
    CMP_ROW("secret", SECRET, memory_options, secret, "of no use"),
    CMP_OPTION_END,
};

/* One record as JSON text; without text (in a write): a removal. */
typedef struct row {
    char *ici, *json;
    size_t ici_size, json_size;
    size_t order; /* the later one of two wins */
} row;

typedef struct rows {
    row *at;
    size_t count, room;
} rows;

typedef struct memory_store {
    const cmp_host *host;
    const memory_options *options;
    pthread_mutex_t lock;
    rows all;
} memory_store;

static void *must(void *at)
{
    if (at == NULL) {
        abort();
    }
    return at;
}

static char *copy_of(const char *from, size_t size)
{
    return memcpy(must(malloc(size + 1)), from, size);
}

static void row_free(row *r)
{
    free(r->ici);
    free(r->json);
}

static void rows_free(rows *r)
{
    for (size_t i = 0; i < r->count; i++) {
        row_free(&r->at[i]);
    }
    free(r->at);
    *r = (rows){.at = NULL};
}

static void rows_add(rows *r, row added)
{
    if (r->count == r->room) {
        r->room = r->room > 0 ? 2 * r->room : 64;
        r->at = must(realloc(r->at, r->room * sizeof(*r->at)));
    }
    added.order = r->count;
    r->at[r->count++] = added;
}

static int compare_ici(const row *a, const row *b)
{
    const size_t size = a->ici_size < b->ici_size ? a->ici_size : b->ici_size;
    const int order = memcmp(a->ici, b->ici, size);
    return order != 0 ? order : (a->ici_size > b->ici_size) - (a->ici_size < b->ici_size);
}

static int compare_rows(const void *a, const void *b)
{
    const row *x = a, *y = b;
    const int order = compare_ici(x, y);
    return order != 0 ? order : (x->order > y->order) - (x->order < y->order);
}

/* Sorts, and keeps the last row of each ICI. */
static void rows_settle(rows *r)
{
    size_t kept = 0;
    if (r->count == 0) {
        return;
    }
    qsort(r->at, r->count, sizeof(*r->at), compare_rows);
    for (size_t i = 0; i < r->count; i++) {
        if (i + 1 < r->count && compare_ici(&r->at[i], &r->at[i + 1]) == 0) {
            row_free(&r->at[i]);
        } else {
            r->at[kept++] = r->at[i];
        }
    }
    r->count = kept;
}

/* The first row that does not come before `ici`. */
static size_t rows_lower(const rows *r, cmp_str ici)
{
    const row wanted = {.ici = (char *)(uintptr_t)ici.at, .ici_size = ici.size};
    size_t low = 0, high = r->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (compare_ici(&r->at[middle], &wanted) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static bool row_is(const rows *r, size_t at, cmp_str ici)
{
    return at < r->count && cmp_str_equal((cmp_str){r->at[at].ici, r->at[at].ici_size}, ici);
}

/* ---- memory of one record's strings ---- */

typedef struct strings {
    void *at[1024];
    size_t count;
} strings;

static void *strings_alloc(void *arg, size_t size)
{
    strings *s = arg;
    if (s->count == sizeof(s->at) / sizeof(s->at[0])) {
        abort();
    }
    return s->at[s->count++] = must(malloc(size + 1));
}

static void strings_free(strings *s)
{
    while (s->count > 0) {
        free(s->at[--s->count]);
    }
}

/* ---- the file ---- */

static bool load_line(memory_store *s, const char *json, size_t size, char *error, size_t room)
{
    strings memory = {.count = 0};
    cmp_str ici;
    cmp_record record;
    const bool good = s->host->record_parse(s->host, json, size, strings_alloc, &memory, &ici,
                                            &record, error, room);
    if (good) {
        rows_add(&s->all, (row){.ici = copy_of(ici.at, ici.size),
                                .ici_size = ici.size,
                                .json = copy_of(json, size),
                                .json_size = size});
    }
    strings_free(&memory);
    return good;
}

static bool load(memory_store *s, char *error, size_t error_size)
{
    FILE *file = fopen(s->options->path, "r");
    if (file == NULL) {
        const bool fresh = errno == ENOENT; /* a store starts empty */
        snprintf(error, error_size, "%s: %s", s->options->path, strerror(errno));
        return fresh;
    }
    char *line = NULL;
    size_t room = 0;
    bool good = true;
    for (ssize_t size; good && (size = getline(&line, &room, file)) > 0;) {
        good = load_line(s, line, (size_t)size - (line[size - 1] == '\n'), error, error_size);
    }
    free(line);
    fclose(file);
    rows_settle(&s->all);
    return good;
}

/* By renaming a whole one: a test that reads the file never sees half of it. */
static bool save(const memory_store *s, char *error, size_t error_size)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s.new", s->options->path);
    FILE *file = fopen(path, "w");
    bool good = file != NULL;
    for (size_t i = 0; good && i < s->all.count; i++) {
        const row *r = &s->all.at[i];
        good = fwrite(r->json, 1, r->json_size, file) == r->json_size && putc('\n', file) == '\n';
    }
    good = file != NULL && fclose(file) == 0 && good && rename(path, s->options->path) == 0;
    if (!good) {
        snprintf(error, error_size, "%s: %s", s->options->path, strerror(errno));
    }
    return good;
}

/* ---- the instance ---- */

static void memory_destroy(void *instance)
{
    memory_store *s = instance;
    rows_free(&s->all);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

static void *memory_create(const cmp_host *host, const void *options, void *previous,
                           cmp_report *report)
{
    (void)previous;
    memory_store *s = must(calloc(1, sizeof(*s)));
    *s = (memory_store){.host = host, .options = options};
    pthread_mutex_init(&s->lock, NULL);
    char error[512];
    if (!load(s, error, sizeof(error))) {
        host->report(report, "path", "%s", error);
        memory_destroy(s);
        return NULL;
    }
    return s;
}

typedef struct txn_memory {
    const cmp_host *host;
    cmp_op op;
} txn_memory;

static void *txn_memory_alloc(void *arg, size_t size)
{
    const txn_memory *m = arg;
    return m->host->txn_alloc(m->host, m->op, size);
}

static cmp_store_verdict memory_lookup(void *instance, void *worker, cmp_str ici, cmp_op op,
                                       cmp_record *record)
{
    (void)worker;
    memory_store *s = instance;
    txn_memory memory = {s->host, op};
    cmp_str found;
    char error[256];
    cmp_store_verdict verdict = CMP_STORE_ABSENT;
    pthread_mutex_lock(&s->lock);
    const size_t at = rows_lower(&s->all, ici);
    if (row_is(&s->all, at, ici)) {
        const row *r = &s->all.at[at];
        /* The record's strings may point into its JSON text, and a commit frees the row's as soon
         * as the lock is free. */
        char *json = s->host->txn_alloc(s->host, op, r->json_size + 1);
        memcpy(json, r->json, r->json_size);
        verdict = s->host->record_parse(s->host, json, r->json_size, txn_memory_alloc, &memory,
                                        &found, record, error, sizeof(error))
                      ? CMP_STORE_FOUND
                      : CMP_STORE_UNAVAILABLE;
    }
    pthread_mutex_unlock(&s->lock);
    return verdict;
}

static bool memory_scan(void *instance, cmp_str after, cmp_store_visit visit, void *arg,
                        char *error, size_t error_size)
{
    memory_store *s = instance;
    bool good = true;
    pthread_mutex_lock(&s->lock);
    size_t at = after.at != NULL ? rows_lower(&s->all, after) : 0;
    at += after.at != NULL && row_is(&s->all, at, after);
    for (bool on = true; good && on && at < s->all.count; at++) {
        const row *r = &s->all.at[at];
        strings memory = {.count = 0};
        cmp_str ici;
        cmp_record record;
        good = s->host->record_parse(s->host, r->json, r->json_size, strings_alloc, &memory, &ici,
                                     &record, error, error_size);
        on = good && visit(ici, &record, arg);
        strings_free(&memory);
    }
    pthread_mutex_unlock(&s->lock);
    return good;
}

/* ---- writing ---- */

static void *memory_begin(void *instance, char *error, size_t error_size)
{
    (void)instance, (void)error, (void)error_size;
    return must(calloc(1, sizeof(rows)));
}

static bool memory_put(void *instance, void *write, cmp_str ici, const cmp_record *record,
                       char *error, size_t error_size)
{
    const memory_store *s = instance;
    if (s->options->fail_put != NULL && cmp_str_equal(ici, cmp_str_from(s->options->fail_put))) {
        snprintf(error, error_size, "%.*s cannot be put", (int)ici.size, ici.at);
        return false;
    }
    char small[1024], *json = small;
    const size_t size = s->host->record_write(s->host, ici, record, small, sizeof(small));
    if (size > sizeof(small)) {
        json = must(malloc(size));
        s->host->record_write(s->host, ici, record, json, size);
    }
    rows_add(write, (row){.ici = copy_of(ici.at, ici.size),
                          .ici_size = ici.size,
                          .json = copy_of(json, size),
                          .json_size = size});
    if (json != small) {
        free(json);
    }
    return true;
}

static bool memory_remove(void *instance, void *write, cmp_str ici, bool *existed, char *error,
                          size_t error_size)
{
    (void)error, (void)error_size;
    memory_store *s = instance;
    pthread_mutex_lock(&s->lock);
    *existed = row_is(&s->all, rows_lower(&s->all, ici), ici);
    pthread_mutex_unlock(&s->lock);
    rows_add(write, (row){.ici = copy_of(ici.at, ici.size), .ici_size = ici.size});
    return true;
}

static void memory_abort(void *instance, void *write)
{
    (void)instance;
    rows_free(write);
    free(write);
}

/* The rows of `old` and `changes`, whose text moves into the result or is freed. */
static rows merge(rows *old, rows *changes)
{
    rows merged = {.at = NULL};
    size_t a = 0, b = 0;
    while (a < old->count || b < changes->count) {
        const int order = a == old->count       ? 1
                          : b == changes->count ? -1
                                                : compare_ici(&old->at[a], &changes->at[b]);
        if (order < 0) {
            rows_add(&merged, old->at[a++]);
            continue;
        }
        if (order == 0) {
            row_free(&old->at[a++]);
        }
        row change = changes->at[b++];
        if (change.json != NULL) {
            rows_add(&merged, change);
        } else {
            row_free(&change);
        }
    }
    free(old->at);
    free(changes->at);
    return merged;
}

static bool memory_commit(void *instance, void *write, char *error, size_t error_size)
{
    memory_store *s = instance;
    rows *changes = write;
    if (s->options->fail_commit) {
        snprintf(error, error_size, "nothing is ever committed here");
        memory_abort(instance, write);
        return false;
    }
    pthread_mutex_lock(&s->lock);
    rows_settle(changes);
    s->all = merge(&s->all, changes);
    const bool saved = save(s, error, error_size);
    pthread_mutex_unlock(&s->lock);
    free(changes);
    /* After the lock: who hears of it may ask at once. */
    s->host->store_changed(s->host, CMP_NONE);
    return saved;
}

static const cmp_store_ops memory_ops = {
    .size = sizeof(cmp_store_ops),
    .lookup = memory_lookup,
    .scan = memory_scan,
    .begin = memory_begin,
    .put = memory_put,
    .remove = memory_remove,
    .commit = memory_commit,
    .abort = memory_abort,
};

CMP_EXPORT const cmp_plugin cmp_plugin_descriptor = {
    CMP_PLUGIN_ABI,
    .name = "store_memory",
    .kind = CMP_PLUGIN_STORE,
    .version = "1",
    .summary = "Records in memory and in a file, written whole at every commit",
    CMP_PLUGIN_OPTIONS(option_rows),
    .create = memory_create,
    .destroy = memory_destroy,
    .ops.store = &memory_ops,
};
