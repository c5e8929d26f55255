/* SPDX-License-Identifier: 0BSD */
/* store_kv: a store of codes in a text file with a line for each, `ICI = content`, that can be
 * written. The file is held in memory, and read again when somebody else has changed it. */
#include <cmp-kit/arena.h>
#include <cmp-kit/file.h>
#include <cmp-kit/text.h>
#include <cmp/plugin.h>

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

typedef struct kv_options {
    const char *path;
    int64_t check_ms;
} kv_options;

CMP_OPTIONS(rows, kv_options) = {
    CMP_ROW("path", PATH, kv_options, path, "file with a line for each code: ICI = content",
            CMP_REQUIRED),
    CMP_ROW("check_interval", DURATION, kv_options, check_ms, "how often it is looked at",
            CMP_DEFAULT("1s"), CMP_RANGE(100, 3600000)),
    CMP_OPTION_END,
};

/* What the file says, sorted by ICI. With a content that is absent: removed (in a write). */
typedef struct table {
    kit_arena memory;
    cmp_pair *at;
    size_t count, room;
} table;

typedef struct kv {
    const cmp_host *host;
    const kv_options *options;
    pthread_mutex_t changing; /* the file is read or written; held for as long as that takes */
    pthread_rwlock_t lock;    /* of `now`; held for moments, as workers wait for it */
    table *now;
    kit_file_mark mark; /* of the file as it was read or written last */
    cmp_loop *loop;     /* the control loop, once there is one */
    cmp_timer *timer;
} kv;

/* ---- tables ---- */

static table *table_create(void)
{
    table *t = kit_calloc(1, sizeof(*t));
    kit_arena_init(&t->memory, NULL, 0);
    return t;
}

static void table_destroy(table *t)
{
    if (t != NULL) {
        kit_arena_reset(&t->memory);
        free(t->at);
        free(t);
    }
}

static int order(cmp_str a, cmp_str b)
{
    const int heads = memcmp(a.at, b.at, a.size < b.size ? a.size : b.size);
    return heads != 0 ? heads : (a.size > b.size) - (a.size < b.size);
}

