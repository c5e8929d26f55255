/* SPDX-License-Identifier: Apache-2.0 */
/* The thread that reads ahead, and the ring of batches between it and the one that writes. */
#include "ctl/codes_read.h"

#include "ctl/interrupt.h"
#include "ctl/output.h"
#include "mc/record.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Some thousand lines: what the lock between the threads costs is nothing for each of them. */
#define BATCH_SIZE ((size_t)256 << 10)
enum { BATCHES = 4, LOOK_EVERY_MS = 100 };

/* A place of the ring: some whole lines, and what became of them. */
typedef struct slot {
    codes_batch batch;
    char *text;
    size_t size, room;
    codes_line *lines;
    size_t line_room;
    kit_arena memory;
    void *first_memory;
} slot;

struct codes_reader {
    const char *name;
    int fd;
    int stop; /* an eventfd: the thread shall end, even when it waits for input */
    uint64_t size;
    pthread_t thread;
    bool threaded;

    pthread_mutex_t lock; /* for the four below */
    pthread_cond_t changed;
    size_t filled, taken; /* slots so far; the one that was taken last is still lent */
    bool ended;

    slot slots[BATCHES];

    /* The thread's, until it has ended. */
    char *rest; /* the beginning of a line whose end is still to be read */
    size_t rest_size;
    size_t line;
    uint64_t bytes;
    bool at_end;
    char failure[PATH_MAX + 128];
};

/* ---- the thread: reading ---- */

/* `line` 0: the whole file. */
static bool fail(codes_reader *r, size_t line, const char *what)
{
    if (line > 0) {
        snprintf(r->failure, sizeof(r->failure), "%s:%zu: %s", r->name, line, what);
    } else {
        snprintf(r->failure, sizeof(r->failure), "%s: %s", r->name, what);
    }
    return false;
}

/* False when the reader is being closed. Standard input may be a terminal or a pipe that never
 * ends; closing must not wait for it. */
static bool wait_for_input(const codes_reader *r)
{
    struct pollfd fds[] = {{.fd = r->stop, .events = POLLIN}, {.fd = r->fd, .events = POLLIN}};
    while (poll(fds, 2, -1) < 0 && errno == EINTR) {
    }
    return fds[0].revents == 0;
}

static bool read_more(codes_reader *r, slot *s)
{
    if (!wait_for_input(r)) {
        return false;
    }
    const ssize_t got = read(r->fd, s->text + s->size, s->room - s->size);
    if (got < 0) {
        return errno == EINTR || errno == EAGAIN || fail(r, 0, strerror(errno));
    }
    r->at_end = got == 0;
    s->size += (size_t)got;
    return true;
}

static void make_room(slot *s, size_t room)
{
    if (room > s->room) {
        s->room = room;
        s->text = kit_realloc(s->text, room);
    }
}

/* Takes the slot's text up to its last line end; what is behind it begins the next slot. */
static void cut(codes_reader *r, slot *s)
{
    const char *end = memrchr(s->text, '\n', s->size);
    const size_t whole = r->at_end ? s->size : (size_t)(end + 1 - s->text);
    r->rest_size = s->size - whole;
    r->rest = kit_realloc(r->rest, r->rest_size);
    memcpy(r->rest, s->text + whole, r->rest_size);
    s->size = whole;
    r->bytes += whole;
}

/* Fills the slot with whole lines, from what was left over and from the file. False at a failure.
 */
static bool fill(codes_reader *r, slot *s)
{
    make_room(s, r->rest_size + BATCH_SIZE);
    memcpy(s->text, r->rest, r->rest_size);
    s->size = r->rest_size;
    while (!r->at_end) {
        if (s->size == s->room && memrchr(s->text, '\n', s->size) != NULL) {
            break;
        }
        if (s->size == s->room && s->room >= CODES_LINE_MAX) {
            return fail(r, r->line + 1, "the line is longer than 16 MiB");
        }
        if (s->size == s->room) {
            make_room(s, 2 * s->room < CODES_LINE_MAX ? 2 * s->room : CODES_LINE_MAX);
        }
        if (!read_more(r, s)) {
            return false;
        }
    }
    cut(r, s);
    return true;
}

/* ---- the thread: parsing ---- */

static void *take_memory(void *arg, size_t size)
{
    return kit_arena_alloc(arg, size);
}

static bool is_blank(cmp_str line)
{
    for (size_t i = 0; i < line.size; i++) {
        if (line.at[i] != ' ' && line.at[i] != '\t' && line.at[i] != '\r') {
            return false;
        }
    }
    return true;
}

static codes_line *add_line(slot *s)
{
    if (s->batch.count == s->line_room) {
        s->line_room = s->line_room > 0 ? 2 * s->line_room : 1024;
        s->lines = kit_realloc(s->lines, s->line_room * sizeof(*s->lines));
    }
    return &s->lines[s->batch.count++];
}

static void parse_line(slot *s, size_t number, cmp_str text)
{
    char error[512];
    codes_line *line = add_line(s);
    *line = (codes_line){.number = number};
    if (!record_parse(text.at, text.size, take_memory, &s->memory, &line->ici, &line->record, error,
                      sizeof(error))) {
        line->error = kit_arena_text(&s->memory, cmp_str_from(error));
    }
}

/* The slot's memory is used again for each batch: what a record borrows is valid for as long as its
 * batch is lent. */
