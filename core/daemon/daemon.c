/* SPDX-License-Identifier: Apache-2.0 */
/* Life of the process: build, bind, give up privileges, start workers, wait for a signal, drain. */
#include "daemon/daemon.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "daemon/activation.h"
#include "daemon/advice.h"
#include "daemon/commands.h"
#include "daemon/generations.h"
#include "daemon/hang.h"
#include "daemon/journal_start.h"
#include "daemon/plugin_command.h"
#include "daemon/privileges.h"
#include "daemon/reload.h"
#include "daemon/remembered.h"
#include "daemon/restart.h"
#include "daemon/serve.h"
#include "daemon/workers.h"
#include "http/hpack_probe.h"
#include "observe/counters.h"
#include "observe/log_keeper.h"
#include "pipeline/pipeline.h"

#include <cmp-kit/memory.h>

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

/* Jobs that may wait for a thread of the pool. More would wait longer than the deadline of any
 * request. */
#define POOL_QUEUE       256
#define POOL_PATIENCE_MS 1000

/* ---- signals ---- */

typedef struct signals {
    daemon_state *d;
    int fd;
    cmp_watch *watch;
    bool told; /* to end: draining after a restart is no answer to a signal */
} signals;

/* By a descriptor, as an event among others: a handler could do next to nothing. The second signal
 * is for an operator whose patience has ended. */
static void on_signal(void *arg)
{
    signals *s = arg;
    struct signalfd_siginfo info;
    while (read(s->fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        if (info.ssi_signo == SIGHUP) {
            log_notice("daemon", "signal %u: reading the configuration anew", info.ssi_signo);
            reload_run(s->d, false, NULL, NULL);
            continue;
        }
        if (info.ssi_signo != SIGTERM && info.ssi_signo != SIGINT) {
            log_notice("daemon", "signal %u changes nothing", info.ssi_signo);
            continue;
        }
        if (s->told) {
            log_warning("daemon", "signal %u again: ending at once", info.ssi_signo);
            _exit(1);
        }
        s->told = true;
        log_notice("daemon", "signal %u: draining", info.ssi_signo);
        restart_cancel(s->d);
        workers_stop(s->d);
    }
}

/* Before any thread is made, so that all of them have the signals blocked. */
static void signals_block(sigset_t *set)
{
    sigemptyset(set);
    static const int taken[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2, SIGALRM};
    /* What would end the process without being about it; a file too large is an error of its
     * writer's. */
    static const int ignored[] = {SIGPIPE, SIGXFSZ, SIGIO, SIGVTALRM, SIGPROF, SIGPWR};
    for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++) {
        sigaddset(set, taken[i]);
    }
    for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++) {
        signal(ignored[i], SIG_IGN);
    }
    pthread_sigmask(SIG_BLOCK, set, NULL);
}

/* ---- start and stop ---- */

/* Freshness (max_skew), windows of keys and tokens all hang on it. */
static void warn_of_clock(const generation *g)
{
    if (g == NULL || g->keyring == NULL) {
        return;
    }
    const clock_state s = clock_look();
    if (!s.told) {
        log_notice("clock",
                   "the kernel does not say whether somebody keeps this machine's clock "
                   "right: %s",
                   strerror(errno));
    } else if (!s.kept) {
        log_warning("clock", "nobody keeps this machine's clock right (NTP): requests may seem too "
                             "old or too new, and keys end at a wrong time");
    }
}

/* Whoever connects to it would wait for ever. */
static void on_left(const char *what, void *report)
{
    report_add(report, (conf_place){.file = "LISTEN_FDS"}, NULL, "no listener is at %s", what);
}

/* The process before closes it, as it does when a listener is taken out of its configuration. */
static void on_left_before(const char *what, void *arg)
{
    (void)arg;
    log_notice("http", "no listener is any more at %s", what);
}

/* What was given to the process is used, and the rest bound. Nobody is let in before all of it is
 * there: of who waits at a process that does not start, the connection would be reset. */
static void open_sockets(daemon_state *d, cmp_report *report)
{
    const conf *c = d->generation->conf;
    d->sockets = sockets_create(d->site.worker_count);
    sockets_inherit(d->sockets, &d->inherited);
    const bool prepared = sockets_prepare(d->sockets, c, report);
    if (d->takeover.channel < 0) {
        inherited_each_left(&d->inherited, on_left, report);
    }
    d->admin = admin_open(c, &d->takeover.admin, report);
    if (prepared && report->count == 0) {
        inherited_each_left(&d->inherited, on_left_before, NULL);
        (void)sockets_commit(d->sockets);
    }
}

