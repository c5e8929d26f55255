/* SPDX-License-Identifier: Apache-2.0 */
/* Trials of an instance's life: what a thousand of them leave, and that a check changes nothing. */
#include "base/clock.h"
#include "base/hash.h"
#include "trial.h"

#include <dirent.h>
#include <malloc.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- what a process has ---- */

typedef struct holdings {
    size_t octets, descriptors, threads, mappings;
} holdings;

static size_t entries_of(const char *folder)
{
    size_t count = 0;
    DIR *dir = opendir(folder);
    while (dir != NULL && readdir(dir) != NULL) {
        count++;
    }
    if (dir != NULL) {
        closedir(dir);
    }
    return count;
}

static size_t lines_of(const char *path)
{
    size_t count = 0;
    FILE *file = fopen(path, "re");
    for (int c; file != NULL && (c = getc(file)) != EOF;) {
        count += c == '\n';
    }
    if (file != NULL) {
        fclose(file);
    }
    return count;
}

static holdings now_held(void)
{
    const struct mallinfo2 heap = mallinfo2();
    return (holdings){.octets = heap.uordblks + heap.hblkhd,
                      .descriptors = entries_of("/proc/self/fd"),
                      .threads = entries_of("/proc/self/task"),
                      .mappings = lines_of("/proc/self/maps")};
}

/* ---- life ---- */

#define LIVES     1000
#define WARM_UP   20 /* what is allocated once and kept is no leak */
#define LIFE_MS   4000
#define BRIEF     30
#define LEAK_EACH 8 /* octets: less is noise of the allocator's own, as is this much in all */
#define NOISE     ((size_t)16 * 1024)

static void judge_life(const trial *tr, unsigned lives, const holdings *a, const holdings *b)
{
    const unsigned counted = lives - WARM_UP;
    bool good = true;
    if (b->octets > a->octets + NOISE + (size_t)counted * LEAK_EACH) {
        good = false;
        trial_say(tr, RULE_LIFE, VERDICT_BROKEN, "each life leaves about %zu octets of memory",
                  (b->octets - a->octets) / counted);
    }
    const struct {
        const char *what;
        size_t before, after;
    } others[] = {{"descriptors", a->descriptors, b->descriptors},
                  {"threads", a->threads, b->threads},
                  {"mappings", a->mappings, b->mappings}};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        /* The allocator maps memory by itself, now and then. */
        const size_t slack = i == 2 ? counted / 2 : 0;
        if (others[i].after > others[i].before + slack) {
            good = false;
            trial_say(tr, RULE_LIFE, VERDICT_BROKEN, "%u lives leave %zu %s", counted,
                      others[i].after - others[i].before, others[i].what);
        }
    }
    if (good) {
        trial_say(tr, RULE_LIFE, VERDICT_HELD, "%u lives leave nothing", lives);
    }
}

/* A reload has every worker start the new instance, and stop the old one, between two requests. The
 * shortest of all lives: what others do on this machine is not the plugin's fault. */
typedef struct worker_held {
    bool blocking; /* worker_start is not called */
    int64_t start_us, stop_us;
} worker_held;

static void keep_least(worker_held *least, const cmp_test *t)
{
    least->blocking = (t->host->plugin->flags & CMP_PLUGIN_BLOCKING) != 0;
    least->start_us = t->start_us < least->start_us ? t->start_us : least->start_us;
    least->stop_us = t->stop_us < least->stop_us ? t->stop_us : least->stop_us;
}

static void judge_held(const trial *tr, const worker_held *least)
{
    const struct {
        const char *function;
        int64_t us;
    } both[] = {{"worker_start", least->start_us}, {"worker_stop", least->stop_us}};
    bool good = true;
    if (least->blocking || tr->brief) { /* slowed down by valgrind */
        return;
    }
    for (size_t i = 0; i < 2; i++) {
        if (both[i].us >= STALL_MS * 1000) {
            good = false;
            trial_say(tr, RULE_STALLS, VERDICT_BROKEN,
                      "%s holds its worker for %.1f ms (create may take its time, or "
                      "cmp_host.offload)",
                      both[i].function, (double)both[i].us / 1000);
        }
    }
    if (good) {
        trial_say(tr, RULE_STALLS, VERDICT_HELD,
                  "a worker is held for %.2f ms by worker_start, and %.2f ms by worker_stop",
                  (double)least->start_us / 1000, (double)least->stop_us / 1000);
    }
}

void trial_life(trial *tr)
{
    const uint64_t until_ms = clock_monotonic_ms() + LIFE_MS;
    const unsigned most = tr->brief ? BRIEF : LIVES;
    holdings before = {0};
    worker_held least = {.start_us = INT64_MAX, .stop_us = INT64_MAX};
    unsigned lives = 0;
    while (lives < most && (lives <= WARM_UP || clock_monotonic_ms() < until_ms)) {
        cmp_test *t = lives == 0 ? trial_begin(tr, RULE_LIFE) : trial_open(tr, CMP_PURPOSE_RUN);
        if (t == NULL && lives > 0) {
            trial_say(tr, RULE_LIFE, VERDICT_BROKEN, "life %u: the same options are refused",
                      lives + 1);
        }
        if (t == NULL) {
            return;
        }
        cmp_test_run(t, 0);
        cmp_test_close(t);
        keep_least(&least, t);
        trial_close(&t);
        if (++lives == WARM_UP) {
            before = now_held();
        }
    }
    const holdings after = now_held();
    judge_life(tr, lives, &before, &after);
    judge_held(tr, &least);
}