/* The first place whose ICI is not before that one. */
static size_t table_place(const table *t, cmp_str ici)
{
    size_t low = 0, high = t->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (order(t->at[middle].name, ici) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static bool table_has(const table *t, size_t place, cmp_str ici)
{
    return place < t->count && cmp_str_equal(t->at[place].name, ici);
}

/* Copies both; the later of two counts. (Fine for some thousands of lines in any order; more want
 * to be sorted once.) */
static void table_set(table *t, cmp_str ici, cmp_str content)
{
    const size_t place = table_place(t, ici);
    if (!table_has(t, place, ici)) {
        if (t->count == t->room) {
            t->room = 2 * t->room + 16;
            t->at = kit_realloc(t->at, t->room * sizeof(*t->at));
        }
        memmove(&t->at[place + 1], &t->at[place], (t->count - place) * sizeof(*t->at));
        t->at[place].name = kit_arena_copy(&t->memory, ici);
        t->count++;
    }
    t->at[place].value = kit_arena_copy(&t->memory, content);
}

/* ---- the file ---- */

static cmp_str trim(const char *from, const char *end)
{
    while (from < end && *from == ' ') {
        from++;
    }
    while (end > from && end[-1] == ' ') {
        end--;
    }
    return (cmp_str){from, (size_t)(end - from)};
}

static bool read_line(kit_file *f, table *t, uint64_t number, const char *line, size_t size)
{
    const char *equals = memchr(line, '=', size);
    const cmp_str ici = trim(line, equals != NULL ? equals : line);
    const cmp_str content = equals != NULL ? trim(equals + 1, line + size) : CMP_NONE;
    if (trim(line, line + size).size == 0 || line[0] == '#') {
        return true;
    }
    if (equals == NULL || ici.size == 0 || ici.size > CMP_ICI_MAX || !kit_ascii_visible(ici)) {
        return kit_file_fail(f, number, "expected ICI = content");
    }
    if (content.size == 0 || content.size > CMP_CONTENT_MAX || !kit_utf8_valid(content)) {
        return kit_file_fail(f, number, "expected UTF-8 behind the =");
    }
    table_set(t, ici, content);
    return true;
}

static bool read_file(kit_file *f, void *arg)
{
    const int copy = dup(f->fd); /* which the stream closes, and not kit_file_read's own */
    FILE *from = copy >= 0 ? fdopen(copy, "r") : NULL;
    char *line = NULL;
    size_t room = 0;
    bool good = from != NULL;
    for (uint64_t number = 1; good; number++) {
        ssize_t size = getline(&line, &room, from);
        if (size < 0) {
            break;
        }
        good = read_line(f, arg, number, line, (size_t)(size - (line[size - 1] == '\n')));
    }
    free(line);
    if (from != NULL) {
        fclose(from);
    }
    return good;
}

/* NULL: f->error says why. */
static table *load(const kv *self, kit_file *f)
{
    table *t = table_create();
    if (kit_file_read(f, self->options->path, "path", read_file, t) != KIT_FILE_GOOD) {
        table_destroy(t);
        return NULL;
    }
    return t;
}

/* Its readers have gone when it has the lock: what they answered with was copied. */
static void replace(kv *self, table *t, const kit_file_mark *mark)
{
    pthread_rwlock_wrlock(&self->lock);
    table *old = self->now;
    self->now = t;
    pthread_rwlock_unlock(&self->lock);
    self->mark = *mark;
    table_destroy(old);
}

/* ---- life ---- */

static void *kv_create(const cmp_host *host, const void *options, void *previous,
                       cmp_report *report)
{
    (void)previous;
    kv *self = kit_calloc(1, sizeof(*self));
    self->host = host;
    self->options = options;
    kit_file f;
    self->now = load(self, &f); /* which is reading, and so allowed in a check */
    if (self->now == NULL) {
        host->report(report, "path", "%s", f.error);
        free(self);
        return NULL;
    }
    self->mark = f.mark;
    pthread_mutex_init(&self->changing, NULL);
    pthread_rwlock_init(&self->lock, NULL);
    return self;
}

static void kv_destroy(void *instance)
{
    kv *self = instance;
    if (self->timer != NULL) {
        self->host->timer_stop(self->timer);
    }
    table_destroy(self->now);
    pthread_rwlock_destroy(&self->lock);
    pthread_mutex_destroy(&self->changing);
    free(self);
}

/* While the file is bad the table that was read before goes on, and every look at it says so. */
static void look(kv *self)
{
    const kit_file_mark mark = kit_file_mark_of(self->options->path);
    kit_file f;
    if (kit_file_mark_equal(&mark, &self->mark)) {
        return;
    }
    table *t = load(self, &f);
    if (t == NULL) {
        self->host->log(self->host, CMP_LOG_ERROR, "%s", f.error);
        return;
    }
    replace(self, t, &f.mark);
    self->host->store_changed(self->host, CMP_NONE); /* any code: caches ask anew */
}

/* On the control thread, which may wait for a file. */
static void on_time(void *arg)
{
    kv *self = arg;
    self->timer =
        self->host->timer_start(self->loop, (uint64_t)self->options->check_ms, on_time, self);
    pthread_mutex_lock(&self->changing);
    look(self);
    pthread_mutex_unlock(&self->changing);
}

static void kv_start(void *instance, cmp_loop *loop)
{
    kv *self = instance;
    self->loop = loop;
    if (loop != NULL) { /* a host without loops reads it once */
        self->timer =
            self->host->timer_start(loop, (uint64_t)self->options->check_ms, on_time, self);
    }
}

/* ---- look-ups ---- */

static cmp_store_verdict kv_lookup(void *instance, void *worker, cmp_str ici, cmp_op op,
                                   cmp_record *record)
{
    (void)worker;
    kv *self = instance;
    pthread_rwlock_rdlock(&self->lock);
    const size_t place = table_place(self->now, ici);
    const bool found = table_has(self->now, place, ici);
    if (found) {
        const cmp_str content = self->now->at[place].value;
        char *copy = self->host->txn_alloc(self->host, op, content.size);
        record->content = (cmp_str){memcpy(copy, content.at, content.size), content.size};
    }
    pthread_rwlock_unlock(&self->lock);
    return found ? CMP_STORE_FOUND : CMP_STORE_ABSENT;
}

static bool kv_scan(void *instance, cmp_str after, cmp_store_visit visit, void *arg, char *error,
                    size_t error_size)
{
    (void)error, (void)error_size;
    kv *self = instance;
    pthread_rwlock_rdlock(&self->lock);
    const table *t = self->now;
    size_t i = after.at != NULL ? table_place(t, after) : 0;
    i += after.at != NULL && table_has(t, i, after);
    for (bool more = true; more && i < t->count; i++) {
        cmp_record record = CMP_RECORD_INIT;
        record.content = t->at[i].value;
        more = visit(t->at[i].name, &record, arg);
    }
    pthread_rwlock_unlock(&self->lock);
    return true;
}

/* ---- writes: what is put is kept aside, and all of it goes into the file at commit ---- */

static void *kv_begin(void *instance, char *error, size_t error_size)
{
    (void)instance, (void)error, (void)error_size;
    return table_create();
}

/* Whether a line says it, and nothing is left out. */
static bool fits(cmp_str ici, const cmp_record *r)
{
    const cmp_str c = r->content;
    return c.size > 0 && memchr(c.at, '\n', c.size) == NULL && c.at[0] != ' ' &&
           c.at[c.size - 1] != ' ' && memchr(ici.at, '=', ici.size) == NULL && ici.at[0] != '#' &&
           r->variant_count == 0 && r->status == CMP_RECORD_ACTIVE &&
           r->not_before_ms == CMP_TIME_MIN && r->not_after_ms == CMP_TIME_MAX;
}

static bool kv_put(void *instance, void *write, cmp_str ici, const cmp_record *record, char *error,
                   size_t error_size)
{
    (void)instance;
    if (!fits(ici, record)) {
        snprintf(error, error_size, "this store holds contents of one line, and nothing else");
        return false;
    }
    table_set(write, ici, record->content);
    return true;
}

static bool kv_remove(void *instance, void *write, cmp_str ici, bool *existed, char *error,
                      size_t error_size)
{
    (void)instance, (void)error, (void)error_size;
    table_set(write, ici, CMP_NONE);
    *existed = true; /* which is known at commit */
    return true;
}

static bool write_file(const char *path, const table *t)
{
    FILE *to = fopen(path, "we");
    for (size_t i = 0; to != NULL && i < t->count; i++) {
        fprintf(to, "%.*s = %.*s\n", (int)t->at[i].name.size, t->at[i].name.at,
                (int)t->at[i].value.size, t->at[i].value.at);
    }
    const bool written = to != NULL && fflush(to) == 0 && fsync(fileno(to)) == 0;
    return (to != NULL && fclose(to) == 0) && written;
}

static table *merged(const table *now, const table *changes)
{
    table *t = table_create();
    for (size_t i = 0; i < now->count; i++) {
        if (!table_has(changes, table_place(changes, now->at[i].name), now->at[i].name)) {
            table_set(t, now->at[i].name, now->at[i].value);
        }
    }
    for (size_t i = 0; i < changes->count; i++) {
        if (changes->at[i].value.at != NULL) {
            table_set(t, changes->at[i].name, changes->at[i].value);
        }
    }
    return t;
}

/* Beside the old file, and in its place by one step: readers see the one or the other. What others
 * have changed meanwhile is taken along. (Two processes that write at once are the operator's.) */
static bool commit(kv *self, const table *changes, char *error, size_t error_size)
{
    char path[4096 + 8];
    snprintf(path, sizeof(path), "%s.new", self->options->path);
    look(self);
    table *t = merged(self->now, changes);
    if (!write_file(path, t) || rename(path, self->options->path) != 0) {
        snprintf(error, error_size, "%s: %s", path, strerror(errno));
        table_destroy(t);
        return false;
    }
    const kit_file_mark mark = kit_file_mark_of(self->options->path);
    replace(self, t, &mark);
    return true;
}

static bool kv_commit(void *instance, void *write, char *error, size_t error_size)
{
    kv *self = instance;
    table *changes = write;
    pthread_mutex_lock(&self->changing);
    const bool good = commit(self, changes, error, error_size);
    pthread_mutex_unlock(&self->changing);
    for (size_t i = 0; good && i < changes->count; i++) {
        self->host->store_changed(self->host, changes->at[i].name);
    }
    table_destroy(changes);
    return good;
}

static void kv_abort(void *instance, void *write)
{
    (void)instance;
    table_destroy(write);
}

static const cmp_store_ops ops = {
    .size = sizeof(ops),
    .lookup = kv_lookup,
    .scan = kv_scan,
    .begin = kv_begin,
    .put = kv_put,
    .remove = kv_remove,
    .commit = kv_commit,
    .abort = kv_abort,
};

CMP_EXPORT const cmp_plugin cmp_plugin_descriptor = {
    CMP_PLUGIN_ABI,           .name = "store_kv",
    .kind = CMP_PLUGIN_STORE, .services = CMP_SERVICE_LOOP,
    .version = "1.0",         .summary = "codes in a text file, a line for each",
    CMP_PLUGIN_OPTIONS(rows), .create = kv_create,
    .start = kv_start,        .destroy = kv_destroy,
    .ops.store = &ops,
};
