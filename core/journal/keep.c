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

#define SWEEP_MS 10000

/* ---- removing ---- */

static void remove_file(journal *j, const segment_file *f, const char *why)
{
    if (unlinkat(j->folder, f->name, 0) == 0) {
        counter_add(j->counters.removed, 1);
        log_info("journal", "%s is removed: %s", f->name, why);
    }
}

/* From the oldest on. Open ones count, and stay. */
static void remove_old(journal *j, const segment_files *files, uint64_t keep_bytes, int64_t now_ms)
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
}

/* ---- compressing ---- */

static void reap(journal *j)
{
    int status;
    if (j->packer == 0 || waitpid(j->packer, &status, WNOHANG) == 0) {
        return;
    }
    j->packer = 0;
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        log_warning("journal", "a segment could not be compressed; it stays as it is for now");
    }
}

static bool start_packer(journal *j, const segment_file *f)
{
    char path[PATH_MAX];
    if (snprintf(path, sizeof(path), "%s/%s", j->o.path, f->name) >= (int)sizeof(path)) {
        return false;
    }
    const pid_t child = pack_start(j->o.packer, path);
    if (child < 0) {
        log_warning("journal", "%s cannot be run to compress segments: %s", j->o.packer,
                    strerror(errno));
        return false;
    }
    j->packer = child;
    memcpy(j->packed, f->name, sizeof(j->packed));
    return true;
}

static void pack_next(journal *j, const segment_files *files)
{
    for (size_t i = 0; j->o.packer != NULL && j->packer == 0 && i < files->count; i++) {
        if (!files->at[i].compressed && !segment_is_open(j->folder, &files->at[i])) {
            start_packer(j, &files->at[i]);
            return;
        }
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

void keep_turn(journal *j, int64_t now_ms)
{
    if (!keeps(j)) {
        return;
    }
    const bool had_packer = j->packer != 0;
    reap(j);
    const bool packed = had_packer && j->packer == 0;
    if (!j->rotated && !packed && now_ms - j->swept_ms < SWEEP_MS && now_ms >= j->swept_ms) {
        return;
    }
    j->swept_ms = now_ms;
    j->rotated = false;
    for (int i = 0; i < JOURNAL_STREAM_MAX; i++) {
        segment_files files;
        if (segment_files_list(j->folder, (journal_stream)i, &files)) {
            remove_old(j, &files,
                       i == JOURNAL_STREAM_JOURNAL ? j->o.keep_bytes : j->o.rejections_bytes,
                       now_ms);
            pack_next(j, &files);
            segment_files_free(&files);
        }
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
