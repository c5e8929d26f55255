/* SPDX-License-Identifier: Apache-2.0 */
/* See remembered.h. */
#include "daemon/remembered.h"

#include "base/clock.h"
#include "base/log.h"
#include "daemon/somebody.h"

#include <sys/stat.h>
#include <unistd.h>

static const char key[] = "replay.file";

void remembered_check(const conf *c, cmp_report *report)
{
    const char *file = c->top.replay.file;
    char error[256];
    if (file == NULL) {
        return;
    }
    if (!replay_check(file, error, sizeof(error))) {
        report_add(report, conf_place_of(c, key), key, "%s: %s", file, error);
        return;
    }
    const int why = somebody_may(c, file, R_OK | W_OK);
    if (why != 0) {
        report_add(report, conf_place_of(c, key), key, "%s: the user %s cannot use it: %s", file,
                   c->top.user, strerror(why));
    }
}

/* Nothing leads to it: it has no file, or none any more. */
static bool has_no_name(int fd)
{
    struct stat status;
    return fstat(fd, &status) == 0 && status.st_nlink == 0;
}

static bool same(int one, int other)
{
    struct stat a, b;
    return fstat(one, &a) == 0 && fstat(other, &b) == 0 && a.st_ino == b.st_ino &&
           a.st_dev == b.st_dev;
}

static replay_options options_of(const conf *c)
{
    const conf_replay *settings = &c->top.replay;
    return (replay_options){.window_ms = settings->window_ms,
                            .size_bytes = (size_t)settings->size_bytes,
                            .quota_percent = (unsigned)settings->quota_percent,
                            .when_full = (replay_when_full)settings->when_full};
}

static void log_found(const char *where, replay *r)
{
    const replay_stats found = replay_stats_get(r, (int64_t)clock_monotonic_ms());
    log_notice("replay",
               "%s: %llu requests are remembered, all those of the last %.0f s among them", where,
               (unsigned long long)found.entries, (double)found.reach_ms / 1000);
}

/* Without a file. */
static replay *share(const replay_options *options, takeover *t, char *error, size_t error_size)
{
    if (t->replay < 0) {
        return replay_create(options);
    }
    if (!has_no_name(t->replay)) {
        snprintf(error, error_size,
                 "the process before remembers in a file; it has to be stopped before this one is "
                 "started without");
        return NULL;
    }
    const int fd = t->replay;
    t->replay = -1;
    replay *r = replay_adopt(options, fd, error, error_size);
    if (r != NULL) {
        log_found("shared with the process before", r);
    }
    return r;
}

/* Somebody else has the file open, and wants more. */
static void warn_of_others(const char *file, replay *r, const replay_options *options)
{
    const replay_stats found = replay_stats_get(r, (int64_t)clock_monotonic_ms());
    if (found.window_ms > options->window_ms) {
        log_warning("replay",
                    "%s: another process that has it open remembers for %.0f s, and so do we; "
                    "replay.window is %.0f s",
                    file, (double)found.window_ms / 1000, (double)options->window_ms / 1000);
    }
}

static replay *open_file(const replay_options *options, const char *file, const takeover *t,
                         char *error, size_t error_size)
{
    char why[256];
    replay *r = replay_open(options, file, (int64_t)clock_monotonic_ms(), why, sizeof(why));
    if (r == NULL) {
        snprintf(error, error_size, "%s: %s", file, why);
    } else if (t->replay >= 0 && !same(t->replay, replay_fd(r))) {
        snprintf(error, error_size,
                 "%s: the process before remembers elsewhere; it has to be stopped before this one "
                 "is started",
                 file);
        replay_destroy(&r);
    } else {
        log_found(file, r);
        warn_of_others(file, r, options);
    }
    return r;
}

replay *remembered_open(const conf *c, takeover *t, cmp_report *report)
{
    const replay_options options = options_of(c);
    const char *file = c->top.replay.file;
    char error[1024];
    replay *r = file == NULL ? share(&options, t, error, sizeof(error))
                             : open_file(&options, file, t, error, sizeof(error));
    if (r == NULL) {
        report_add(report, conf_place_of(c, key), key, "%s", error);
    }
    return r;
}

void remembered_begin(replay *r, const conf *c)
{
    replay_options options = options_of(c);
    if (c->top.replay.file != NULL) { /* others may have it open, who want more */
        const int64_t held_ms = replay_stats_get(r, (int64_t)clock_monotonic_ms()).window_ms;
        options.window_ms = held_ms > options.window_ms ? held_ms : options.window_ms;
    }
    replay_configure(r, &options);
}

void remembered_change(replay *r, const conf *before, const conf *c)
{
    const replay_options was = options_of(before), options = options_of(c);
    if (was.window_ms != options.window_ms || was.quota_percent != options.quota_percent ||
        was.when_full != options.when_full) {
        replay_configure(r, &options);
    }
}
