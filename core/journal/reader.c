/* SPDX-License-Identifier: Apache-2.0 */
/* The segments of a folder, one after the other, and whether what they say follows on each other.
 * One that is written to stays open when the next is read: two processes may write, as at a
 * restart, and either of them may begin more. */
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

/* A segment to whose end we have not come. */
typedef struct open_segment {
    segment_file file;
    segment_source *source;
    journal_input *in;
    bool ended; /* nobody writes to it any more: what is there now is all */
} open_segment;

struct journal_reader {
    int folder;
    journal_stream stream;
    journal_span span;
    journal_state state;
    segment_files files;
    segment_files before; /* the list before: of what is in it nothing is to be opened again */
    size_t at;            /* of the files: the next to open */
    uint64_t done;
    open_segment *open; /* in the order in which they were begun */
    size_t open_count, open_at;
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

static void close_segment(journal_reader *r, size_t at)
{
    open_segment *s = &r->open[at];
    journal_input_destroy(&s->in);
    segment_source_close(&s->source);
    r->open_count--;
    memmove(s, s + 1, (r->open_count - at) * sizeof(*s));
}

static void end_segment(journal_reader *r, size_t at)
{
    journal_input *in = r->open[at].in;
    r->state.strange += journal_input_head(in) == NULL && !journal_input_is_empty(in);
    r->done += r->open[at].file.size;
    close_segment(r, at);
}

void journal_reader_end(journal_reader *r)
{
    while (r->open_count > 0) {
        end_segment(r, 0);
    }
}

void journal_reader_close(journal_reader **ref)
{
    journal_reader *r = *ref;
    if (r == NULL) {
        return;
    }
    while (r->open_count > 0) {
        close_segment(r, 0);
    }
    free(r->open);
    segment_files_free(&r->files);
    segment_files_free(&r->before);
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

/* False when that cannot be said. */
static bool read_created(int folder, const char *name, int64_t *ms)
{
    uint8_t octets[SEGMENT_HEAD_SIZE];
    segment_head head;
    segment_source *s = segment_source_open(folder, name);
    const bool good = s != NULL &&
                      segment_source_read(s, octets, sizeof(octets)) == (ptrdiff_t)sizeof(octets) &&
                      segment_head_read(octets, &head);
    segment_source_close(&s);
    *ms = good ? head.created_us / 1000 : 0;
    return good;
}

/* What it holds was written between the time in its head and when it was last changed; who
 * compresses it or erases from it keeps that time. That the next one was begun says nothing, while
 * somebody writes to this one. When it was changed before it was begun the clock was set back
 * meanwhile, and what it holds may be of any time. */
static bool lies_outside(const journal_reader *r, const segment_file *f)
{
    const bool ended_before = r->span.from_ms > INT64_MIN + TIMES_APART_MS &&
                              f->modified_ms < r->span.from_ms - TIMES_APART_MS;
    int64_t created_ms;
    if ((!ended_before && r->span.until_ms >= INT64_MAX - WRITTEN_LATE_MS) ||
        !read_created(r->folder, f->name, &created_ms) ||
        f->modified_ms < created_ms - TIMES_APART_MS) {
        return false;
    }
    return ended_before ? !segment_is_open(r->folder, f)
                        : created_ms > r->span.until_ms + WRITTEN_LATE_MS;
}

/* One may have been compressed since the list was made, or removed. */
static segment_source *open_source(const journal_reader *r, const segment_file *f)
{
    segment_source *s = segment_source_open(r->folder, f->name);
    if (s == NULL && !f->compressed) {
        char name[SEGMENT_NAME_SIZE + 4];
        snprintf(name, sizeof(name), "%s.zst", f->name);
        s = segment_source_open(r->folder, name);
    }
    return s;
}

static bool open_file(journal_reader *r, const segment_file *f)
{
    segment_source *source = open_source(r, f);
    if (source == NULL) {
        return false;
    }
    r->open = kit_realloc(r->open, (r->open_count + 1) * sizeof(*r->open));
    r->open[r->open_count++] =
        (open_segment){.file = *f,
                       .source = source,
                       .in = journal_input_create(segment_source_read, source, &r->state)};
    return true;
}

static int compare_numbers(const void *a, const void *b)
{
    const segment_file *x = a, *y = b;
    return x->number < y->number ? -1 : x->number > y->number;
}

static segment_file *find_file(const segment_files *files, uint64_t number)
{
    const segment_file wanted = {.number = number};
    return files->count > 0
               ? bsearch(&wanted, files->at, files->count, sizeof(wanted), compare_numbers)
               : NULL;
}

/* False when none of the list is left. */
static bool open_next(journal_reader *r)
{
    while (r->at < r->files.count) {
        const segment_file *f = &r->files.at[r->at++];
        if (find_file(&r->before, f->number) != NULL) {
            continue;
        }
        if (lies_outside(r, f)) {
            r->done += f->size;
        } else if (open_file(r, f)) {
            return true;
        }
    }
    return false;
}

/* New ones are not always the last: who could not write to a file gives up its number, and may take
 * it when another process has the next. */
static bool list_again(journal_reader *r)
{
    segment_files now;
    if (!segment_files_list(r->folder, r->stream, &now)) {
        return false;
    }
    segment_files_free(&r->before);
    r->before = r->files;
    r->files = now;
    r->at = 0;
    return true;
}

/* A file that was taken away before it held anything: there may be another of its number. */
static void forget(journal_reader *r, size_t at)
{
    segment_file *f = find_file(&r->files, r->open[at].file.number);
    if (f != NULL) {
        const size_t place = (size_t)(f - r->files.at);
        r->files.count--;
        memmove(f, f + 1, (r->files.count - place) * sizeof(*f));
        r->at -= r->at > place;
    }
    close_segment(r, at);
}

/* There is nothing more in it for now. One without a head is not known to have ended: it is locked
 * when it has been made, and written to when it is locked. */
static void pass(journal_reader *r)
{
    open_segment *s = &r->open[r->open_at];
    const bool begun = journal_input_begun(s->in);
    if (s->ended) {
        end_segment(r, r->open_at);
    } else if (begun && !segment_source_is_written(s->source)) {
        s->ended = true; /* after one more look: it may have grown in between */
    } else if (!begun && !segment_source_has_name(s->source)) {
        forget(r, r->open_at);
    } else {
        r->open_at++;
    }
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
static void follow(journal_reader *r, journal_input *in, const journal_record *record,
                   const block_head *block)
{
    if (journal_input_block_begins(in)) {
        bool known;
        r->place = find_place(r, journal_input_head(in)->run, block->worker, &known);
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
        while (r->open_at < r->open_count) {
            journal_input *in = r->open[r->open_at].in;
            const block_head *block;
            const journal_record *record = journal_input_next(in, &block);
            if (record == NULL) {
                pass(r);
                continue;
            }
            follow(r, in, record, block);
            if (in_span(r, record)) {
                return record;
            }
        }
        if (!open_next(r) && !(list_again(r) && open_next(r))) {
            r->open_at = 0;
            return NULL;
        }
    }
}
