/* SPDX-License-Identifier: Apache-2.0 */
/* The segments of a folder, one after the other, and whether what they say follows on each other.
 */
#include "journal/reader.h"

#include <cmp-kit/memory.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* A record is written when it has ended, and has its time from when it began: no request takes
 * longer (resolve.deadline), and clocks that step are forgiven some of it. */
#define WRITTEN_LATE_MS ((int64_t)15 * 60 * 1000)

/* Of a file's time and of records': they are read from clocks of different grains. */
#define TIMES_APART_MS 1000

/* Where a worker of a run goes on. */
typedef struct thread_place {
    uint8_t run[SEGMENT_RUN_SIZE];
    uint32_t worker;
    uint64_t next;
} thread_place;

struct journal_reader {
    int folder;
    journal_stream stream;
    journal_span span;
    journal_state state;
    segment_files files;
    size_t at; /* of the files: the next to open */
    uint64_t done;
    segment_source *source;
    journal_input *in;
    thread_place *places;
    size_t place_count;
    thread_place *place; /* of the block that is read */
};

journal_reader *journal_reader_open(const char *path, journal_stream stream, journal_span span)
{
    const int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) {
        return NULL;
    }
    journal_reader *r = kit_calloc(1, sizeof(*r));
    r->folder = folder;
    r->stream = stream;
    r->span = span;
    if (!segment_files_list(folder, stream, &r->files)) {
        const int error = errno;
        journal_reader_close(&r);
        errno = error;
    }
    return r;
}

static void close_segment(journal_reader *r)
{
    journal_input_destroy(&r->in);
    segment_source_close(&r->source);
}

static void end_segment(journal_reader *r)
{
    if (r->in != NULL) {
        r->state.strange += journal_input_head(r->in) == NULL;
        close_segment(r);
    }
}

void journal_reader_end(journal_reader *r)
{
    end_segment(r);
}

void journal_reader_close(journal_reader **ref)
{
    journal_reader *r = *ref;
    if (r == NULL) {
        return;
    }
    close_segment(r);
    segment_files_free(&r->files);
    close(r->folder);
    free(r->places);
    free(r);
    *ref = NULL;
}

const journal_state *journal_reader_state(const journal_reader *r)
{
    return &r->state;
}

void journal_reader_progress(const journal_reader *r, uint64_t *done, uint64_t *all)
{
    *done = r->done;
    *all = 0;
    for (size_t i = 0; i < r->files.count; i++) {
        *all += r->files.at[i].size;
    }
}

/* ---- which files ---- */

/* When it was begun; INT64_MIN when that cannot be said. */
static int64_t created_ms(int folder, const char *name)
{
    uint8_t octets[SEGMENT_HEAD_SIZE];
    segment_head head;
    segment_source *s = segment_source_open(folder, name);
    const bool good = s != NULL &&
                      segment_source_read(s, octets, sizeof(octets)) == (ptrdiff_t)sizeof(octets) &&
                      segment_head_read(octets, &head);
    segment_source_close(&s);
    return good ? head.created_us / 1000 : INT64_MIN;
}

/* What it holds was written before it was last changed; who compresses it or erases from it keeps
 * that time. That the next one was begun says nothing: two processes may write, as at a restart.
 * More may come to the last one. */
static bool ended_before_span(const journal_reader *r, size_t file)
{
    return r->span.from_ms > INT64_MIN + TIMES_APART_MS && file + 1 < r->files.count &&
           r->files.at[file].modified_ms < r->span.from_ms - TIMES_APART_MS;
}

static bool begins_behind_span(const journal_reader *r, size_t file)
{
    return r->span.until_ms < INT64_MAX - WRITTEN_LATE_MS &&
           created_ms(r->folder, r->files.at[file].name) > r->span.until_ms + WRITTEN_LATE_MS;
}

/* One may have been compressed since the list was made, or removed. */
static segment_source *open_file(const journal_reader *r, const segment_file *f)
{
    segment_source *s = segment_source_open(r->folder, f->name);
    if (s == NULL && !f->compressed) {
        char name[SEGMENT_NAME_SIZE + 4];
        snprintf(name, sizeof(name), "%s.zst", f->name);
        s = segment_source_open(r->folder, name);
    }
    return s;
}

