/* SPDX-License-Identifier: Apache-2.0 */
/* One bad file is to be one line, whatever it does. */
#include "plugin/probe.h"

#include "base/clock.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

/* Far longer than a library takes to load from a slow disk, and short enough for a start to end. */
#define TIME_LIMIT_MS 10000

enum { SAYS_BAD = 'b', SAYS_GOOD = 'g' };

/* By _exit: what the program has registered for its end is the parent's to run. */
static void be_the_child(bool (*run)(void *arg), void *arg, const char *message, int to)
{
    /* A crash is what the parent is told; nobody wants a core or a second report of it. */
    static const int deadly[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
    for (size_t i = 0; i < sizeof(deadly) / sizeof(deadly[0]); i++) {
        signal(deadly[i], SIG_DFL);
    }
    const char verdict = run(arg) ? SAYS_GOOD : SAYS_BAD;
    const bool told = write(to, &verdict, 1) == 1 &&
                      (verdict == SAYS_GOOD || write(to, message, strlen(message) + 1) > 0);
    _exit(told ? 0 : 1);
}

/* Reads until the child closes its end. False when the time is over. The end of the pipe is the end
 * of the child, however it came about; a verdict that was written before a crash is read all the
 * same. */
static bool read_all(int from, char *text, size_t room, size_t *size)
{
    const uint64_t until_ms = clock_monotonic_ms() + TIME_LIMIT_MS;
    for (*size = 0;;) {
        struct pollfd waiting = {.fd = from, .events = POLLIN};
        const int64_t left_ms = (int64_t)(until_ms - clock_monotonic_ms());
        const int ready = left_ms > 0 ? poll(&waiting, 1, (int)left_ms) : 0;
        if (ready < 0 && errno == EINTR) {
            continue;
        }
        if (ready <= 0) {
            return false;
        }
        const ssize_t got = read(from, text + *size, room - *size);
        if (got <= 0) {
            return true;
        }
        *size += (size_t)got;
    }
}

static probe_result judge(const char *text, size_t size, bool in_time, int status, char *message,
                          size_t message_size, char *why, size_t why_size)
{
    if (!in_time) {
        snprintf(why, why_size, "took longer than %d s", TIME_LIMIT_MS / 1000);
        return PROBE_DIED;
    }
    if (size > 0 && text[0] == SAYS_GOOD) {
        return PROBE_GOOD;
    }
    if (size > 0 && text[0] == SAYS_BAD) {
        snprintf(message, message_size, "%.*s", (int)(size - 1), text + 1);
        return PROBE_BAD;
    }
    if (WIFSIGNALED(status)) {
        snprintf(why, why_size, "ends the process: %s", strsignal(WTERMSIG(status)));
    } else {
        snprintf(why, why_size, "ends the process, with exit status %d", WEXITSTATUS(status));
    }
    return PROBE_DIED;
}

/* Meant for a process of one thread: the child of one with more may inherit locks whose holders it
 * lacks. */
probe_result probe_run(bool (*run)(void *arg), void *arg, char *message, size_t message_size,
                       char *why, size_t why_size)
{
    int ends[2];
    char text[2048];
    size_t size = 0;
    if (pipe(ends) != 0) {
        snprintf(why, why_size, "cannot be tried: %s", strerror(errno));
        return PROBE_DIED;
    }
    fflush(NULL); /* or the child would write it again */
    message[0] = '\0';
    const pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        be_the_child(run, arg, message, ends[1]);
    }
    close(ends[1]);
    int status = 0;
    bool in_time = true;
    if (child > 0) {
        in_time = read_all(ends[0], text, sizeof(text) - 1, &size);
        if (!in_time) {
            kill(child, SIGKILL);
        }
        while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
        }
    }
    close(ends[0]);
    if (child < 0) {
        snprintf(why, why_size, "cannot be tried: %s", strerror(errno));
        return PROBE_DIED;
    }
    return judge(text, size, in_time, status, message, message_size, why, why_size);
}
