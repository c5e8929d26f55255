/* SPDX-License-Identifier: Apache-2.0 */
/* Opening and closing; the services that are the program's, or the machine's. */
#include "embed/embed.h"

#include "base/clock.h"
#include "base/hash.h"
#include "host/table.h"

#include <openssl/rand.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define JOB_THREADS 4
#define JOBS_MAX    256
#define TIMEOUT_MS  5000

#define SERVICES    (CMP_SERVICE_LOOP | CMP_SERVICE_OFFLOAD | CMP_SERVICE_KEYRING | CMP_SERVICE_PEERS)

uint32_t cmp_embed_services(void)
{
    return SERVICES;
}

/* ---- errors ---- */

void embed_fail(cmp_embed_error *error, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(error->text, sizeof(error->text), format, args);
    va_end(args);
}

void embed_fail_report(cmp_embed_error *error, const cmp_report *report)
{
    char *text = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&text, &size);
    if (to != NULL) {
        report_print((cmp_report *)(uintptr_t)report, to);
        fclose(to);
    }
    embed_fail(error, "%.*s", (int)(size > 0 ? size - 1 : 0), text != NULL ? text : "");
    free(text);
}

/* ---- the log ---- */

static void CMP_PRINTF(3, 0)
    log_line(const cmp_embed *e, cmp_log_level level, const char *format, va_list args)
{
    static const char *const words[] = {"error", "warning", "notice", "info", "debug"};
    char line[2048];
    vsnprintf(line, sizeof(line), format, args);
    if ((unsigned)level > CMP_LOG_DEBUG) {
        level = CMP_LOG_ERROR;
    }
    if (e->settings.log != NULL) {
        e->settings.log(e->settings.arg, level, line);
    } else if (level <= CMP_LOG_WARNING) {
        fprintf(stderr, "%s: %s: %s\n", e->host.loaded != NULL ? e->host.loaded->name : "plugin",
                words[level], line);
    }
}

void embed_log(const cmp_embed *e, cmp_log_level level, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    log_line(e, level, format, args);
    va_end(args);
}

/* ---- services ---- */

static cmp_embed *embed_of(const cmp_host *table)
{
    return host_of(table)->owner;
}

static void service_log(const cmp_host *table, cmp_log_level level, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    log_line(embed_of(table), level, format, args);
    va_end(args);
}

static int64_t service_now_ms(const cmp_host *table)
{
    (void)table;
    return clock_now_ms();
}

static void service_random(const cmp_host *table, void *at, size_t size)
{
    (void)table;
    if (RAND_bytes(at, (int)size) != 1) {
        abort(); /* no key may ever be made of anything less */
    }
}

static void service_store_changed(const cmp_host *table, cmp_str ici)
{
    const cmp_embed *e = embed_of(table);
    if (e->settings.store_changed != NULL) {
        e->settings.store_changed(e->settings.arg, ici);
    }
}

static bool service_offload(const cmp_host *table, cmp_loop *loop, void (*work)(void *arg),
                            void (*done)(void *arg), void *arg)
{
    return host_pool_submit(embed_of(table)->pool, loop, work, done, arg);
}

/* Whoever hosts goes on: what the plugin did wrong costs its own request. */
static void misuse(host *h, const char *service, const char *how)
{
    embed_log(h->owner, CMP_LOG_ERROR, "the plugin breaks the ABI's rules: %s %s", service, how);
}

static int64_t control_ms(void *h)
{
    (void)h;
    return (int64_t)clock_monotonic_ms();
}

/* ---- opening ---- */

static void draw_seed(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, hash_seed_init);
}

/* A program of an older minor has a shorter struct. */
static void take_settings(cmp_embed *e, const cmp_embed_settings *settings)
{
    cmp_embed_settings *to = &e->settings;
    if (settings != NULL) {
        memcpy(to, settings, settings->size < sizeof(*to) ? settings->size : sizeof(*to));
    }
    to->timeout_ms = to->timeout_ms > 0 ? to->timeout_ms : TIMEOUT_MS;
    to->folder = to->folder != NULL ? kit_arena_text(&e->memory, cmp_str_from(to->folder)) : ".";
    cmp_peer *peers = kit_arena_calloc(&e->memory, to->peer_count, sizeof(*peers));
    for (size_t i = 0; i < to->peer_count; i++) {
        const cmp_peer *from = &to->peers[i];
        const char **prefixes = kit_arena_calloc(&e->memory, from->prefix_count, sizeof(char *));
        for (size_t k = 0; k < from->prefix_count; k++) {
            prefixes[k] = kit_arena_text(&e->memory, cmp_str_from(from->prefixes[k]));
        }
        peers[i] = (cmp_peer){.name = kit_arena_copy(&e->memory, from->name),
                              .host = kit_arena_copy(&e->memory, from->host),
                              .prefixes = prefixes,
                              .prefix_count = from->prefix_count};
    }
    to->peers = peers;
}