/* A check speaks to people, and so does a start that fails, but where all lines are to be JSON. */
static void tell(cmp_report *report, bool good, bool starts)
{
    if (starts && good) {
        report_log_warnings(report);
    } else if (starts && log_format_get() == LOG_JSON) {
        report_log_errors(report, "conf", "");
    } else {
        report_print(report, stderr);
    }
}

static void check_start(const build_site *s, const conf *c, cmp_report *report)
{
    privileges_check(c, report);
    privileges_check_keyring(c, s->purpose, report);
    admin_check(c, s->admin, report);
    remembered_check(c, report);
    journal_start_check(c, report);
}

/* Binding comes last: an error that can be found without it leaves no socket behind, and a check
 * (-t) never gets that far. */
static bool build(daemon_state *d, bool bind_too)
{
    cmp_report report;
    report_init(&report);
    if (bind_too) {
        activation_take(&d->inherited, &report);
        (void)!takeover_begin(&d->takeover, &d->inherited, &report);
        d->build.admin = d->takeover.admin;
    }
    d->generation = generation_build(&d->build, NULL, &report);
    if (d->generation != NULL && report.count == 0 && bind_too) {
        d->budget = budget_make(d->generation->conf, d->site.worker_count, &report);
    }
    if (d->generation != NULL && report.count == 0 && bind_too) {
        open_sockets(d, &report);
    }
    warn_of_clock(d->generation);
    const bool good = report.count == 0 && d->generation != NULL;
    if (good) {
        advice_give(d->generation, &report);
        if (!bind_too) {
            sockets_check(d->generation->conf, &report);
        }
    }
    tell(&report, good, bind_too);
    if (!good) {
        takeover_tell(&d->takeover, &report);
    }
    inherited_dispose(&d->inherited);
    report_dispose(&report);
    return good;
}

static void watch(daemon_state *d)
{
    const conf_watchdog *c = &d->generation->conf->top.watchdog;
    const watchdog_options options = {.stall_ms = (uint64_t)c->stall_ms,
                                      .stuck_ms = (uint64_t)c->stuck_after_ms,
                                      .abort = c->when_stuck == CONF_WHEN_STUCK_ABORT};
    d->process.watchdog = watchdog_start(&options);
    if (d->process.watchdog == NULL) {
        log_warning("watchdog", "there can be no thread more: nobody is watched");
    }
}

static bool open_memory(daemon_state *d)
{
    cmp_report report;
    report_init(&report);
    d->process.replay = remembered_open(d->generation->conf, &d->takeover, &report);
    for (size_t i = 0; i < report.count; i++) {
        log_error("replay", "%s", report.errors[i].text);
    }
    takeover_tell(&d->takeover, &report);
    report_dispose(&report);
    return d->process.replay != NULL;
}

/* Privileges go before the first thread and the first plugin's start, and after the sockets: low
 * ports need them, and nothing that strangers send is read with them. */
static bool start(daemon_state *d)
{
    const conf *c = d->generation->conf;
    if (!privileges_drop(c)) {
        return false;
    }
    if (!open_memory(d)) {
        return false;
    }
    if (!journal_start(d)) {
        return false;
    }
    d->process.referrals = referrals_create((size_t)c->top.limits.referrals);
    d->process.pool = pool_create((unsigned)c->top.limits.blocking_threads, POOL_QUEUE);
    d->site.pool = d->process.pool;
    if (!hpack_in_place(d->control)) {
        log_error("http", "libh2o reads header blocks of HTTP/2 by itself: it does not call "
                          "h2o_hpack_parse_headers by name, as Debian's does");
        return false;
    }
    d->server = server_create(d->site.worker_count, d->budget.end);
    if (d->server == NULL) {
        return false;
    }
    admin_register(d->server);
    d->commands = admin_commands_create(d->control);
    commands_register(d);
    d->plugin_commands = plugin_commands_create(d);
    pipeline_setup();
    watch(d);
    generations_setup();
    reload_begin(d);
    generation *first = d->generation;
    d->generation = NULL;
    server_adopt(d->server, first, d->budget.connections);
    generations_put(d, first);
    return workers_start(d, serve_when_ready);
}

static void log_counter(const char *owner, const char *name, const char *help, uint64_t value,
                        void *arg)
{
    (void)help;
    (void)arg;
    if (value != 0) {
        log_notice("counters", "%s %s %llu", owner, name, (unsigned long long)value);
    }
}

