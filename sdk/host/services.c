/* SPDX-License-Identifier: Apache-2.0 */
/* See services.h. */
#include "host/services.h"

#include "host/host.h"
#include "mc/record.h"
#include "plugin/abi_record.h"

#include <cmp-kit/memory.h>

#include <stdio.h>
#include <stdlib.h>

/* ---- counting ---- */

static bool metric_name_good(const char *name)
{
    static const char octets[] = "_0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    return strspn(name, "_0123456789") == 0 && name[0] != '\0' &&
           name[strspn(name, octets)] == '\0';
}

/* The number of the metric, or of none (HOST_METRICS_MAX), which counting passes over. */
static unsigned metric_add(const cmp_host *table, host_metric_kind kind, const char *name,
                           const char *help)
{
    host *h = host_of(table);
    host_metrics *m = &h->metrics;
    if (name == NULL || help == NULL) {
        h->misuse(h, "counter", "without a name or a help");
        return HOST_METRICS_MAX;
    }
    if (!metric_name_good(name)) {
        h->misuse(h, "counter", "with a name that is not of letters, digits and _");
    }
    pthread_mutex_lock(&m->lock);
    const unsigned at = m->count;
    if (at < HOST_METRICS_MAX) {
        m->at[at] = (host_metric){.kind = kind, .name = name, .help = help};
        atomic_store(&m->count, at + 1);
    }
    pthread_mutex_unlock(&m->lock);
    if (at == HOST_METRICS_MAX) {
        h->misuse(h, "counter", "for more than there is room for");
    }
    return at;
}

static host_metric *metric(const cmp_host *table, unsigned at, host_metric_kind kind,
                           const char *service)
{
    host *h = host_of(table);
    if (at < h->metrics.count && h->metrics.at[at].kind == kind) {
        return &h->metrics.at[at];
    }
    h->misuse(h, service, "with a number that it was not given");
    return NULL;
}

static unsigned service_counter(const cmp_host *table, const char *name, const char *help)
{
    return metric_add(table, HOST_COUNTER, name, help);
}

static void service_count(const cmp_host *table, unsigned counter, uint64_t more)
{
    host_metric *m = metric(table, counter, HOST_COUNTER, "count");
    if (m != NULL) {
        atomic_fetch_add_explicit(&m->value, (int64_t)more, memory_order_relaxed);
    }
}

static unsigned service_gauge(const cmp_host *table, const char *name, const char *help)
{
    return metric_add(table, HOST_GAUGE, name, help);
}

static void service_gauge_set(const cmp_host *table, unsigned gauge, int64_t value)
{
    host_metric *m = metric(table, gauge, HOST_GAUGE, "gauge_set");
    if (m != NULL) {
        host_metric_set(&host_of(table)->metrics, m, value);
    }
}

static void service_gauge_add(const cmp_host *table, unsigned gauge, int64_t more)
{
    host_metric *m = metric(table, gauge, HOST_GAUGE, "gauge_add");
    if (m != NULL) {
        host_metric_move(&host_of(table)->metrics, m, more);
    }
}

static unsigned service_histogram(const cmp_host *table, const char *name, const char *help,
                                  const int64_t *bounds, size_t count)
{
    host *h = host_of(table);
    bool good = bounds != NULL && count > 0 && count <= HOST_BOUNDS_MAX;
    for (size_t i = 1; good && i < count; i++) {
        good = bounds[i] > bounds[i - 1];
    }
    if (!good) {
        h->misuse(h, "histogram", "with bounds that are not 1 to 32 growing numbers");
    }
    return metric_add(table, HOST_HISTOGRAM, name, help);
}

static void service_observe(const cmp_host *table, unsigned histogram, int64_t value)
{
    (void)value;
    host_metric *m = metric(table, histogram, HOST_HISTOGRAM, "observe");
    if (m != NULL) {
        atomic_fetch_add_explicit(&m->value, 1, memory_order_relaxed);
    }
}

static void service_health(const cmp_host *table, cmp_health health, const char *why)
{
    host *h = host_of(table);
    if ((unsigned)health > CMP_HEALTH_FAILED || (health == CMP_HEALTH_OK) != (why == NULL)) {
        h->misuse(h, "health",
                  "with a reason for OK, with none for anything else, or with neither");
        return;
    }
    pthread_mutex_lock(&h->metrics.lock);
    h->metrics.health = health;
    snprintf(h->metrics.why, sizeof(h->metrics.why), "%s", why != NULL ? why : "");
    pthread_mutex_unlock(&h->metrics.lock);
}

