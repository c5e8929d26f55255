/* Reads the codes file. It is cut at line ends into parts, and each part is read by a thread of its
 * own straight into the index's room; then the parts are moved together and the index is built.
 *
 * Packed, a line is always smaller than its JSON. So the room is as large as the file, and each
 * part packs to where it lies in the file: no part can grow into the next. */
#include "loader.h"

#include "lines.h"
#include "memory.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdalign.h>
#include <sys/stat.h>
#include <unistd.h>

#define PART_SIZE_MIN ((uint64_t)64 << 10)
#define SCRATCH_SIZE  ((size_t)64 << 10)

/* ---- memory of one line's record ---- */

typedef struct scratch_block {
    struct scratch_block *older;
    alignas(max_align_t) char memory[];
} scratch_block;

typedef struct scratch {
    alignas(max_align_t) char memory[SCRATCH_SIZE];
    size_t used;
    scratch_block *blocks; /* what did not fit */
} scratch;

static void *scratch_alloc(void *arg, size_t size)
{
    scratch *s = arg;
    const size_t unit = alignof(max_align_t);
    const size_t room = (size + unit - 1) & ~(unit - 1);
    if (room >= size && room <= SCRATCH_SIZE - s->used) {
        void *at = s->memory + s->used;
        s->used += room;
        return at;
    }
    scratch_block *block = memory_must(malloc(sizeof(*block) + size));
    block->older = s->blocks;
    s->blocks = block;
    return block->memory;
}

static void scratch_reset(scratch *s)
{
    while (s->blocks != NULL) {
        scratch_block *older = s->blocks->older;
        free(s->blocks);
        s->blocks = older;
    }
    s->used = 0;
}

/* ---- one part ---- */

typedef struct part {
    const load *load;
    int fd;
    uint64_t begin, end; /* in the file */
    uint8_t *room;       /* of the index, for the part */
    size_t used, count;
    size_t line; /* lines read; the last one is at fault when `error` is set */
    char error[512];
    pthread_t thread;
    bool threaded;
} part;

static bool take_line(part *p, scratch *s, cmp_str line)
{
    cmp_str ici;
    cmp_record record;
    const cmp_host *host = p->load->host;
    if (!host->record_parse(host, line.at, line.size, scratch_alloc, s, &ici, &record, p->error,
                            sizeof(p->error))) {
        return false;
    }
    const size_t size = packed_size(ici, &record);
    assert(size <= line.size);
    packed_write(ici, &record, p->room + p->used);
    p->used += size;
    p->count++;
    return true;
}