static void fill_table(cmp_embed *e)
{
    cmp_host *table = &e->host.table;
    table->services = SERVICES;
    table->purpose =
        (e->settings.flags & CMP_EMBED_CHECK) != 0 ? CMP_PURPOSE_CHECK : CMP_PURPOSE_RUN;
    table->folder = e->settings.folder;
    table->log = service_log;
    table->now_ms = service_now_ms;
    table->random = service_random;
    table->store_changed = service_store_changed;
    table->offload = service_offload;
    e->host.peers = e->settings.peers;
    e->host.peer_count = e->settings.peer_count;
}

static bool take_replay(cmp_embed *e, cmp_embed_error *error)
{
    if (e->host.loaded->kind != CMP_PLUGIN_AUTH || (e->settings.flags & CMP_EMBED_CHECK) != 0) {
        return true;
    }
    if ((e->settings.flags & CMP_EMBED_NO_REPLAY) != 0) {
        if (e->settings.replay == NULL) {
            return true;
        }
        embed_fail(error, "a replay memory is given, and CMP_EMBED_NO_REPLAY says that none is "
                          "wanted");
        return false;
    }
    e->replay = e->settings.replay;
    if (e->replay == NULL) {
        e->replay = e->own_replay = cmp_embed_replay_open(NULL, error);
    }
    return e->replay != NULL;
}

static bool load(cmp_embed *e, const char *folder, const char *name, cmp_embed_error *error)
{
    const library_trust trust =
        (e->settings.flags & CMP_EMBED_ANY_FILE) != 0 ? LIBRARY_ANY : LIBRARY_GUARDED;
    return host_load(&e->host, folder, name, trust, error->text, sizeof(error->text)) &&
           take_replay(e, error) &&
           (e->settings.keyring == NULL || cmp_embed_keyring(e, e->settings.keyring, error));
}

static bool make(cmp_embed *e, const char *options, cmp_embed_error *error)
{
    cmp_report report;
    report_init(&report);
    const bool good =
        host_fill(&e->host, options, &report) && host_create(&e->host, NULL, NULL, &report);
    if (!good) {
        embed_fail_report(error, &report);
    } else if ((e->settings.flags & CMP_EMBED_CHECK) == 0) {
        host_start(&e->host);
    }
    report_dispose(&report);
    return good;
}

cmp_embed *embed_open(const char *folder, const char *name, const char *options,
                      const cmp_embed_settings *settings, void (*extend)(host *h),
                      cmp_embed_error *error)
{
    cmp_embed_error unread;
    error = error != NULL ? error : &unread;
    draw_seed();
    cmp_embed *e = kit_calloc(1, sizeof(*e));
    kit_arena_init(&e->memory, NULL, 0);
    e->control = pthread_self();
    e->pool = host_pool_create(JOB_THREADS, JOBS_MAX);
    take_settings(e, settings);
    if (!host_init(&e->host, e, misuse, control_ms, false)) {
        embed_fail(error, "the kernel has no descriptors left");
    } else {
        fill_table(e);
        if (extend != NULL) {
            extend(&e->host);
        }
        if (load(e, folder, name, error) && make(e, options, error)) {
            e->settings.keyring = NULL; /* the program's; it was read */
            return e;
        }
    }
    cmp_embed_close(&e);
    return NULL;
}

cmp_embed *cmp_embed_open(const char *folder, const char *name, const char *options,
                          const cmp_embed_settings *settings, cmp_embed_error *error)
{
    return embed_open(folder, name, options, settings, NULL, error);
}

void cmp_embed_close(cmp_embed **ref)
{
    cmp_embed *e = *ref;
    *ref = NULL;
    if (e == NULL) {
        return;
    }
    do {
        host_pool_drain(e->pool, &e->host.control);
    } while (host_loop_run_posted(&e->host.control) > 0);
    if (e->host.loaded != NULL) {
        host_destroy(&e->host);
    }
    host_pool_destroy(&e->pool);
    host_dispose(&e->host);
    cmp_embed_replay_close(&e->own_replay);
    kit_arena_reset(&e->memory);
    free(e);
}

const cmp_plugin *cmp_embed_plugin(const cmp_embed *e)
{
    return e->host.loaded;
}

/* ---- the control thread's loop ---- */

int cmp_embed_control_fd(const cmp_embed *e)
{
    return e->host.control.epoll_fd;
}

int cmp_embed_control_wait_ms(const cmp_embed *e)
{
    return host_loop_wait_ms(&e->host.control, -1);
}

void cmp_embed_control_turn(cmp_embed *e, int wait_ms)
{
    host_loop_turn(&e->host.control, wait_ms);
}

/* ---- what it counts ---- */

bool cmp_embed_metric(cmp_embed *e, unsigned index, const char **name, const char **help,
                      int64_t *value)
{
    host_metrics *m = &e->host.metrics;
    if (index >= atomic_load(&m->count)) {
        return false;
    }
    *name = m->at[index].name;
    *help = m->at[index].help;
    *value = m->at[index].value;
    return true;
}

cmp_health cmp_embed_health(cmp_embed *e, char *why, size_t why_size)
{
    host_metrics *m = &e->host.metrics;
    pthread_mutex_lock(&m->lock);
    const cmp_health health = m->health;
    if (why != NULL) {
        snprintf(why, why_size, "%s", m->why);
    }
    pthread_mutex_unlock(&m->lock);
    return health;
}
