/* SPDX-License-Identifier: Apache-2.0 */
/* Opens and closes a journal. */
#include "journal/internal.h"

#include "base/clock.h"
#include "base/log.h"
#include "observe/counters.h"

#include <cmp-kit/memory.h>

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define REJECTIONS_RING_SIZE ((size_t)64 * 1024)

static bool say(char *error, size_t size, const char *what)
{
    snprintf(error, size, "%s: %s", what, strerror(errno));
    return false;
}

/* By the rights that count when a file is made; those of access() may be others. */
static bool may(const char *folder, int mode)
{
    return faccessat(AT_FDCWD, folder, mode, AT_EACCESS) == 0;
}

bool journal_check(const char *path, char *error, size_t size)
{
    struct stat status;
    if (stat(path, &status) == 0) {
        if (!S_ISDIR(status.st_mode)) {
            errno = ENOTDIR;
            return say(error, size, "the folder");
        }
        return may(path, R_OK | W_OK | X_OK) || say(error, size, "nothing can be written there");
    }
    char parent[PATH_MAX];
    snprintf(parent, sizeof(parent), "%s", path);
    return (errno == ENOENT && may(dirname(parent), W_OK | X_OK)) ||
           say(error, size, "the folder cannot be made");
}

static void register_counters(journal *j)
{
    j->counters = (journal_counters){
        .records = counter_register("journal", "records", "Records written"),
        .octets = counter_register("journal", "written_bytes", "Octets written to segments"),
        .dropped = counter_register("journal", "dropped", "Records for which there was no room"),
        .unsampled = counter_register("journal", "rejections_not_recorded",
                                      "Rejections beyond journal.rejections"),
        .failures = counter_register("journal", "failures", "Batches that could not be written"),
        .removed = counter_register("journal", "segments_removed",
                                    "Segments removed as too old, or too many"),
    };
}

static void make_lanes(journal *j)
{
    static const size_t sizes[] = {[JOURNAL_STREAM_JOURNAL] = JOURNAL_RING_SIZE,
                                   [JOURNAL_STREAM_REJECTIONS] = REJECTIONS_RING_SIZE};
    const size_t count = (size_t)j->o.workers * JOURNAL_STREAM_MAX;
    j->lanes = kit_must(aligned_alloc(RING_LINE, count * sizeof(*j->lanes)));
    memset(j->lanes, 0, count * sizeof(*j->lanes));
    for (size_t i = 0; i < count; i++) {
        j->lanes[i].in = ring_create(sizes[i % JOURNAL_STREAM_MAX]);
        atomic_init(&j->lanes[i].out, j->lanes[i].in);
    }
}

static bool open_folder(journal *j, char *error, size_t size)
{
    if (mkdir(j->o.path, 0750) != 0 && errno != EEXIST) {
        return say(error, size, "the folder cannot be made");
    }
    j->folder = open(j->o.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return j->folder >= 0 || say(error, size, "the folder");
}

static bool open_segments(journal *j, char *error, size_t size)
{
    uint8_t run[SEGMENT_RUN_SIZE];
    if (getrandom(run, sizeof(run), 0) != (ssize_t)sizeof(run)) {
        return say(error, size, "random octets");
    }
    for (int i = 0; i < JOURNAL_STREAM_MAX; i++) {
        if (!segment_init(&j->segments[i], j->folder, (journal_stream)i, run)) {
            return say(error, size, "the folder");
        }
    }
    return true;
}

static void dispose_lane(lane *l)
{
    for (ring *r = lane_out(l), *next; r != NULL; r = next) {
        next = ring_after(r);
        ring_destroy(&r);
    }
}

static void dispose(journal *j)
{
    for (size_t i = 0; j->lanes != NULL && i < (size_t)j->o.workers * JOURNAL_STREAM_MAX; i++) {
        dispose_lane(&j->lanes[i]);
    }
    free(j->lanes);
    keys_dispose(j);
    if (j->lock >= 0) {
        close(j->lock);
    }
    if (j->folder >= 0) {
        close(j->folder);
    }
    free((char *)(uintptr_t)j->o.path);
    free(j);
}

journal *journal_open(const journal_options *options, char *error, size_t size)
{
    journal *j = kit_calloc(1, sizeof(*j));
    j->o = *options;
    j->o.path = kit_strdup(options->path); /* the configuration it is of may go before */
    j->folder = j->lock = -1;
    const unsigned each_s = options->rejections / 3600 / options->workers;
    j->rejections_a_second = each_s > 0 ? each_s : 1;
    register_counters(j);
    if (!open_folder(j, error, size) || !open_segments(j, error, size)) {
        dispose(j);
        return NULL;
    }
    if (!keys_begin(j, clock_now_ms())) {
        say(error, size, "the key of the pseudonyms cannot be made");
        dispose(j);
        return NULL;
    }
    make_lanes(j);
    j->whole_ms = clock_monotonic_ms();
    if (pthread_create(&j->thread, NULL, writer_main, j) != 0) {
        snprintf(error, size, "there can be no thread more");
        dispose(j);
        return NULL;
    }
    return j;
}

journal_health journal_look(journal *j)
{
    journal_health s = {.behind_ms = clock_monotonic_ms() -
                                     atomic_load_explicit(&j->whole_ms, memory_order_relaxed)};
    for (unsigned i = 0; i < j->o.workers * JOURNAL_STREAM_MAX; i++) {
        const lane *l = &j->lanes[i];
        const uint64_t written = atomic_load_explicit(&l->written_bytes, memory_order_relaxed);
        const uint64_t put = atomic_load_explicit(&l->put_bytes, memory_order_relaxed);
        s.waiting_bytes += put > written ? put - written : 0; /* one may be seen later */
    }
    if (s.waiting_bytes == 0) {
        s.behind_ms = 0;
    }
    s.kept_bytes = atomic_load_explicit(&j->kept_bytes, memory_order_relaxed);
    return s;
}

void journal_close(journal **ref)
{
    journal *j = *ref;
    if (j == NULL) {
        return;
    }
    atomic_store(&j->stopping, true);
    pthread_join(j->thread, NULL);
    dispose(j);
    *ref = NULL;
}