static void read_lines(part *p, lines *l, scratch *s)
{
    cmp_str line;
    lines_result result;
    while ((result = lines_next(l, &line)) == LINES_LINE) {
        const bool good = line_blank(line) || take_line(p, s, line);
        scratch_reset(s);
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
    scratch *s = memory_must(malloc(sizeof(*s)));
    s->used = 0;
    s->blocks = NULL;
    lines_init(&l, p->fd, p->begin, p->end);
    read_lines(p, &l, s);
    lines_dispose(&l);
    free(s);
    return NULL;
}

/* ---- all parts ---- */

typedef struct parts {
    part at[LOAD_THREADS_MAX];
    unsigned count;
} parts;

static unsigned part_count(const load *l)
{
    const uint64_t worthwhile = l->mark.size / PART_SIZE_MIN + 1;
    return worthwhile < l->threads ? (unsigned)worthwhile : l->threads;
}

static bool parts_cut(parts *all, load *l, int fd)
{
    const uint64_t size = l->mark.size;
    all->count = part_count(l);
    for (unsigned i = 0; i < all->count; i++) {
        part *p = &all->at[i];
        *p = (part){.load = l, .fd = fd, .end = size};
        if (!line_begin(fd, size / all->count * i, size, &p->begin)) {
            return false;
        }
        p->room = index_room(l->index) + p->begin;
        if (i > 0) {
            all->at[i - 1].end = p->begin;
        }
    }
    return true;
}

/* The first part is for this thread, and so is every part that gets no thread of its own. */
static void parts_read(parts *all)
{
    for (unsigned i = 1; i < all->count; i++) {
        part *p = &all->at[i];
        p->threaded = pthread_create(&p->thread, NULL, part_read, p) == 0;
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
static bool parts_good(const parts *all, load *l)
{
    size_t line = 0;
    for (unsigned i = 0; i < all->count; i++) {
        const part *p = &all->at[i];
        line += p->line;
        if (p->error[0] != '\0') {
            snprintf(l->error, sizeof(l->error), "%s:%zu: %s", l->path, line, p->error);
            return false;
        }
    }
    return true;
}

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

/* The line on which the record of that number (from 0) stands. */
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

static bool build(load *l, int fd, const parts *all)
{
    size_t count, used;
    index_twins twins;
    parts_join(all, l->index, &count, &used);
    switch (index_build(l->index, count, used, &twins)) {
    case INDEX_BUILT:
        return true;
    case INDEX_DUPLICATE:
        snprintf(l->error, sizeof(l->error), "%s:%zu: ici: %.*s stands on line %zu already",
                 l->path, line_of_record(fd, l->mark.size, twins.second), (int)twins.ici.size,
                 twins.ici.at, line_of_record(fd, l->mark.size, twins.first));
        return false;
    case INDEX_NO_MEMORY:
        break;
    }
    snprintf(l->error, sizeof(l->error), "%s: not enough memory for its index", l->path);
    return false;
}

static bool load_from(load *l, int fd)
{
    uint64_t seed;
    l->host->random(l->host, &seed, sizeof(seed));
    l->index = index_create(l->mark.size, seed);
    if (l->index == NULL) {
        snprintf(l->error, sizeof(l->error), "%s: not enough memory for its codes", l->path);
        return false;
    }
    parts *all = memory_must(malloc(sizeof(*all)));
    bool good = false;
    if (!parts_cut(all, l, fd)) {
        snprintf(l->error, sizeof(l->error), "%s: cannot be read: %s", l->path, strerror(errno));
    } else {
        parts_read(all);
        good = parts_good(all, l) && build(l, fd, all);
    }
    free(all);
    if (!good) {
        index_destroy(&l->index);
    }
    return good;
}

static file_mark mark_from(const struct stat *s)
{
    return (file_mark){.device = s->st_dev,
                       .inode = s->st_ino,
                       .size = (uint64_t)s->st_size,
                       .modified_s = s->st_mtim.tv_sec,
                       .modified_ns = s->st_mtim.tv_nsec};
}

bool file_mark_of(const char *path, file_mark *mark)
{
    struct stat s;
    *mark = (file_mark){0};
    if (stat(path, &s) != 0) {
        return false;
    }
    *mark = mark_from(&s);
    return true;
}

/* A descriptor of the file, its mark taken; or -1 with the error set. */
static int open_codes(load *l)
{
    struct stat s;
    const int fd = open(l->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* never wait for a pipe */
    if (fd < 0 || fstat(fd, &s) != 0) {
        snprintf(l->error, sizeof(l->error), "%s: cannot be opened: %s", l->path, strerror(errno));
    } else if (!S_ISREG(s.st_mode)) {
        snprintf(l->error, sizeof(l->error), "%s: is no regular file", l->path);
    } else {
        l->mark = mark_from(&s);
        l->opened = true;
        return fd;
    }
    if (fd >= 0) {
        close(fd);
    }
    return -1;
}

load_result load_codes(load *l)
{
    l->index = NULL;
    l->error[0] = '\0';
    l->mark = (file_mark){0};
    l->opened = false;
    const int fd = open_codes(l);
    if (fd < 0) {
        return LOAD_BAD;
    }
    load_result result = load_from(l, fd) ? LOAD_GOOD : LOAD_BAD;
    struct stat after;
    file_mark mark = l->mark;
    if (fstat(fd, &after) == 0) {
        mark = mark_from(&after);
    }
    if (!file_mark_equal(&mark, &l->mark)) { /* written in place: half of it may be old */
        index_destroy(&l->index);
        result = LOAD_CHANGED;
    }
    close(fd);
    return result;
}
