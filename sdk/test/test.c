/* SPDX-License-Identifier: Apache-2.0 */
/* The host of plugin tests: its life, and that of the instance in it. */
#include "test/test.h"

#include "base/clock.h"
#include "base/names.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define BEGIN_MS INT64_C(1700000000000)

#define SERVICES                                                                                   \
    ((uint32_t)(CMP_SERVICE_LOOP | CMP_SERVICE_OFFLOAD | CMP_SERVICE_KEYRING | CMP_SERVICE_PEERS | \
                CMP_SERVICE_HTTPS))

void test_die(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("cmp-test: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    abort();
}

/* ---- clock, random ---- */

static int64_t service_now_ms(const cmp_host *table)
{
    return test_of(table)->now_ms;
}

static int64_t control_ms(void *h)
{
    return ((cmp_test *)((host *)h)->owner)->now_ms;
}

static int64_t worker_ms(void *w)
{
    return control_ms(((host_worker *)w)->host);
}

static void service_random(const cmp_host *table, void *at, size_t size)
{
    uint8_t *to = at;
    for (size_t i = 0; i < size; i++) {
        uint64_t z = test_of(table)->random_state += UINT64_C(0x9E3779B97F4A7C15);
        z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
        to[i] = (uint8_t)(z >> 32);
    }
}

static void misuse(host *h, const char *service, const char *how)
{
    test_die("%s: %s %s", h->loaded != NULL ? h->loaded->name : "the test", service, how);
}

/* ---- the host ---- */

static host *host_make(cmp_test *t)
{
    host *h = kit_alloc(sizeof(*h));
    if (!host_init(h, t, misuse, control_ms, true)) {
        test_die("the kernel has no descriptors left");
    }
    h->table.folder = t->folder;
    h->table.purpose = t->purpose;
    h->table.now_ms = service_now_ms;
    h->table.random = service_random;
    test_said_services(&h->table);
    test_job_services(&h->table);
    test_https_services(&h->table);
    test_command_services(&h->table);
    h->table.services = t->services;
    test_minor_table(t, &h->table);
    return h;
}

static void host_free(host **h)
{
    host_dispose(*h);
    free(*h);
    *h = NULL;
}

cmp_test *cmp_test_create(void)
{
    cmp_test *t = kit_calloc(1, sizeof(*t));
    t->now_ms = BEGIN_MS;
    t->services = SERVICES;
    t->minor = CMP_ABI_MINOR;
    t->folder = kit_strdup(".");
    report_init(&t->report);
    STAILQ_INIT(&t->jobs);
    TAILQ_INIT(&t->origins);
    TAILQ_INIT(&t->calls);
    TAILQ_INIT(&t->ops);
    kit_arena_init(&t->peer_memory, NULL, 0);
    t->host = host_make(t);
    return t;
}

static void check_left(const cmp_test *t)
{
    for (int level = CMP_LOG_ERROR; level <= CMP_LOG_WARNING; level++) {
        if (t->log[level].count > 0) {
            test_die("logged, and not expected:\n%s", texts_all(&t->log[level]));
        }
    }
    if (t->host->control.timer_count + t->host->control.watch_count + t->job_count > 0) {
        test_die("left behind: %u timers, %u watches, %u jobs", t->host->control.timer_count,
                 t->host->control.watch_count, t->job_count);
    }
    if (!TAILQ_EMPTY(&t->origins) || t->call_count + t->txn_count + t->op_count > 0) {
        test_die("left behind: %s, %u requests to servers, %u requests, %u operations",
                 TAILQ_EMPTY(&t->origins) ? "no server" : "a server", t->call_count, t->txn_count,
                 t->op_count);
    }
}

void cmp_test_destroy(cmp_test **ref)
{
    cmp_test *t = *ref;
    *ref = NULL;
    if (t == NULL) {
        return;
    }
    cmp_test_close(t);
    check_left(t);
    host_free(&t->host);
    report_dispose(&t->report);
    for (int level = 0; level < LEVELS; level++) {
        texts_clear(&t->log[level]);
    }
    texts_clear(&t->changed);
    texts_clear(&t->shown);
    kit_arena_reset(&t->peer_memory);
    free(t->folder);
    free(t);
}

const cmp_host *cmp_test_host(const cmp_test *t)
{
    return &t->host->table;
}

void cmp_test_services(cmp_test *t, uint32_t services)
{
    t->services = t->host->table.services = services;
}

void cmp_test_purpose(cmp_test *t, cmp_purpose purpose)
{
    t->purpose = t->host->table.purpose = purpose;
}

void cmp_test_folder(cmp_test *t, const char *folder)
{
    char *copy = kit_strdup(folder);
    free(t->folder);
    t->folder = copy;
    t->host->table.folder = copy;
}

/* ---- the instance ---- */

static void start_worker(cmp_test *t)
{
    t->worker = kit_alloc(sizeof(*t->worker));
    const int64_t began_us = clock_monotonic_us();
    if (!host_worker_begin(t->host, t->worker, worker_ms, true)) {
        test_die("the kernel has no descriptors left");
    }
    t->start_us = clock_monotonic_us() - began_us;
}

static void start(cmp_test *t)
{
    if (t->purpose == CMP_PURPOSE_CHECK) {
        return;
    }
    host_start(t->host);
    start_worker(t);
    test_settle(t);
}

static bool open_with(cmp_test *t, const void *options, void *previous)
{
    if (!host_create(t->host, options, previous, &t->report)) {
        host_destroy(t->host);
        return false;
    }
    start(t);
    return true;
}

static void ready(cmp_test *t)
{
    if (t->host->instance != NULL) {
        test_die("an instance is open already");
    }
    cmp_test_report_clear(t);
}

static bool take(cmp_test *t, const cmp_plugin *plugin)
{
    char error[1024];
    ready(t);
    if (!host_take(t->host, plugin, error, sizeof(error))) {
        report_add(&t->report, (conf_place){.file = NULL}, NULL, "%s", error);
        return false;
    }
    return test_minor_takes(t);
}

static bool fill(cmp_test *t, const char *options)
{
    if (!host_fill(t->host, options, &t->report)) {
        host_destroy(t->host);
        return false;
    }
    return true;
}

bool cmp_test_open(cmp_test *t, const cmp_plugin *plugin, const char *options)
{
    return take(t, plugin) && fill(t, options) && open_with(t, NULL, NULL);
}

bool cmp_test_open_filled(cmp_test *t, const cmp_plugin *plugin, const void *options)
{
    return take(t, plugin) && open_with(t, options, NULL);
}

bool cmp_test_load(cmp_test *t, const char *folder, const char *name, const char *options)
{
    char error[1024];
    ready(t);
    if (!host_load(t->host, folder, name, LIBRARY_ANY, error, sizeof(error))) {
        report_add(&t->report, (conf_place){.file = NULL}, NULL, "%s", error);
        return false;
    }
    return test_minor_takes(t) && fill(t, options) && open_with(t, NULL, NULL);
}

static void check_worker(const host_worker *w)
{
    if (w->loop.timer_count + w->loop.watch_count > 0) {
        test_die("left behind: %u timers, %u watches of a worker", w->loop.timer_count,
                 w->loop.watch_count);
    }
}

/* What is under way is completed in worker_stop, at the latest. */
static void stop_worker(cmp_test *t, host_worker **w)
{
    if (*w == NULL) {
        return;
    }
    const int64_t began_us = clock_monotonic_us();
    host_worker_stop(*w);
    t->stop_us = clock_monotonic_us() - began_us;
    if ((*w)->pending > 0) {
        test_die("%u operations are pending when the worker has stopped", (*w)->pending);
    }
    cmp_test_op *o;
    TAILQ_FOREACH(o, &t->ops, entry)
    {
        if (o->op != NULL && o->op->worker == *w) {
            o->op = NULL;
        }
    }
    check_worker(*w);
    host_worker_dispose(*w);
    free(*w);
    *w = NULL;
}

void cmp_test_close(cmp_test *t)
{
    if (t->host->instance == NULL) {
        return;
    }
    test_run_jobs(t);
    stop_worker(t, &t->worker);
    test_run_jobs(t);
    host_destroy(t->host);
}

bool cmp_test_replace(cmp_test *t, const char *options)
{
    host *old = t->host;
    host_worker *old_worker = t->worker;
    cmp_test_report_clear(t);
    t->host = host_make(t);
    t->host->peers = old->peers;
    t->host->peer_count = old->peer_count;
    host_keys_unref(&t->host->keys);
    t->host->keys = host_keys_ref(old->keys);
    host_take_from(t->host, old);
    if (!fill(t, options) || !open_with(t, NULL, old->instance)) {
        host_free(&t->host);
        t->host = old;
        t->worker = old_worker;
        return false;
    }
    stop_worker(t, &old_worker);
    test_run_jobs(t);
    host_destroy(old);
    host_hand_over(old, t->host);
    host_free(&old);
    return true;
}

void cmp_test_worker_restart(cmp_test *t)
{
    stop_worker(t, &t->worker);
    start_worker(t);
    test_settle(t);
}

void *cmp_test_instance(const cmp_test *t)
{
    return t->host->instance;
}

void *cmp_test_worker(const cmp_test *t)
{
    return t->worker != NULL ? t->worker->state : NULL;
}

cmp_loop *cmp_test_control_loop(cmp_test *t)
{
    return &t->host->control;
}

cmp_loop *cmp_test_worker_loop(cmp_test *t)
{
    return t->worker != NULL ? &t->worker->loop : NULL;
}

/* ---- keys and peers ---- */

void cmp_test_keys(cmp_test *t, const cmp_key *keys, size_t count)
{
    host_set_keys(t->host, host_keys_copy(keys, count));
    test_settle(t);
}

void cmp_test_peers(cmp_test *t, const cmp_peer *peers, size_t count)
{
    kit_arena_reset(&t->peer_memory);
    kit_arena *a = &t->peer_memory;
    cmp_peer *copy = kit_arena_calloc(a, count, sizeof(*copy));
    for (size_t i = 0; i < count; i++) {
        const char **prefixes = kit_arena_calloc(a, peers[i].prefix_count, sizeof(char *));
        for (size_t k = 0; k < peers[i].prefix_count; k++) {
            prefixes[k] = kit_arena_text(a, cmp_str_from(peers[i].prefixes[k]));
        }
        copy[i] = (cmp_peer){.name = kit_arena_copy(a, peers[i].name),
                             .host = kit_arena_copy(a, peers[i].host),
                             .prefixes = prefixes,
                             .prefix_count = peers[i].prefix_count};
    }
    t->host->peers = copy;
    t->host->peer_count = count;
}