/* Only who gives commands waits for an end. */
static void service_command_done(const cmp_host *table, uint64_t id, bool good, const char *format,
                                 ...)
{
    (void)table, (void)id, (void)good, (void)format;
}

/* ---- records ---- */

/* A plugin of an older minor has room for what it knows. */
static bool service_record_parse(const cmp_host *table, const char *json, size_t size,
                                 void *(*alloc)(void *arg, size_t size), void *arg, cmp_str *ici,
                                 cmp_record *record, char *error, size_t error_size)
{
    const abi_layout *older = host_of(table)->older;
    cmp_record ours;
    if (!record_parse(json, size, alloc, arg, ici, &ours, error, error_size)) {
        return false;
    }
    if (older != NULL) {
        abi_record_write(older, &ours, record);
    } else {
        *record = ours;
    }
    return true;
}

static size_t service_record_write(const cmp_host *table, cmp_str ici, const cmp_record *record,
                                   char *json, size_t room)
{
    host *h = host_of(table);
    char wrong[256];
    cmp_record ours;
    kit_arena memory;
    kit_arena_init(&memory, NULL, 0);
    if (h->older != NULL) {
        abi_record_read(h->older, record, &memory, &ours);
    } else {
        ours = *record;
    }
    size_t size = 0;
    if (!record_ici_valid(ici)) {
        h->misuse(h, "record_write", "for what is no ICI");
    } else if (!record_check(&ours, wrong, sizeof(wrong))) {
        h->misuse(h, "record_write", wrong);
    } else {
        size = record_write(ici, &ours, json, room);
    }
    kit_arena_reset(&memory);
    return size;
}

/* ---- keys and peers ---- */

/* Without the lock while the plugin looks: it may take its time, or ask for more. */
static void service_key_each(const cmp_host *table, cmp_key_use use,
                             void (*visit)(const cmp_key *key, void *arg), void *arg)
{
    host *h = host_of(table);
    pthread_mutex_lock(&h->lock);
    host_keys *keys = host_keys_ref(h->keys);
    pthread_mutex_unlock(&h->lock);
    for (size_t i = 0; i < keys->count; i++) {
        if (keys->at[i].use == use) {
            visit(&keys->at[i], arg);
        }
    }
    host_keys_unref(&keys);
}

static bool service_peer_find(const cmp_host *table, cmp_str name, cmp_peer *peer)
{
    const host *h = host_of(table);
    for (size_t i = 0; i < h->peer_count; i++) {
        if (cmp_str_equal(h->peers[i].name, name)) {
            abi_write(h->older, ABI_cmp_peer, peer, &h->peers[i]);
            return true;
        }
    }
    return false;
}

static void service_peer_each(const cmp_host *table, void (*visit)(const cmp_peer *peer, void *arg),
                              void *arg)
{
    const host *h = host_of(table);
    for (size_t i = 0; i < h->peer_count; i++) {
        visit(&h->peers[i], arg);
    }
}

/* ---- to all workers ---- */

typedef struct worker_call {
    host_worker *worker;
    void (*run)(void *instance, void *worker, void *arg);
    void *arg;
} worker_call;

static void on_worker(void *arg)
{
    worker_call *call = arg;
    call->run(call->worker->host->instance, call->worker->state, call->arg);
    free(call);
}

static unsigned service_workers_call(const cmp_host *table,
                                     void (*run)(void *instance, void *worker, void *arg),
                                     void *arg)
{
    host *h = host_of(table);
    unsigned count = 0;
    pthread_mutex_lock(&h->lock);
    for (size_t i = 0; i < HOST_WORKERS_MAX; i++) {
        host_worker *w = h->workers[i];
        if (w != NULL) {
            worker_call *call = kit_alloc(sizeof(*call));
            *call = (worker_call){.worker = w, .run = run, .arg = arg};
            host_loop_post(&w->loop, on_worker, call);
            count++;
        }
    }
    pthread_mutex_unlock(&h->lock);
    return count;
}

void host_other_services(cmp_host *table)
{
    table->services |= CMP_SERVICE_KEYRING | CMP_SERVICE_PEERS;
    table->counter = service_counter;
    table->count = service_count;
    table->gauge = service_gauge;
    table->gauge_set = service_gauge_set;
    table->gauge_add = service_gauge_add;
    table->histogram = service_histogram;
    table->observe = service_observe;
    table->health = service_health;
    table->command_done = service_command_done;
    table->report = report_in_scope;
    table->record_parse = service_record_parse;
    table->record_write = service_record_write;
    table->key_each = service_key_each;
    table->peer_find = service_peer_find;
    table->peer_each = service_peer_each;
    table->workers_call = service_workers_call;
}
