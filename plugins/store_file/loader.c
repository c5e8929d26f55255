/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the codes file. It is cut at line ends into parts, and each part is read by a thread of its
 * own straight into the index's room; then the parts are moved together and the index is built.
 *
 * Packed, a line is always smaller than its JSON. So the room is as large as the file, and each
 * part packs to where it lies in the file: no part can grow into the next. */
#include "loader.h"

#include "lines.h"

#include <cmp-kit/arena.h>

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define PART_SIZE_MIN ((uint64_t)64 << 10) /* less is not worth a thread */
#define SCRATCH_SIZE  ((size_t)64 << 10)   /* for one line's record; larger ones take more */

/* ---- one part ---- */

typedef struct part {
    const cmp_host *host;
    int fd;
    uint64_t begin, end; /* in the file */
    uint8_t *room;       /* of the index, for the part */
    size_t used, count;
    size_t line; /* lines read; the last one is at fault when `error` is set */
    char error[512];
    pthread_t thread;
    bool threaded;
} part;

static bool take_line(part *p, kit_arena *memory, cmp_str line)
{
    cmp_str ici;
    cmp_record record;
    if (!p->host->record_parse(p->host, line.at, line.size, kit_arena_take, memory, &ici, &record,
                               p->error, sizeof(p->error))) {
        return false;
    }
    const size_t size = packed_size(ici, &record);
    assert(size <= line.size); /* or the next part would be written over */
    packed_write(ici, &record, p->room + p->used);
    p->used += size;
    p->count++;
    return true;
}

static void read_lines(part *p, lines *l, kit_arena *memory)
{
    cmp_str line;
    lines_result result;
    while ((result = lines_next(l, &line)) == LINES_LINE) {
        const bool good = line_blank(line) || take_line(p, memory, line);
        kit_arena_reset(memory);
        if (!good) {
            break;
        }
    }
    if (result == LINES_TOO_LONG) {
        snprintf(p->error, sizeof(p->error), "the line is longer than %zu octets", LINE_MAX_SIZE);
    } else if (result == LINES_FAILED) {
        snprintf(p->error, sizeof(p->error), "cannot read on: %s", strerror(errno));
    }
    p->line = l->number;
}

static void *part_read(void *arg)
{
    part *p = arg;
    lines l;
    kit_arena memory;
    void *first = kit_alloc(SCRATCH_SIZE);
    kit_arena_init(&memory, first, SCRATCH_SIZE);
    lines_init(&l, p->fd, p->begin, p->end);
    read_lines(p, &l, &memory);
    lines_dispose(&l);
    free(first);
    return NULL;
}

/* ---- all parts ---- */

typedef struct load {
    kit_file *file;
    const cmp_host *host;
    unsigned threads;
    code_index *index;
} load;

typedef struct parts {
    part at[LOAD_THREADS_MAX];
    unsigned count;
} parts;

static unsigned part_count(const load *l)
{
    const uint64_t worthwhile = l->file->mark.size / PART_SIZE_MIN + 1;
    return worthwhile < l->threads ? (unsigned)worthwhile : l->threads;
}

static bool parts_cut(parts *all, const load *l)
{
    const uint64_t size = l->file->mark.size;
    all->count = part_count(l);
    for (unsigned i = 0; i < all->count; i++) {
        part *p = &all->at[i];
        *p = (part){.host = l->host, .fd = l->file->fd, .end = size};
        if (!line_begin(p->fd, size / all->count * i, size, &p->begin)) {
            return false;
        }
        p->room = index_room(l->index) + p->begin;
        if (i > 0) {
            all->at[i - 1].end = p->begin;
        }
    }
    return true;
}

/* For top -H: else it would have the name of the thread that made it. */
static void *part_main(void *arg)
{
    pthread_setname_np(pthread_self(), "store_file/load");
    return part_read(arg);
}

/* The first part is for this thread, and so is every part that gets no thread of its own. */
static void parts_read(parts *all)
{
    for (unsigned i = 1; i < all->count; i++) {
        part *p = &all->at[i];
        p->threaded = pthread_create(&p->thread, NULL, part_main, p) == 0;
    }
    for (unsigned i = 0; i < all->count; i++) {
        if (!all->at[i].threaded) {
            part_read(&all->at[i]);
        }
    }
    for (unsigned i = 1; i < all->count; i++) {
        if (all->at[i].threaded) {
            pthread_join(all->at[i].thread, NULL);
        }
    }
}

/* Only whole parts lie before the first error, so their lines add up to its number. */
static bool parts_good(const parts *all, kit_file *f)
{
    size_t line = 0;
    for (unsigned i = 0; i < all->count; i++) {
        const part *p = &all->at[i];
        line += p->line;
        if (p->error[0] != '\0') {
            return kit_file_fail(f, line, "%s", p->error);
        }
    }
    return true;
}

/* In the order of the file: a part moves towards the beginning, over what has moved already. */
static void parts_join(const parts *all, code_index *index, size_t *count, size_t *used)
{
    *count = *used = 0;
    for (unsigned i = 0; i < all->count; i++) {
        memmove(index_room(index) + *used, all->at[i].room, all->at[i].used);
        *used += all->at[i].used;
        *count += all->at[i].count;
    }
}

/* ---- the whole ---- */

/* The line on which the record of that number (from 0) stands. The file is read once more for it:
 * nothing that is packed remembers its line, and it is for an error only. */
static size_t line_of_record(int fd, uint64_t size, size_t number)
{
    lines l;
    cmp_str line;
    size_t left = number + 1;
    lines_init(&l, fd, 0, size);
    while (left > 0 && lines_next(&l, &line) == LINES_LINE) {
        left -= !line_blank(line);
    }
    lines_dispose(&l);
    return l.number;
}

static bool build(const load *l, const parts *all)
{
    kit_file *f = l->file;
    size_t count, used;
    index_twins twins;
    parts_join(all, l->index, &count, &used);
    switch (index_build(l->index, count, used, &twins)) {
    case INDEX_BUILT:
        return true;
    case INDEX_DUPLICATE:
        return kit_file_fail(f, line_of_record(f->fd, f->mark.size, twins.second),
                             "ici: %.*s stands on line %zu already", (int)twins.ici.size,
                             twins.ici.at, line_of_record(f->fd, f->mark.size, twins.first));
    case INDEX_NO_MEMORY:
        break;
    }
    return kit_file_fail(f, 0, "not enough memory for its index");
}

static bool read_all(const load *l)
{
    parts *all = kit_alloc(sizeof(*all));
    bool good = false;
    if (!parts_cut(all, l)) {
        kit_file_fail(l->file, 0, "cannot be read: %s", strerror(errno));
    } else {
        parts_read(all);
        good = parts_good(all, l->file) && build(l, all);
    }
    free(all);
    return good;
}

code_index *load_codes(kit_file *f, const cmp_host *host, unsigned threads)
{
    uint64_t seed;
    host->random(host, &seed, sizeof(seed));
    load l = {f, host, threads, index_create(f->mark.size, seed)};
    if (l.index == NULL) {
        kit_file_fail(f, 0, "not enough memory for its codes");
    } else if (!read_all(&l)) {
        index_destroy(&l.index);
    }
    return l.index;
}