/* ---- checking ---- */

#define DEPTH_MAX 6

typedef struct tree {
    uint64_t sum; /* of all names, sizes and times; the order of a folder's entries is no matter */
    size_t count;
    struct timespec latest; /* change of all, and where that was */
    char where[4096];
} tree;

static void add_folder(tree *all, const char *folder, unsigned depth);

static bool is_later(struct timespec a, struct timespec b)
{
    return a.tv_sec > b.tv_sec || (a.tv_sec == b.tv_sec && a.tv_nsec > b.tv_nsec);
}

static void add_entry(tree *all, const char *path, unsigned depth)
{
    struct stat s;
    if (lstat(path, &s) != 0) {
        return;
    }
    const uint64_t facts[] = {
        hash_octets(path, strlen(path)), (uint64_t)s.st_mode,         (uint64_t)s.st_size,
        (uint64_t)s.st_mtim.tv_sec,      (uint64_t)s.st_mtim.tv_nsec, (uint64_t)s.st_ino};
    all->sum += hash_octets(facts, sizeof(facts));
    all->count++;
    if (is_later(s.st_ctim, all->latest)) {
        all->latest = s.st_ctim;
        snprintf(all->where, sizeof(all->where), "%s", path);
    }
    if (S_ISDIR(s.st_mode) && depth < DEPTH_MAX) {
        add_folder(all, path, depth + 1);
    }
}

static void add_folder(tree *all, const char *folder, unsigned depth)
{
    DIR *dir = opendir(folder);
    for (const struct dirent *e; dir != NULL && (e = readdir(dir)) != NULL;) {
        char path[4096];
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0) {
            snprintf(path, sizeof(path), "%s/%s", folder, e->d_name);
            add_entry(all, path, depth);
        }
    }
    if (dir != NULL) {
        closedir(dir);
    }
}

static bool listens_somewhere(void)
{
    const long most = sysconf(_SC_OPEN_MAX) < 4096 ? sysconf(_SC_OPEN_MAX) : 4096;
    for (int fd = 0; fd < most; fd++) {
        int listening = 0;
        socklen_t size = sizeof(listening);
        if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) == 0 && listening) {
            return true;
        }
    }
    return false;
}

static tree look_at(const char *folder)
{
    tree all = {.count = 0};
    add_folder(&all, folder, 0);
    return all;
}

static bool same(const tree *a, const tree *b)
{
    return a->sum == b->sum && a->count == b->count;
}

#define QUIET_LOOKS 40
#define QUIET_US    25000

/* Whether the folder goes on changing while nothing of ours is at work. */
static bool others_change(const char *folder, const tree *before)
{
    for (unsigned i = 0; i < QUIET_LOOKS; i++) {
        usleep(QUIET_US);
        const tree now = look_at(folder);
        if (!same(before, &now)) {
            return true;
        }
    }
    return false;
}

/* False when it is refused. What it holds is judged, and *good becomes false. */
static bool check_once(trial *tr, bool *good)
{
    const holdings had = now_held();
    cmp_test *t = trial_open(tr, CMP_PURPOSE_CHECK);
    if (t == NULL) {
        return false;
    }
    if (listens_somewhere()) {
        *good = false;
        trial_say(tr, RULE_CHECKING, VERDICT_BROKEN, "create listens on a socket in a check");
    }
    if (now_held().threads > had.threads) {
        *good = false;
        trial_say(tr, RULE_CHECKING, VERDICT_BROKEN, "create starts a thread in a check");
    }
    trial_close(&t);
    if (now_held().descriptors > had.descriptors) {
        *good = false;
        trial_say(tr, RULE_CHECKING, VERDICT_BROKEN, "a check leaves descriptors open");
    }
    return true;
}

/* What a start refuses as well is trial_options' to tell. */
static void judge_refusal(trial *tr)
{
    cmp_test *t = trial_open(tr, CMP_PURPOSE_RUN);
    if (t != NULL) {
        trial_say(tr, RULE_CHECKING, VERDICT_BROKEN, "a check refuses what a start takes");
        trial_close(&t);
    }
}

#define CHECKS 3 /* before others are believed to be at work in that folder for good */

void trial_checking(trial *tr)
{
    bool good = true;
    tree after = {.count = 0};
    for (unsigned i = 0; i < CHECKS; i++) {
        const tree before = look_at(tr->options_folder);
        if (!check_once(tr, &good)) {
            judge_refusal(tr);
            return;
        }
        after = look_at(tr->options_folder);
        if (same(&before, &after)) {
            if (good) {
                trial_say(tr, RULE_CHECKING, VERDICT_HELD,
                          "a check leaves %zu files and folders as they were, and nothing open",
                          after.count);
            }
            return;
        }
        if (!others_change(tr->options_folder, &after)) {
            trial_say(tr, RULE_CHECKING, VERDICT_BROKEN, "a check changes files in %s, such as %s",
                      tr->options_folder, after.where);
            return;
        }
    }
    trial_say(tr, RULE_CHECKING, VERDICT_NOT_SEEN,
              "others change files in %s meanwhile, such as %s", tr->options_folder, after.where);
}