/* What the workers have left of the drain, and at least a little. */
static unsigned pool_patience_ms(const daemon_state *d)
{
    const int64_t left_ms =
        d->generation->conf->top.drain_ms - (int64_t)(clock_monotonic_ms() - d->stopping_since_ms);
    return left_ms > POOL_PATIENCE_MS ? (unsigned)left_ms : POOL_PATIENCE_MS;
}

/* In the opposite order of the start. False when something hangs: the process has to end without
 * cleaning up. Workers first, since they submit to the pool; then the pool, whose last jobs post to
 * the workers' loops; and those loops when nobody posts any more. */
static bool tear_down(daemon_state *d)
{
    bool clean = true;
    for (unsigned i = 0; i < d->started; i++) {
        pthread_join(d->threads[i].id, NULL);
        clean = clean && worker_under_way(&d->threads[i].worker) == 0;
    }
    loop **loops = d->site.worker_loops;
    d->site.worker_loops = NULL;
    if (d->commands != NULL) {
        admin_commands_end(d->commands);
    }
    if (!pool_destroy(&d->site.pool, pool_patience_ms(d)) || !clean) {
        return false;
    }
    loop_run_posted(d->control); /* what jobs have brought goes to instances that still live */
    for (unsigned i = 0; i < d->started; i++) {
        worker_thread *thread = &d->threads[i];
        loop_run_posted(thread->loop);
        txn_free_idle(&thread->worker);
        worker_dispose(&thread->worker);
        loop_destroy(&thread->loop);
    }
    free(loops);
    free(d->site.worker_outbounds);
    free(d->threads);
    return true;
}

/* Libraries last: destroyers of instances are code of theirs. */
static void destroy(daemon_state *d)
{
    takeover_end(&d->takeover);
    admin_close(&d->admin);
    reload_end(d);
    generations_end(d);
    retired_destroy(&d->build.retired);
    loop_destroy(&d->control);
    plugin_commands_destroy(&d->plugin_commands);
    admin_commands_destroy(&d->commands);
    server_destroy(&d->server);
    journal_stop(d);
    replay_destroy(&d->process.replay);
    referrals_destroy(&d->process.referrals);
    sockets_destroy(&d->sockets);
    loader_destroy(&d->build.loader);
}

static void begin(daemon_state *d, const char *path, const char *const *folders,
                  cmp_purpose purpose)
{
    *d = (daemon_state){.control = loop_create(),
                        .began_ms = clock_monotonic_ms(),
                        .began_at_ms = clock_now_ms(),
                        .takeover = {.channel = -1, .admin = -1, .replay = -1}};
    d->build = (build_site){.path = path,
                            .folders = folders,
                            .purpose = purpose,
                            .check_start = check_start,
                            .admin = -1,
                            .instances = &d->site,
                            .retired = retired_create(d->control)};
}

int daemon_run(const char *path, const char *const *plugin_folders)
{
    sigset_t set;
    signals_block(&set);
    hash_seed_init();
    if (!budget_begin()) {
        return 1;
    }
    daemon_state d;
    begin(&d, path, plugin_folders, CMP_PURPOSE_RUN);
    if (!build(&d, true)) {
        destroy(&d);
        return 1;
    }
    signals s = {.d = &d, .fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK)};
    s.watch = loop_watch_start(d.control, s.fd, on_signal, &s);
    log_keeper_start(d.control); /* before privileges are dropped: a pipe is opened again */
    const bool started = start(&d);
    if (!started) {
        workers_stop(&d);
    }
    if (started) {
        workers_watch_keys(&d);
        d.tls = tls_watch_start(d.control, &d.generation);
    }
    while (d.ended < d.started || !d.stopping) {
        loop_turn(d.control);
    }
    tls_watch_stop(&d.tls);
    keys_watch_stop(&d.keys);
    watchdog_remove(&d.watched);
    const bool clean = tear_down(&d);
    log_keeper_stop();
    if (!clean) {
        hang_end(d.generation, d.build.retired);
    }
    counters_each(log_counter, NULL);
    watchdog_stop(&d.process.watchdog);
    log_notice("daemon", "stopped");
    loop_watch_stop(s.watch);
    close(s.fd);
    destroy(&d);
    return started && !d.failed ? 0 : 1;
}

/* All that a start does but what others could notice: no socket is listened at, no thread made, no
 * plugin started, and plugins are told that they only check. */
int daemon_check(const char *path, const char *const *plugin_folders)
{
    hash_seed_init();
    if (!budget_begin()) {
        return 1;
    }
    daemon_state d;
    begin(&d, path, plugin_folders, CMP_PURPOSE_CHECK);
    const bool good = build(&d, false);
    destroy(&d);
    if (good) {
        printf("%s: good\n", path);
    }
    return good ? 0 : 1;
}
