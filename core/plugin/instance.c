/* SPDX-License-Identifier: Apache-2.0 */
/* Life of a plugin instance, and those services that need nothing of a request. */
#include "plugin/instance.h"

#include "base/clock.h"
#include "base/log.h"
#include "conf/report.h"
#include "observe/counters.h"
#include "observe/health.h"
#include "plugin/loader.h"

#include <openssl/rand.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define CELLS_MAX 256 /* as the ABI says */

/* For what all instances show, and are shown (keyrings): that changes while others look at it. */
static pthread_mutex_t shown_lock = PTHREAD_MUTEX_INITIALIZER;

static instance *instance_of(const cmp_host *host)
{
    return host->core;
}

static int64_t service_now_ms(const cmp_host *host)
{
    (void)host;
    return clock_now_ms();
}

static void service_random(const cmp_host *host, void *at, size_t size)
{
    (void)host;
    if (RAND_bytes(at, (int)size) != 1) {
        abort(); /* no key may ever be made of anything less */
    }
}

/* Whether there is room for so many more cells: all instances share those that there are. */
static bool has_cells(const cmp_host *host, const char *name, size_t more)
{
    instance *i = instance_of(host);
    if (i->cells + more > CELLS_MAX) {
        log_warning(i->name,
                    "plugin %s: its metric %s counts nowhere: all of an instance may need "
                    "%d cells",
                    i->plugin->name, name, CELLS_MAX);
        return false;
    }
    i->cells += (unsigned)more;
    return true;
}

static unsigned service_counter(const cmp_host *host, const char *name, const char *help)
{
    return !has_cells(host, name, 1) ? COUNTERS_MAX
                                     : counter_register(instance_of(host)->name, name, help);
}

static void service_count(const cmp_host *host, unsigned counter, uint64_t add)
{
    (void)host;
    if (counter < COUNTERS_MAX) { /* what `counter` returned, or nothing of ours */
        counter_add(counter, add);
    }
}

/* One of its own, since the instance that it replaces may still count in that one's. */
static unsigned service_gauge(const cmp_host *host, const char *name, const char *help)
{
    instance *i = instance_of(host);
    if (!has_cells(host, name, 1)) {
        return COUNTERS_MAX;
    }
    const unsigned id = gauge_claim(i->name, name, help);
    pthread_mutex_lock(&shown_lock);
    gauge_show(id, i->stage == INSTANCE_IN_FORCE);
    i->gauges = kit_realloc(i->gauges, (i->gauge_count + 1) * sizeof(*i->gauges));
    i->gauges[i->gauge_count++] = id;
    pthread_mutex_unlock(&shown_lock);
    return id;
}

static void service_gauge_set(const cmp_host *host, unsigned gauge, int64_t value)
{
    (void)host;
    gauge_set(gauge, value);
}

static void service_gauge_add(const cmp_host *host, unsigned gauge, int64_t add)
{
    (void)host;
    gauge_add(gauge, add);
}

/* Bounds that are none are cut where they stop growing, and what is left counts. */
static unsigned service_histogram(const cmp_host *host, const char *name, const char *help,
                                  const int64_t *bounds, size_t count)
{
    size_t good = bounds != NULL && count > 0 ? 1 : 0;
    while (good > 0 && good < count && good < HISTOGRAM_BOUNDS_MAX &&
           bounds[good] > bounds[good - 1]) {
        good++;
    }
    return !has_cells(host, name, good + 2)
               ? COUNTERS_MAX
               : histogram_register(instance_of(host)->name, name, help, bounds, good);
}

static void service_observe(const cmp_host *host, unsigned histogram, int64_t value)
{
    (void)host;
    histogram_add(histogram, value);
}

static void service_health(const cmp_host *host, cmp_health health, const char *why)
{
    instance *i = instance_of(host);
    const cmp_health known = health <= CMP_HEALTH_FAILED ? health : CMP_HEALTH_FAILED;
    pthread_mutex_lock(&shown_lock);
    if (i->stage == INSTANCE_MADE) {
        i->health.health = known;
        snprintf(i->health.why, sizeof(i->health.why), "%s", why != NULL ? why : "");
    } else if (i->stage == INSTANCE_IN_FORCE) {
        health_set(i->name, known, why);
    }
    pthread_mutex_unlock(&shown_lock);
}