static void parse(codes_reader *r, slot *s)
{
    kit_arena_reset(&s->memory);
    s->batch = (codes_batch){.bytes = r->bytes};
    for (size_t at = 0; at < s->size;) {
        const char *end = memchr(s->text + at, '\n', s->size - at);
        const size_t size = end != NULL ? (size_t)(end - s->text) - at : s->size - at;
        const cmp_str line = {s->text + at, size};
        r->line++;
        if (!is_blank(line)) {
            parse_line(s, r->line, line);
        }
        at += size + 1;
    }
    s->batch.lines = s->lines;
}

/* ---- the ring ---- */

/* The slot to fill next; NULL when the reader is being closed. One place less than there are: the
 * batch that was taken last is still being read by the other side. */
static slot *slot_wait(codes_reader *r)
{
    slot *s = NULL;
    pthread_mutex_lock(&r->lock);
    while (!r->ended && r->filled - r->taken >= BATCHES - 1) {
        pthread_cond_wait(&r->changed, &r->lock);
    }
    if (!r->ended) {
        s = &r->slots[r->filled % BATCHES];
    }
    pthread_mutex_unlock(&r->lock);
    return s;
}

static void slot_done(codes_reader *r, bool last)
{
    pthread_mutex_lock(&r->lock);
    r->filled++;
    r->ended = r->ended || last;
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
}

/* Wakes both sides: the one that fills when it closes, and the one that takes when nothing comes
 * any more. */
static void end(codes_reader *r)
{
    pthread_mutex_lock(&r->lock);
    r->ended = true;
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
}

static void *read_ahead(void *arg)
{
    codes_reader *r = arg;
    for (slot *s; (s = slot_wait(r)) != NULL;) {
        if (!fill(r, s)) {
            end(r);
            break;
        }
        parse(r, s);
        slot_done(r, r->at_end);
    }
    return NULL;
}

/* ---- the other side ---- */

static bool start(codes_reader *r)
{
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old); /* signals are for the thread that writes */
    r->threaded = pthread_create(&r->thread, NULL, read_ahead, r) == 0;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return r->threaded;
}

codes_reader *codes_reader_open(const char *path)
{
    const bool is_stdin = strcmp(path, "-") == 0;
    const int fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    struct stat status = {.st_size = 0};
    if (fd < 0 || fstat(fd, &status) != 0 || S_ISDIR(status.st_mode)) {
        output_fail("%s: %s", path, strerror(S_ISDIR(status.st_mode) ? EISDIR : errno));
        if (fd >= 0 && !is_stdin) {
            close(fd);
        }
        return NULL;
    }
    codes_reader *r = kit_calloc(1, sizeof(*r));
    r->name = is_stdin ? "stdin" : path;
    r->fd = fd;
    r->stop = eventfd(0, EFD_CLOEXEC);
    r->size = S_ISREG(status.st_mode) ? (uint64_t)status.st_size : 0;
    r->rest = kit_alloc(1);
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->changed, NULL);
    for (size_t i = 0; i < BATCHES; i++) {
        slot *s = &r->slots[i];
        s->first_memory = kit_alloc(2 * BATCH_SIZE);
        kit_arena_init(&s->memory, s->first_memory, 2 * BATCH_SIZE);
    }
    if (r->stop < 0 || !start(r)) {
        output_fail("%s: no thread can be made to read it", r->name);
        codes_reader_close(&r);
    }
    return r;
}

const char *codes_reader_name(const codes_reader *r)
{
    return r->name;
}

uint64_t codes_reader_size(const codes_reader *r)
{
    return r->size;
}

/* Not for ever: a signal is caught by a handler, which can wake nobody who waits for a
 * condition. */
static void wait_a_little(codes_reader *r)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += LOOK_EVERY_MS * 1000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_cond_timedwait(&r->changed, &r->lock, &until);
}

const codes_batch *codes_reader_next(codes_reader *r)
{
    const codes_batch *batch = NULL;
    pthread_mutex_lock(&r->lock);
    while (r->taken == r->filled && !r->ended && !interrupt_came()) {
        wait_a_little(r);
    }
    if (r->taken < r->filled && !interrupt_came()) {
        batch = &r->slots[r->taken++ % BATCHES].batch;
        pthread_cond_broadcast(&r->changed);
    }
    pthread_mutex_unlock(&r->lock);
    return batch;
}

const char *codes_reader_failure(const codes_reader *r)
{
    return r->failure[0] != '\0' ? r->failure : NULL;
}

/* The descriptor first, for the thread may wait for input; then the flag, for it may wait for a
 * place. */
void codes_reader_close(codes_reader **ref)
{
    codes_reader *r = *ref;
    if (r == NULL) {
        return;
    }
    if (r->threaded) {
        const uint64_t one = 1;
        (void)!write(r->stop, &one, sizeof(one));
        end(r);
        pthread_join(r->thread, NULL);
    }
    for (size_t i = 0; i < BATCHES; i++) {
        slot *s = &r->slots[i];
        kit_arena_reset(&s->memory);
        free(s->first_memory);
        free(s->text);
        free(s->lines);
    }
    if (r->stop >= 0) {
        close(r->stop);
    }
    if (r->fd != STDIN_FILENO) {
        close(r->fd);
    }
    pthread_cond_destroy(&r->changed);
    pthread_mutex_destroy(&r->lock);
    free(r->rest);
    free(r);
    *ref = NULL;
}
