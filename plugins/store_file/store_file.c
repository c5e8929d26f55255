/* SPDX-License-Identifier: Apache-2.0 */
/* store_file: answers look-ups from a file of code records, one JSON object a line (SPEC 6). They
 * lie in an immutable index, which is built anew when the file changes (cmp-kit/live.h). */
#include "loader.h"
#include "order.h"

#include <cmp-kit/live.h>
#include <cmp-kit/memory.h>
#include <cmp/plugin.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct options {
    const char *path;
    kit_live_options live;
    int64_t threads;
} options;

CMP_OPTIONS(rows, options) = {
    CMP_ROW("path", PATH, options, path,
            "file of code records, one JSON object a line; replace it by renaming a whole one",
            CMP_REQUIRED),
    KIT_LIVE_ROWS(options, live),
    CMP_ROW("threads", INTEGER, options, threads, "threads that share the loading of a large file",
            CMP_DEFAULT("2"), CMP_RANGE(1, LOAD_THREADS_MAX)),
    CMP_OPTION_END,
};

typedef struct store {
    const cmp_host *host;
    const options *options;
    kit_live *live;
    unsigned count; /* a gauge */
} store;

/* The codes as they were at one time. */
typedef struct codes {
    code_index *index;
    pthread_mutex_t order_lock; /* for making the order, which takes a while */
    code_order order;           /* once there was a scan */
} codes;

/* ---- the codes ---- */

static void *read_codes(kit_file *f, void *arg)
{
    const store *s = arg;
    code_index *index = load_codes(f, s->host, (unsigned)s->options->threads);
    if (index == NULL) {
        return NULL;
    }
    codes *c = kit_calloc(1, sizeof(*c));
    c->index = index;
    pthread_mutex_init(&c->order_lock, NULL);
    return c;
}

static void free_codes(void *content)
{
    codes *c = content;
    order_dispose(&c->order);
    pthread_mutex_destroy(&c->order_lock);
    index_destroy(&c->index);
    free(c);
}

static size_t count_codes(const void *content)
{
    return index_count(((const codes *)content)->index);
}

static void log_codes(const void *content, int64_t ms, void *arg)
{
    const store *s = arg;
    const codes *c = content;
    s->host->gauge_set(s->host, s->count, (int64_t)index_count(c->index));
    s->host->log(s->host, CMP_LOG_NOTICE, "%s: %zu codes in %lld ms, %zu octets of memory",
                 s->options->path, index_count(c->index), (long long)ms, index_octets(c->index));
}

static const kit_live_kind kind = {
    .what = "codes",
    .option = "path",
    .read = read_codes,
    .free = free_codes,
    .count = count_codes,
    .log = log_codes,
};

/* ---- the instance ---- */

static void store_destroy(void *instance)
{
    store *s = instance;
    kit_live_destroy(&s->live);
    s->host->gauge_set(s->host, s->count, 0);
    free(s);
}

static void *store_create(const cmp_host *host, const void *opts, void *previous,
                          cmp_report *report)
{
    const store *before = previous;
    store *s = kit_calloc(1, sizeof(*s));
    s->host = host;
    s->options = opts;
    s->count = host->gauge(host, "codes", "codes that are in use");
    s->live = kit_live_create(host, &kind, &s->options->live, s->options->path, s,
                              before != NULL ? before->live : NULL, report);
    if (s->live == NULL) {
        store_destroy(s);
        return NULL;
    }
    return s;
}

static void store_start(void *instance, cmp_loop *loop)
{
    kit_live_start(((store *)instance)->live, loop);
}

static const cmp_command commands[] = {KIT_LIVE_COMMANDS, CMP_COMMAND_END};

static void store_command(void *instance, const char *name, cmp_str argument, uint64_t id)
{
    kit_live_command(((store *)instance)->live, name, argument, id);
}

static void *store_worker_start(void *instance, cmp_loop *loop)
{
    (void)loop;
    kit_live_share *share = kit_alloc(sizeof(*share));
    kit_live_join(((store *)instance)->live, share);
    return share;
}

static void store_worker_stop(void *instance, void *worker)
{
    kit_live_leave(((store *)instance)->live, worker);
    free(worker);
}

/* ---- look-ups ---- */

static cmp_store_verdict store_lookup(void *instance, void *worker, cmp_str ici, cmp_op op,
                                      cmp_record *record)
{
    const store *s = instance;
    const codes *c = ((const kit_live_share *)worker)->content;
    const uint8_t *packed = index_find(c->index, ici);
    if (packed == NULL) {
        return CMP_STORE_ABSENT;
    }
    /* Its strings stay in the index, which the share holds until control is back in the loop. Only
     * arrays of variants have to be made. */
    const uint8_t *variants = packed_read(packed, record);
    if (variants != NULL) {
        void *memory = s->host->txn_alloc(s->host, op, packed_variants_size(variants));
        packed_variants(variants, memory, record);
    }
    return CMP_STORE_FOUND;
}

static void store_prefetch(void *instance, void *worker, cmp_str ici)
{
    (void)instance;
    index_prefetch(((const codes *)((const kit_live_share *)worker)->content)->index, ici);
}

/* ---- scans ---- */

/* Made when it is first needed, as most hosts never scan, and kept as long as the codes. */
static bool order_ready(codes *c)
{
    pthread_mutex_lock(&c->order_lock);
    const bool ready = c->order.offsets != NULL || order_make(c->index, &c->order);
    pthread_mutex_unlock(&c->order_lock);
    return ready;
}

/* Shows the codes as they were when it began, by ICI: a share of its own keeps them, however often
 * the file changes meanwhile. */
static bool store_scan(void *instance, cmp_str after, cmp_store_visit visit, void *arg, char *error,
                       size_t error_size)
{
    const store *s = instance;
    kit_live_share share;
    kit_live_join(s->live, &share);
    codes *c = share.content;
    const bool ready = order_ready(c);
    if (ready) {
        order_scan(&c->order, c->index, after, visit, arg);
    } else {
        snprintf(error, error_size, "not enough memory to sort %zu codes", index_count(c->index));
    }
    kit_live_leave(s->live, &share);
    return ready;
}

/* No cancel: a look-up is answered at once. No begin: who writes replaces the file. */
static const cmp_store_ops ops = {
    .size = sizeof(cmp_store_ops),
    .lookup = store_lookup,
    .prefetch = store_prefetch,
    .scan = store_scan,
};

CMP_EXPORT const cmp_plugin cmp_plugin_descriptor = {
    CMP_PLUGIN_ABI,
    .name = "store_file",
    .kind = CMP_PLUGIN_STORE,
    .services = CMP_SERVICE_LOOP | CMP_SERVICE_OFFLOAD,
    .version = "1.0",
    .summary = "codes from a file of JSON records, held in memory and re-read when it changes",
    CMP_PLUGIN_OPTIONS(rows),
    .create = store_create,
    .start = store_start,
    .worker_start = store_worker_start,
    .worker_stop = store_worker_stop,
    .destroy = store_destroy,
    .ops.store = &ops,
    .commands = commands,
    .command = store_command,
};
