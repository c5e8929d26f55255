/* SPDX-License-Identifier: Apache-2.0 */
/* See reload.h.
 *
 * The control thread builds and checks; workers go on meanwhile. Nothing that is in force changes
 * until nothing can go wrong any more. Then the new generation is put in its place and each worker
 * is told by a message, which it takes between two turns of its loop. */
#include "daemon/reload.h"

#include "base/clock.h"
#include "base/log.h"
#include "daemon/advice.h"
#include "daemon/changes.h"
#include "daemon/generations.h"
#include "daemon/notify.h"
#include "daemon/privileges.h"
#include "daemon/remembered.h"
#include "daemon/serve.h"
#include "daemon/workers.h"
#include "event/everywhere.h"
#include "observe/counters.h"

#include <cmp-kit/memory.h>

#include <stdlib.h>

#define PATIENCE_MS 5000 /* for workers that a plugin holds */

static unsigned count_taken, count_refused;

/* One under way. */
typedef struct reloading {
    daemon_state *d;
    bool dry_run;
    void (*done)(const reload_result *r, void *arg); /* NULL: it was told */
    void *arg;
    uint64_t began_ms;
    cmp_report report;
    json_t *changes;
    generation *fresh;
    sockets_hand **hands; /* by worker, until each has taken its own */
    int64_t *held_us;     /* by worker: how long it was busy with that */
    unsigned commit;      /* of the sockets */
    budget budget;
    everywhere *workers;
    cmp_timer *patience; /* NULL: it has run out */
} reloading;

void reload_begin(daemon_state *d)
{
    count_taken = counter_register("reloads", "taken", "New configurations that came in force");
    count_refused = counter_register("reloads", "refused", "New configurations that were refused");
    const outline *o = d->generation->outline;
    d->first.count = o->count;
    d->first.parts = kit_calloc(o->count, sizeof(*o->parts));
    for (size_t i = 0; i < o->count; i++) {
        d->first.parts[i] = o->parts[i];
        d->first.parts[i].path = kit_strdup(o->parts[i].path);
    }
}

void reload_end(daemon_state *d)
{
    for (size_t i = 0; i < d->first.count; i++) {
        free((char *)(uintptr_t)d->first.parts[i].path);
    }
    free(d->first.parts);
}

/* ---- what came of it ---- */

static int64_t longest_held_us(const reloading *r)
{
    int64_t longest = 0;
    for (unsigned i = 0; r->held_us != NULL && i < r->d->started; i++) {
        longest = r->held_us[i] > longest ? r->held_us[i] : longest;
    }
    return longest;
}

static void tell(reloading *r, int status, const char *detail)
{
    if (r->done != NULL) {
        const reload_result result = {.status = status,
                                      .detail = detail,
                                      .report = &r->report,
                                      .changes = r->changes,
                                      .workers = status == 200 ? r->d->started : 0,
                                      .took_ms = clock_monotonic_ms() - r->began_ms,
                                      .held_us = status == 200 ? longest_held_us(r) : 0};
        r->done(&result, r->arg);
        r->done = NULL;
    }
}

static void tell_all(reloading *r, int status, const char *detail)
{
    tell(r, status, detail);
    notify_ready();
    notify_status(serve_status(r->d));
}

static void reloading_free(reloading *r)
{
    report_dispose(&r->report);
    json_decref(r->changes);
    free(r->hands);
    free(r->held_us);
    free(r);
}

static void note_refused(const cmp_report *report)
{
    counter_add(count_refused, 1);
    report_log_errors(report, "conf", "");
    log_error("daemon", "the new configuration is not taken: the one before stays in force");
}

static void note_taken(const reloading *r)
{
    counter_add(count_taken, 1);
    report_log_warnings(&r->report);
    char *line = changes_line(r->changes);
    const json_t *restart = json_object_get(r->changes, "restart");
    size_t i;
    json_t *path;
    log_notice("daemon", "the new configuration is in force on %u workers after %llu ms: %s",
               r->d->started, (unsigned long long)(clock_monotonic_ms() - r->began_ms), line);
    json_array_foreach(restart, i, path)
    {
        log_warning("daemon", "%s has changed: that needs a restart", json_string_value(path));
    }
    free(line);
}

/* ---- what can go wrong ---- */

/* As a start would, and in the same order: what others could notice comes last. */
static void check(reloading *r)
{
    daemon_state *d = r->d;
    const conf *c = r->fresh->conf;
    privileges_check(c, &r->report);
    privileges_check_keyring(c, CMP_PURPOSE_RUN, &r->report);
    if (r->report.count == 0) {
        r->budget = budget_make(c, d->site.worker_count, &r->report);
    }
    if (r->report.count == 0 && sockets_prepare(d->sockets, c, &r->report)) {
        if (r->dry_run) {
            sockets_abandon(d->sockets);
        }
        advice_give(r->fresh, &r->report);
    }
}

