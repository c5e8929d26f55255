/* SPDX-License-Identifier: Apache-2.0 */
/* Segments that have ended: compressed by a child, one at a time, and removed when they are too old
 * or all of them too large. */
#include "journal/internal.h"
#include "journal/pack.h"

#include "base/log.h"
#include "observe/counters.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define SWEEP_MS      10000
#define PACK_AGAIN_MS ((int64_t)1000) /* doubled with each failure, up to a quarter of an hour */

/* ---- removing ---- */

static void remove_file(journal *j, const segment_file *f, const char *why)
{
    if (unlinkat(j->folder, f->name, 0) == 0) {
        counter_add(j->counters.removed, 1);
        log_info("journal", "%s is removed: %s", f->name, why);
    }
}

/* From the oldest on. Open ones count, and stay. Returns the octets of what stays. */
static uint64_t remove_old(journal *j, const segment_files *files, uint64_t keep_bytes,
                           int64_t now_ms)
{
    uint64_t all = 0;
    for (size_t i = 0; i < files->count; i++) {
        all += files->at[i].size;
    }
    for (size_t i = 0; i < files->count && !segment_is_open(j->folder, &files->at[i]); i++) {
        const segment_file *f = &files->at[i];
        if (all > keep_bytes) {
            remove_file(j, f, "all together are too large");
        } else if (now_ms - f->modified_ms > j->o.keep_ms) {
            remove_file(j, f, "it is too old");
        } else {
            break;
        }
        all -= f->size;
    }
    return all;
}

/* ---- compressing ---- */

/* What went wrong may last, as on a full disk. */
static void note_failure(journal *j)
{
    const unsigned doublings = j->pack_failures < 10 ? j->pack_failures : 10;
    j->pack_failures++;
    j->pack_from_ms = j->turn_ms + (PACK_AGAIN_MS << doublings);
}

static void reap(journal *j)
{
    int status;
    const pid_t ended = j->packer != 0 ? waitpid(j->packer, &status, WNOHANG) : 0;
    if (ended == 0) {
        return;
    }
    j->packer = 0;
    if (ended > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        j->pack_failures = 0;
        return;
    }
    note_failure(j);
    log_warning("journal", "%s could not be compressed; it stays as it is for now", j->packed);
}

static void start_packer(journal *j)
{
    char path[PATH_MAX];
    errno = ENAMETOOLONG;
    const int size = snprintf(path, sizeof(path), "%s/%s", j->o.path, j->packed);
    const pid_t child = size < (int)sizeof(path) ? pack_start(j->o.packer, path) : -1;
    if (child < 0) {
        note_failure(j);
        log_warning("journal", "%s cannot be run to compress segments: %s", j->o.packer,
                    strerror(errno));
        return;
    }
    j->packer = child;
}

typedef struct candidates {
    char first[SEGMENT_NAME_SIZE], next[SEGMENT_NAME_SIZE]; /* behind the last one; "": none */
} candidates;

static void add_candidate(char name[SEGMENT_NAME_SIZE], const char *other)
{
    if (name[0] == '\0' || strcmp(other, name) < 0) {
        memcpy(name, other, SEGMENT_NAME_SIZE);
    }
}

static void find_candidates(const journal *j, const segment_files *files, candidates *c)
{
    for (size_t i = 0; i < files->count; i++) {
        const segment_file *f = &files->at[i];
        if (f->compressed || segment_is_open(j->folder, f)) {
            continue;
        }
        add_candidate(c->first, f->name);
        if (strcmp(f->name, j->packed) > 0) {
            add_candidate(c->next, f->name);
        }
    }
}

/* By turns, so that one that cannot be compressed holds no other one up. */
static void pack_next(journal *j, const candidates *c)
{
    if (c->first[0] != '\0') {
        memcpy(j->packed, c->next[0] != '\0' ? c->next : c->first, sizeof(j->packed));
        start_packer(j);
    }
}

/* ---- turns ---- */

/* One of the processes that write there, which are two when a restart hands over. */
static bool keeps(journal *j)
{
    if (j->lock < 0) {
        j->lock = folder_lock(j->folder, FOLDER_LOCK, false);
    }
    return j->lock >= 0;
}

static bool may_pack(const journal *j)
{
    return j->o.packer != NULL && j->packer == 0 && j->turn_ms >= j->pack_from_ms;
}

static void sweep(journal *j, int64_t now_ms)
{
    const bool packs = may_pack(j);
    candidates c = {"", ""};
    uint64_t kept_bytes = 0;
    for (int i = 0; i < JOURNAL_STREAM_MAX; i++) {
        segment_files files;
        if (!segment_files_list(j->folder, (journal_stream)i, &files)) {
            continue;
        }
        kept_bytes +=
            remove_old(j, &files,
                       i == JOURNAL_STREAM_JOURNAL ? j->o.keep_bytes : j->o.rejections_bytes,
                       now_ms);
        if (packs) {
            find_candidates(j, &files, &c);
        }
        segment_files_free(&files);
    }
    pack_next(j, &c);
    atomic_store_explicit(&j->kept_bytes, kept_bytes, memory_order_relaxed);
}

void keep_turn(journal *j, int64_t now_ms)
{
    if (!keeps(j)) {
        return;
    }
    const bool had_packer = j->packer != 0;
    reap(j);
    const bool goes_on = had_packer || j->swept_ms < j->pack_from_ms;
    if (j->rotated || (goes_on && may_pack(j)) || j->turn_ms - j->swept_ms >= SWEEP_MS) {
        j->swept_ms = j->turn_ms;
        j->rotated = false;
        sweep(j, now_ms);
    }
}

/* The next start has the file compressed, as if this one had not begun. */
void keep_end(journal *j)
{
    if (j->packer != 0) {
        kill(j->packer, SIGTERM);
        char part[SEGMENT_NAME_SIZE + 16];
        waitpid(j->packer, NULL, 0);
        snprintf(part, sizeof(part), "%s.zst" FOLDER_PART, j->packed);
        unlinkat(j->folder, part, 0);
        j->packer = 0;
    }
}
