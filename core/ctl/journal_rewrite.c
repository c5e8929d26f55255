/* SPDX-License-Identifier: Apache-2.0 */
/* See journal_rewrite.h. */
#include "ctl/journal_rewrite.h"

#include "base/write_all.h"
#include "journal/pack.h"
#include "journal/reader.h"

#include <cmp-kit/memory.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct rewriting {
    const rewrite_wanted *wanted;
    int to; /* -1: records are only counted */
    uint8_t *block;
    block_head head;
    uint64_t records;
} rewriting;

static bool is_wanted(const rewrite_wanted *w, const journal_record *r)
{
    if ((r->pseudonyms & 1U << JOURNAL_USER) == 0) {
        return false;
    }
    for (size_t i = 0; i < w->count; i++) {
        if (w->at[i].key == r->key &&
            memcmp(w->at[i].pseudonym, r->personal[JOURNAL_USER], JOURNAL_PSEUDONYM_SIZE) == 0) {
            return true;
        }
    }
    return false;
}

/* ---- writing ---- */

static bool flush_block(rewriting *w)
{
    if (w->head.count == 0) {
        return true;
    }
    block_seal(&w->head, w->block + BLOCK_HEAD_SIZE, w->block);
    const bool good = write_all(w->to, w->block, BLOCK_HEAD_SIZE + w->head.size);
    w->head.count = w->head.size = 0;
    return good;
}

/* No record grows, so a block fits where the old one did. */
static void add_record(rewriting *w, const journal_record *r, const uint8_t *octets, bool wanted)
{
    uint8_t *to = w->block + BLOCK_HEAD_SIZE + w->head.size;
    size_t size = journal_record_size(octets);
    if (wanted) {
        journal_record without = *r;
        without.pseudonyms = 0;
        size = journal_record_write(&without, to);
    } else {
        memcpy(to, octets, size);
    }
    w->head.size += (uint32_t)size;
    w->head.count++;
}

static bool rewrite_records(rewriting *w, journal_input *in)
{
    const block_head *block;
    bool good = true;
    for (const journal_record *r; good && (r = journal_input_next(in, &block)) != NULL;) {
        const bool wanted = is_wanted(w->wanted, r);
        w->records += wanted;
        if (w->to < 0) {
            continue;
        }
        if (journal_input_block_begins(in)) {
            good = flush_block(w);
            w->head = *block;
            w->head.count = w->head.size = 0;
        }
        add_record(w, r, journal_input_octets(in), wanted);
    }
    return good && (w->to < 0 || flush_block(w));
}

static bool write_head(int to, journal_input *in)
{
    uint8_t octets[SEGMENT_HEAD_SIZE];
    const segment_head *head = journal_input_head(in);
    if (head == NULL) {
        errno = EINVAL;
        return false;
    }
    segment_head_write(head, octets);
    return write_all(to, octets, sizeof(octets));
}

/* One pass; `to` as in rewriting. */
static bool pass(int folder, const char *name, const rewrite_wanted *wanted, int to,
                 rewrite_result *result)
{
    journal_state state = {.records = 0};
    segment_source *source = segment_source_open(folder, name);
    if (source == NULL) {
        return false;
    }
    journal_input *in = journal_input_create(segment_source_read, source, &state);
    rewriting w = {.wanted = wanted, .to = to, .block = kit_alloc(BLOCK_HEAD_SIZE + BLOCK_MAX)};
    const bool good = (to < 0 || write_head(to, in)) && rewrite_records(&w, in);
    const int error = errno;
    journal_input_destroy(&in);
    segment_source_close(&source);
    free(w.block);
    result->records = w.records;
    result->damaged = state.damaged;
    errno = error;
    return good;
}

/* ---- in the place of the old one ---- */

static bool is_packed(const char *name)
{
    const size_t size = strlen(name);
    return size > 4 && strcmp(name + size - 4, ".zst") == 0;
}

static bool keep_time(int old, int to)
{
    struct stat status;
    if (fstat(old, &status) != 0) {
        return false;
    }
    const struct timespec times[2] = {status.st_atim, status.st_mtim};
    return futimens(to, times) == 0;
}

static bool replace(int folder, const char *name, int old, const rewrite_wanted *wanted,
                    rewrite_result *result)
{
    char part[SEGMENT_NAME_SIZE + 8];
    snprintf(part, sizeof(part), "%s" FOLDER_NEW, name);
    const int to = folder_make(folder, part, old);
    if (to < 0) {
        return false;
    }
    bool good = pass(folder, name, wanted, to, result) && keep_time(old, to);
    if (good && is_packed(name)) {
        good = pack_into(to, folder, name);
    } else if (good) {
        good = fsync(to) == 0 && renameat(folder, part, folder, name) == 0 && fsync(folder) == 0;
    }
    const int error = errno;
    close(to);
    unlinkat(folder, part, 0);
    errno = error;
    return good;
}

bool rewrite_segment(int folder, const char *name, const rewrite_wanted *wanted, bool dry_run,
                     rewrite_result *result)
{
    if (!pass(folder, name, wanted, -1, result)) {
        return false;
    }
    if (result->records == 0 || dry_run) {
        return true;
    }
    const int old = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    const bool good = old >= 0 && replace(folder, name, old, wanted, result);
    const int error = errno;
    if (old >= 0) {
        close(old);
    }
    errno = error;
    return good;
}