static bool build(reloading *r)
{
    daemon_state *d = r->d;
    d->build.purpose = r->dry_run ? CMP_PURPOSE_CHECK : CMP_PURPOSE_RUN;
    r->fresh = generation_build(&d->build, d->generation, &r->report);
    d->build.purpose = CMP_PURPOSE_RUN;
    if (r->fresh != NULL) {
        check(r);
    }
    if (r->report.count == 0 && r->fresh != NULL) {
        r->changes = changes_make(d, r->fresh);
        return true;
    }
    return false;
}

/* ---- putting it in force ---- */

static void on_every_worker(void *arg)
{
    reloading *r = arg;
    if (r->patience != NULL) {
        loop_timer_stop(r->patience);
    }
    sockets_gone(r->d->sockets, r->commit);
    note_taken(r);
    tell_all(r, 200, NULL);
    reloading_free(r);
}

static void on_patience(void *arg)
{
    reloading *r = arg;
    char detail[256] = "the new configuration is in force, but a plugin holds";
    everywhere_add_missing(r->workers, detail, sizeof(detail));
    r->patience = NULL;
    log_warning("daemon", "%s", detail);
    tell_all(r, 504, detail);
}

/* On each worker's thread. Transactions that are under way go on with what they began with. */
static void on_worker(unsigned index, void *arg)
{
    reloading *r = arg;
    const int64_t began_us = clock_monotonic_us();
    server_worker_take(r->d->threads[index].server, r->fresh, r->hands[index]);
    r->held_us[index] = clock_monotonic_us() - began_us;
}

static void take_settings(daemon_state *d, const conf *c)
{
    remembered_change(d->process.replay, d->generation->conf, c);
    build_log(c);
}

/* The order matters: instances know the new keys, and where new sockets are, before a worker hears
 * of any of it. */
static void put_in_force(reloading *r)
{
    daemon_state *d = r->d;
    generation *g = r->fresh;
    take_settings(d, g->conf);
    admin_allow(d->admin, g);
    r->commit = sockets_commit(d->sockets);
    server_adopt(d->server, g, r->budget.connections);
    keys_watch_stop(&d->keys);
    generations_put(d, g);
    generation_replace_keyring(g, g->keyring != NULL ? keyring_ref(g->keyring) : NULL);
    workers_watch_keys(d);
    r->hands = kit_calloc(d->started, sizeof(*r->hands));
    r->held_us = kit_calloc(d->started, sizeof(*r->held_us));
    for (unsigned i = 0; i < d->started; i++) {
        r->hands[i] = sockets_hand_make(d->sockets, i);
    }
    r->patience = loop_timer_start(d->control, PATIENCE_MS, on_patience, r);
    r->workers =
        everywhere_run(d->site.worker_loops, d->started, d->control, on_worker, on_every_worker, r);
}

/* Why there can be none now; NULL: there can. */
static const char *hindrance(const daemon_state *d)
{
    return d->stopping                                         ? "the daemon is about to end"
           : d->restart != NULL                                ? "a restart is under way"
           : d->ready < d->started || d->takeover.channel >= 0 ? "the daemon is still starting"
                                                               : NULL;
}

void reload_run(daemon_state *d, bool dry_run, void (*done)(const reload_result *r, void *arg),
                void *arg)
{
    reloading *r = kit_calloc(1, sizeof(*r));
    *r = (reloading){
        .d = d, .dry_run = dry_run, .done = done, .arg = arg, .began_ms = clock_monotonic_ms()};
    report_init(&r->report);
    if (hindrance(d) != NULL) {
        log_warning("daemon", "the new configuration is not read: %s", hindrance(d));
        tell(r, 409, hindrance(d));
        reloading_free(r);
        return;
    }
    notify_reloading();
    const bool good = build(r);
    if (good && !dry_run) {
        put_in_force(r);
        return;
    }
    if (!good && !dry_run) {
        note_refused(&r->report);
    }
    generation_destroy(&r->fresh, d->build.retired);
    tell_all(r, good ? 200 : 422, good ? NULL : "the configuration before stays in force");
    reloading_free(r);
}

/* ---- the admin command ---- */

static void on_done(const reload_result *r, void *arg)
{
    admin_command *c = arg;
    if (r->status != 200) {
        admin_command_fail(c, r->status, r->detail, r->report);
        return;
    }
    json_t *answer = json_deep_copy(r->changes);
    json_object_set_new(answer, "workers", json_integer(r->workers));
    json_object_set_new(answer, "ms", json_integer((json_int_t)r->took_ms));
    json_object_set_new(answer, "held_us", json_integer(r->held_us));
    admin_command_done(c, answer);
}

void reload_command(admin_command *c, void *arg)
{
    reload_run(arg, admin_command_flag(c, "dry-run"), on_done, c);
}