static bool open_next(journal_reader *r)
{
    while (r->at < r->files.count) {
        const segment_file *f = &r->files.at[r->at++];
        if (ended_before_span(r, r->at - 1)) {
            r->done += f->size;
            continue;
        }
        if (begins_behind_span(r, r->at - 1)) {
            r->at = r->files.count;
            return false;
        }
        r->source = open_file(r, f);
        if (r->source != NULL) {
            r->in = journal_input_create(segment_source_read, r->source, &r->state);
            return true;
        }
    }
    return false;
}

/* Files that came after the list was made: the one that is read is then the last no more. */
static bool list_again(journal_reader *r)
{
    segment_files now;
    if (r->files.count == 0 || !segment_files_list(r->folder, r->stream, &now)) {
        return r->files.count == 0 && segment_files_list(r->folder, r->stream, &r->files) &&
               r->files.count > 0;
    }
    const uint64_t last = r->files.at[r->files.count - 1].number;
    size_t first = 0;
    while (first < now.count && now.at[first].number <= last) {
        first++;
    }
    if (first == now.count) {
        segment_files_free(&now);
        return false;
    }
    segment_files_free(&r->files);
    r->files = now;
    r->at = first;
    return true;
}

/* ---- what follows on what ---- */

static thread_place *find_place(journal_reader *r, const uint8_t *run, uint32_t worker, bool *known)
{
    for (size_t i = r->place_count; i-- > 0;) {
        thread_place *p = &r->places[i];
        if (p->worker == worker && memcmp(p->run, run, SEGMENT_RUN_SIZE) == 0) {
            *known = true;
            return p;
        }
    }
    r->places = kit_realloc(r->places, (r->place_count + 1) * sizeof(*r->places));
    thread_place *p = &r->places[r->place_count++];
    *p = (thread_place){.worker = worker};
    memcpy(p->run, run, SEGMENT_RUN_SIZE);
    *known = false;
    return p;
}

/* Where the journal begins what came before was removed in its time, and is not missed. */
static void follow(journal_reader *r, const journal_record *record, const block_head *block)
{
    if (journal_input_block_begins(r->in)) {
        bool known;
        r->place = find_place(r, journal_input_head(r->in)->run, block->worker, &known);
        if (known && block->sequence > r->place->next) {
            r->state.missing += block->sequence - r->place->next;
        } else if (known && block->sequence < r->place->next) {
            const uint64_t again = r->place->next - block->sequence;
            r->state.twice += again < block->count ? again : block->count;
        }
        r->place->next = block->sequence;
    }
    r->state.lost += record->lost;
    r->place->next += (uint64_t)record->lost + 1;
}

static bool in_span(const journal_reader *r, const journal_record *record)
{
    const int64_t when_ms = record->when_us / 1000;
    return when_ms >= r->span.from_ms && when_ms <= r->span.until_ms;
}

const journal_record *journal_reader_next(journal_reader *r)
{
    for (;;) {
        const block_head *block;
        const journal_record *record = r->in != NULL ? journal_input_next(r->in, &block) : NULL;
        if (record != NULL) {
            follow(r, record, block);
            if (in_span(r, record)) {
                return record;
            }
            continue;
        }
        /* The last file stays open: more may come. One more look at it when there is a next one,
         * since it may have grown in between. */
        if (r->at >= r->files.count && !list_again(r)) {
            return NULL;
        }
        if (r->in != NULL && (record = journal_input_next(r->in, &block)) != NULL) {
            follow(r, record, block);
            if (in_span(r, record)) {
                return record;
            }
            continue;
        }
        if (r->in != NULL) {
            r->done += r->files.at[r->at > 0 ? r->at - 1 : 0].size;
        }
        end_segment(r);
        if (!open_next(r) && r->at >= r->files.count) {
            return NULL;
        }
    }
}
