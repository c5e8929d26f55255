/* SPDX-License-Identifier: Apache-2.0 */
/* See stderr_guard.h. What a signal handler needs is in variables of the process. */
#include "observe/stderr_guard.h"

#include "base/log_limit.h"
#include "base/log_output.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

#define READ_SIZE  16384
#define LINE_SHOWN 512
#define CAUSE_SIZE 32
#define READER_MS  1000 /* a busy machine may leave it without a turn for some hundreds of ms */
#define TAIL_SIZE  2048 /* of what was read last: an abort's reason is its last line */

/* libh2o writes a line for each unknown HTTP/2 frame, and knows no limit: 61 MB in 3 s from one
 * connection. */
static log_limit foreign = {
    .level = CMP_LOG_WARNING,
    .area = "stderr",
    .what = "lines",
    .each = LOG_EACH_FEW,
    .all = LOG_ALL_TOGETHER,
};

static int real = -1;          /* the standard error that the process was given */
static int ends[2] = {-1, -1}; /* of the pipe: to read, to write */
static cmp_watch *watch;

static char octets[READ_SIZE]; /* what was read last */
static volatile sig_atomic_t size;
static size_t kept;           /* of it, the beginning of a line */
static _Atomic pid_t reading; /* the thread that reads the pipe and logs it; 0: none */

/* Lines that differ in a number only are of one kind. */
static void take_cause(cmp_str line, char cause[CAUSE_SIZE])
{
    size_t n = 0;
    while (n < line.size && n < CAUSE_SIZE - 1 && (line.at[n] < '0' || line.at[n] > '9')) {
        cause[n] = line.at[n];
        n++;
    }
    cause[n] = '\0';
}

static void log_line(cmp_str line)
{
    if (line.size == 0) {
        return;
    }
    char cause[CAUSE_SIZE];
    take_cause(line, cause);
    line.size = line.size < LINE_SHOWN ? line.size : LINE_SHOWN;
    const log_field text = {"text", line};
    log_limited(&foreign, CMP_NONE, cause, &text, 1, "a library says");
}

/* Logs the whole lines of `octets`, and keeps the rest for when its end comes. A line without an
 * end is cut when it fills half of the room, or no other would ever fit. */
static void log_lines(bool all)
{
    const char *at = octets, *const end = octets + size;
    for (const char *next; (next = memchr(at, '\n', (size_t)(end - at))) != NULL; at = next + 1) {
        log_line((cmp_str){at, (size_t)(next - at)});
    }
    kept = (size_t)(end - at);
    if (all || kept > READ_SIZE / 2) {
        log_line((cmp_str){at, kept});
        kept = 0;
    }
}

static bool read_more(void)
{
    memmove(octets, octets + size - kept, kept);
    size = (sig_atomic_t)kept;
    const ssize_t got = read(ends[0], octets + kept, sizeof(octets) - kept);
    size += got > 0 ? (sig_atomic_t)got : 0;
    return got > 0;
}

/* One read a turn: the descriptor stays readable while there is more, and other things on the
 * control thread get their turn. Who says the last words has taken the reading for good. */
static void on_octets(void *arg)
{
    (void)arg;
    pid_t nobody = 0;
    if (!atomic_compare_exchange_strong(&reading, &nobody, gettid())) {
        return;
    }
    if (read_more()) {
        log_lines(false);
    }
    atomic_store(&reading, 0);
}

static void put(const char *at, size_t count)
{
    const ssize_t written = write(real, at, count);
    (void)written;
}

/* What the control thread has read must be logged before the last words: nothing is behind them. It
 * may also stand still, or be the one that has crashed. */
static void take_the_reading(void)
{
    const pid_t self = gettid();
    pid_t who = 0;
    for (int ms = 0; !atomic_compare_exchange_strong(&reading, &who, self); ms++) {
        if (who == self || ms == READER_MS) {
            return;
        }
        who = 0;
        poll(NULL, 0, 1);
    }
}

/* What was read last, up to TAIL_SIZE of it; or the beginning of a line that waits for its end. A
 * control thread that was not waited for may be reading more into the same place: at worst a line
 * is torn. */
__attribute__((no_sanitize("thread"))) static size_t copy_tail(char tail[TAIL_SIZE], bool all)
{
    const size_t last = (size_t)size < sizeof(octets) ? (size_t)size : 0;
    const size_t wanted = all || kept > last ? last : kept;
    const size_t count = wanted < TAIL_SIZE ? wanted : TAIL_SIZE;
    const volatile char *from = octets + last - count;
    for (size_t i = 0; i < count; i++) {
        tail[i] = from[i];
    }
    return count;
}

/* The control thread may have read the reason of an abort and left it out, as one line too many: so
 * it is written here, be it for the second time. Nothing but what POSIX allows in a signal
 * handler. */
void stderr_guard_last(bool with_tail)
{
    if (watch == NULL) {
        return;
    }
    take_the_reading();
    char tail[TAIL_SIZE];
    const size_t size_of_tail = copy_tail(tail, with_tail);
    put(tail, size_of_tail);
    bool line_open = size_of_tail > 0 && tail[size_of_tail - 1] != '\n';
    char rest[1024];
    for (ssize_t got; (got = read(ends[0], rest, sizeof(rest))) > 0;) {
        put(rest, (size_t)got);
        line_open = rest[got - 1] != '\n';
    }
    if (line_open) {
        put("\n", 1); /* what comes next is a line of its own */
    }
    dup2(real, STDERR_FILENO);
}

/* There are none in other builds. */
extern void __sanitizer_set_report_fd(void *fd) __attribute__((weak, visibility("default")));

/* A sanitizer's report comes when the process is broken, and nobody empties the pipe any more. */
static void tell_of_real(int fd)
{
    if (__sanitizer_set_report_fd != NULL) {
        __sanitizer_set_report_fd((void *)(intptr_t)fd);
    }
}

static void pipe_close(void)
{
    close(ends[0]);
    close(ends[1]);
}

/* The pipe does not block at either end: when it is full, a library's line is lost, and no worker
 * waits. Descriptor 2 is replaced last, when there is somebody to read. */
bool stderr_guard_start(loop *control)
{
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) {
        return false;
    }
    real = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    watch = real >= 0 ? loop_watch_start(control, ends[0], on_octets, NULL) : NULL;
    if (watch == NULL) {
        pipe_close();
        return false;
    }
    size = 0;
    kept = 0;
    log_output_set(real);
    tell_of_real(real);
    dup2(ends[1], STDERR_FILENO);
    return true;
}

/* Descriptor 2 is given back first, so that nothing new comes into the pipe that is emptied
 * here. */
void stderr_guard_stop(void)
{
    if (watch == NULL) {
        return;
    }
    dup2(real, STDERR_FILENO);
    tell_of_real(STDERR_FILENO);
    while (read_more()) {
        log_lines(false);
    }
    log_lines(true);
    loop_watch_stop(watch);
    watch = NULL;
    pipe_close(); /* `real` stays the log's: threads may still hang and have something to say */
}