static void service_command_done(const cmp_host *host, uint64_t id, bool good, const char *format,
                                 ...)
{
    const instance_site *site = instance_of(host)->site;
    if (site->command_done == NULL) {
        return;
    }
    char text[CMP_COMMAND_TEXT_MAX + 1];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    site->command_done(site->command_arg, id, good, text);
}

typedef struct worker_call {
    instance *i;
    unsigned worker;
    void (*run)(void *self, void *worker, void *arg);
    void *arg;
} worker_call;

/* Release, and acquire in instance_idle: what was done for it is done before it is destroyed. */
static void busy_less(instance *i)
{
    atomic_fetch_sub_explicit(&i->busy, 1, memory_order_release);
}

static void on_worker_call(void *arg)
{
    worker_call *call = arg;
    const uintptr_t before = instance_enter(call->i, RUNNING_WORKERS_CALL);
    call->run(call->i->self, call->i->worker_state[call->worker], call->arg);
    running_leave(before);
    busy_less(call->i);
    free(call);
}

/* Returns at once. The plugin knows by the count when the last worker has been there; 0 says that
 * there are none to tell. */
static unsigned service_workers_call(const cmp_host *host,
                                     void (*run)(void *self, void *worker, void *arg), void *arg)
{
    instance *i = instance_of(host);
    if (i->site->worker_loops == NULL || i->stage == INSTANCE_MADE) {
        return 0;
    }
    i->busy += i->site->worker_count;
    for (unsigned worker = 0; worker < i->site->worker_count; worker++) {
        worker_call *call = kit_alloc(sizeof(*call));
        *call = (worker_call){.i = i, .worker = worker, .run = run, .arg = arg};
        loop_post(i->site->worker_loops[worker], on_worker_call, call);
    }
    return i->site->worker_count;
}

typedef struct offloaded {
    instance *i;
    void (*work)(void *arg);
    void (*done)(void *arg);
    void *arg;
} offloaded;

static void on_offloaded_work(void *arg)
{
    const offloaded *o = arg;
    const uintptr_t before = instance_enter(o->i, RUNNING_OFFLOAD);
    o->work(o->arg);
    running_leave(before);
}

static void on_offloaded_done(void *arg)
{
    offloaded *o = arg;
    const uintptr_t before = instance_enter(o->i, RUNNING_OFFLOAD);
    o->done(o->arg);
    running_leave(before);
    busy_less(o->i);
    free(o);
}

/* With a share of its own, so that an instance whose jobs hang leaves threads to the others.
 * Without a pool (a check) there is nobody to run it. */
static bool service_offload(const cmp_host *host, cmp_loop *l, void (*work)(void *arg),
                            void (*done)(void *arg), void *arg)
{
    instance *i = instance_of(host);
    pool *p = i->site->pool;
    if (p == NULL) {
        return false;
    }
    offloaded *o = kit_alloc(sizeof(*o));
    *o = (offloaded){.i = i, .work = work, .done = done, .arg = arg};
    i->busy++;
    const bool taken = pool_submit(p, &i->pool_share, l, on_offloaded_work, on_offloaded_done, o);
    if (!taken) {
        i->busy--;
        free(o);
    }
    return taken;
}

/* A loop says nothing of who asks; the thread does, for only a plugin's own code can. */
static cmp_timer *service_timer_start(cmp_loop *l, uint64_t delay_ms, void (*run)(void *arg),
                                      void *arg)
{
    return loop_timer_start_for(l, running_as(RUNNING_TIMER), delay_ms, run, arg);
}

static cmp_watch *service_watch_start(cmp_loop *l, int fd, void (*run)(void *arg), void *arg)
{
    return loop_watch_start_for(l, running_as(RUNNING_WATCH), fd, run, arg);
}

/* Those of the pipeline are added there (pipeline/services.h): this file knows nothing of
 * transactions. */
