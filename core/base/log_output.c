/* SPDX-License-Identifier: Apache-2.0 */
/* See log_output.h. */
#include "base/log_output.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define OTHERS_MS 1000 /* they may stand still, be those who have crashed, or want a processor */

typedef enum output_kind {
    OUTPUT_FILE,   /* or a terminal: writing waits for nobody */
    OUTPUT_PIPE,   /* shared with others, so it cannot be made to fail instead of waiting */
    OUTPUT_SOCKET, /* systemd's journal */
} output_kind;

static int output = STDERR_FILENO;
static output_kind kind = OUTPUT_FILE;
static int own_pipe = -1; /* the same pipe, opened again: it fails instead of waiting */

static _Atomic unsigned writing; /* threads that are at it */
static _Atomic pid_t only;       /* the thread that still may; 0: all */

static _Atomic uint64_t lost;
static _Atomic int last_error; /* 0: the last line was written */
static _Atomic int why;        /* the last error that there was */
static _Atomic bool cut;       /* the last line ended in its middle: the disk is full */

/* O_NONBLOCK belongs to what was opened, not to the descriptor: set on a pipe that was handed to
 * us, it would hold for the shell and for everybody else who writes there. So the pipe is opened
 * once more. That fails when it belongs to another user, as after root was given up. */
void log_output_set(int fd)
{
    struct stat is = {0};
    fstat(fd, &is);
    kind = S_ISSOCK(is.st_mode) ? OUTPUT_SOCKET : S_ISFIFO(is.st_mode) ? OUTPUT_PIPE : OUTPUT_FILE;
    output = fd;
    if (own_pipe >= 0) {
        close(own_pipe);
        own_pipe = -1;
    }
    if (kind == OUTPUT_PIPE) {
        char path[64];
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        own_pipe = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    }
}

int log_output_fd(void)
{
    return output;
}

/* Several threads may find room for one line each where there is room for one only, and then one of
 * them waits. It is the best that can be done with a pipe that may not be opened again. */
static bool pipe_has_room(void)
{
    struct pollfd at = {.fd = output, .events = POLLOUT};
    return poll(&at, 1, 0) == 1;
}

static ssize_t put(const char *at, size_t size)
{
    switch (kind) {
    case OUTPUT_SOCKET:
        return send(output, at, size, MSG_DONTWAIT | MSG_NOSIGNAL);
    case OUTPUT_PIPE:
        if (own_pipe >= 0) {
            return write(own_pipe, at, size);
        }
        if (!pipe_has_room()) {
            errno = EAGAIN;
            return -1;
        }
        break;
    case OUTPUT_FILE:
        break;
    }
    return write(output, at, size);
}

static size_t put_all(const char *at, size_t size)
{
    size_t done = 0;
    while (done < size) {
        const ssize_t now = put(at + done, size - done);
        if (now < 0 && errno == EINTR) {
            continue;
        }
        if (now <= 0) {
            break;
        }
        done += (size_t)now;
    }
    return done;
}

/* A full disk takes a part of a line, and so may a stream socket. The next line must not become its
 * tail, which a reader of JSON would lose together with it. */
static void write_line(const char *line, size_t size)
{
    if (atomic_load_explicit(&cut, memory_order_relaxed) && put_all("\n", 1) == 1) {
        atomic_store_explicit(&cut, false, memory_order_relaxed);
    }
    const size_t done = put_all(line, size);
    if (done == size) {
        atomic_store_explicit(&last_error, 0, memory_order_relaxed);
        return;
    }
    atomic_store_explicit(&last_error, errno, memory_order_relaxed);
    atomic_store_explicit(&why, errno, memory_order_relaxed);
    atomic_fetch_add_explicit(&lost, 1, memory_order_relaxed);
    if (done > 0) {
        atomic_store_explicit(&cut, true, memory_order_relaxed);
    }
}

static bool may_write(void)
{
    const pid_t who = atomic_load(&only);
    return who == 0 || who == gettid();
}

/* Who has seen that all may write is counted before, so that he can be waited for; who sees at once
 * that it is over must not be. */
void log_output_write(const char *line, size_t size)
{
    if (!may_write()) {
        return;
    }
    atomic_fetch_add(&writing, 1);
    if (may_write()) {
        write_line(line, size);
    }
    atomic_fetch_sub(&writing, 1);
}

void log_output_keep_to_this_thread(void)
{
    atomic_store(&only, gettid());
    for (int ms = 0; ms < OTHERS_MS && atomic_load(&writing) > 0; ms++) {
        poll(NULL, 0, 1);
    }
}

uint64_t log_output_lost(void)
{
    return atomic_load_explicit(&lost, memory_order_relaxed);
}

int log_output_error(void)
{
    return atomic_load_explicit(&why, memory_order_relaxed);
}

bool log_output_works(void)
{
    return atomic_load_explicit(&last_error, memory_order_relaxed) == 0;
}