void instance_services(cmp_host *host)
{
    host->size = sizeof(*host);
    host->services |= CMP_SERVICE_LOOP | CMP_SERVICE_OFFLOAD;
    host->now_ms = service_now_ms;
    host->random = service_random;
    host->report = report_in_scope;
    host->counter = service_counter;
    host->count = service_count;
    host->gauge = service_gauge;
    host->gauge_set = service_gauge_set;
    host->gauge_add = service_gauge_add;
    host->histogram = service_histogram;
    host->observe = service_observe;
    host->health = service_health;
    host->timer_start = service_timer_start;
    host->timer_stop = loop_timer_stop;
    host->watch_start = service_watch_start;
    host->watch_stop = loop_watch_stop;
    host->watch_write = loop_watch_write;
    host->workers_call = service_workers_call;
    host->offload = service_offload;
    host->command_done = service_command_done;
}

/* The descriptor that serves the instance, or NULL. */
static const cmp_plugin *descriptor_of(instance *i, cmp_report *report)
{
    const cmp_plugin *plugin = i->plugin;
    i->serving = plugin;
    if (plugin->choose == NULL) {
        return plugin;
    }
    char why[512];
    const uintptr_t before = instance_enter(i, RUNNING_CHOOSE);
    const cmp_plugin *chosen = plugin->choose(&i->host, i->options, report);
    const bool fits =
        chosen != NULL && descriptor_read_chosen(&i->chosen, chosen, plugin, why, sizeof(why));
    running_leave(before);
    if (chosen == NULL) {
        return NULL;
    }
    if (!fits) {
        report_in_scope(report, NULL, "plugin %s chose a descriptor that does not fit: %s",
                        plugin->name, why);
        return NULL;
    }
    i->serving = chosen;
    return &i->chosen.plugin;
}

void instance_count_begin(instance *i)
{
    figures_begin(&i->figures, i->name, i->plugin);
    i->stale_operations =
        counter_register(i->name, "stale_operations",
                         "calls with an operation that was not under way for it on that thread; "
                         "they changed nothing");
    i->bad_answers = counter_register(i->name, "bad_answers",
                                      "answers and requests that were refused for what they said");
    i->not_asked =
        counter_register(i->name, "not_asked",
                         "operations that were not begun, as too many were not answered");
    counter_register(i->name, "stalls", "times that a thread was held too long");
}

/* Each worker writes its own: they must not take a cache line from each other. */
instance_load *instance_loads_make(unsigned workers)
{
    instance_load *loads = aligned_alloc(_Alignof(instance_load), workers * sizeof(*loads));
    if (loads == NULL) {
        abort();
    }
    memset(loads, 0, workers * sizeof(*loads));
    return loads;
}

/* Of the same descriptor, or none: state can be adopted only by who understands it. */
static void *previous_for(const instance *i, const instance *before)
{
    return before != NULL && before->serving == i->serving ? before->self : NULL;
}

/* The host's table is copied for each instance: host->core is how a service knows who calls. That
 * points here, so an instance never moves. */
bool instance_create(instance *i, const cmp_plugin *plugin, const cmp_host *services,
                     const instance *before_it, cmp_report *report)
{
    i->plugin = plugin;
    i->older = abi_older(plugin->abi_minor);
    i->rows = plugin->options;
    i->commands = plugin->commands;
    i->running = running_owner_of(i->name, plugin->name);
    i->worker_state = kit_calloc(i->site->worker_count, sizeof(void *));
    i->loads = instance_loads_make(i->site->worker_count);
    i->host = *services;
    i->host.core = i;
    instance_count_begin(i);
    const size_t errors = report->count;
    const cmp_plugin *serving = descriptor_of(i, report);
    if (serving != NULL && serving->check != NULL) {
        const uintptr_t before = instance_enter(i, RUNNING_CHECK);
        serving->check(&i->host, i->options, report);
        running_leave(before);
    }
    if (serving != NULL && report->count == errors) {
        i->plugin = serving;
        const uintptr_t before = instance_enter(i, RUNNING_CREATE);
        i->self = serving->create(&i->host, i->options, previous_for(i, before_it), report);
        running_leave(before);
    }
    if (i->self == NULL && report->count == errors) {
        report_in_scope(report, NULL, "plugin %s could not be started and did not say why",
                        plugin->name);
    }
    return i->self != NULL;
}

void instance_destroy(instance *i)
{
    if (i->self != NULL) {
        const uintptr_t before = instance_enter(i, RUNNING_DESTROY);
        i->plugin->destroy(i->self);
        running_leave(before);
        i->self = NULL;
    }
    if (i->loads != NULL) {
        figures_end(i->name, i->running->plugin);
    }
    descriptor_dispose(&i->chosen);
    free(i->worker_state);
    free(i->loads);
    i->worker_state = NULL;
    i->loads = NULL;
    for (size_t n = 0; n < i->gauge_count; n++) {
        gauge_give_back(i->gauges[n]);
    }
    free(i->gauges);
    keyring_unref(&i->keyring);
    peers_unref(&i->peers);
}

keyring *instance_keyring(const instance *i)
{
    pthread_mutex_lock(&shown_lock);
    keyring *k = i->keyring != NULL ? keyring_ref(i->keyring) : NULL;
    pthread_mutex_unlock(&shown_lock);
    return k;
}

unsigned instance_under_way(const instance *i)
{
    unsigned under_way = 0;
    for (unsigned w = 0; i->loads != NULL && w < i->site->worker_count; w++) {
        under_way += atomic_load_explicit(&i->loads[w].under_way, memory_order_acquire);
    }
    return under_way;
}

bool instance_idle(const instance *i)
{
    return atomic_load_explicit(&i->busy, memory_order_acquire) + instance_under_way(i) == 0;
}

static void show_gauges(const instance *i, bool shown)
{
    for (size_t n = 0; n < i->gauge_count; n++) {
        gauge_show(i->gauges[n], shown);
    }
}

void instance_start(instance *i, loop *control)
{
    pthread_mutex_lock(&shown_lock);
    i->stage = INSTANCE_IN_FORCE;
    show_gauges(i, true);
    if (i->health.health != CMP_HEALTH_OK) {
        health_set(i->name, i->health.health, i->health.why);
    }
    pthread_mutex_unlock(&shown_lock);
    if (i->plugin->start != NULL) {
        const uintptr_t before = instance_enter(i, RUNNING_START);
        i->plugin->start(i->self, control);
        running_leave(before);
    }
}

void instance_replace(instance *i)
{
    pthread_mutex_lock(&shown_lock);
    i->stage = INSTANCE_REPLACED;
    show_gauges(i, false);
    health_forget(i->name);
    pthread_mutex_unlock(&shown_lock);
}

/* The old one's share goes at the very end: what the plugin has of it is to be gone by then. */
void instance_show_keyring(instance *i, keyring *k)
{
    keyring *fresh = k != NULL ? keyring_ref(k) : NULL;
    pthread_mutex_lock(&shown_lock);
    keyring *old = i->keyring;
    i->keyring = fresh;
    pthread_mutex_unlock(&shown_lock);
    if (i->plugin->keys_changed != NULL) {
        const uintptr_t before = instance_enter(i, RUNNING_KEYS_CHANGED);
        i->plugin->keys_changed(i->self);
        running_leave(before);
    }
    keyring_unref(&old);
}

void instance_command(instance *i, const cmp_command *row, cmp_str argument, uint64_t id)
{
    const uintptr_t before = instance_enter(i, RUNNING_COMMAND);
    i->plugin->command(i->self, row->name, argument, id);
    running_leave(before);
}

/* What blocks runs on threads of the pool, any of them: it has no state for each worker, and nobody
 * who would start it. */
void instance_worker_start(instance *i, unsigned worker, loop *l)
{
    if (i->plugin->worker_start != NULL && !instance_blocks(i)) {
        const uintptr_t before = instance_enter(i, RUNNING_WORKER_START);
        i->worker_state[worker] = i->plugin->worker_start(i->self, l);
        running_leave(before);
    }
}

void instance_worker_stop(instance *i, unsigned worker)
{
    if (i->plugin->worker_stop != NULL && !instance_blocks(i)) {
        const uintptr_t before = instance_enter(i, RUNNING_WORKER_STOP);
        i->plugin->worker_stop(i->self, i->worker_state[worker]);
        running_leave(before);
        i->worker_state[worker] = NULL;
    }
}
