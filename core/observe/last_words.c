/* SPDX-License-Identifier: Apache-2.0 */
/* See last_words.h. What is called from the handler is what POSIX allows there: the process may
 * have stopped inside malloc, or with any lock held. */
#include "observe/last_words.h"

#include "base/log.h"
#include "base/log_output.h"
#include "base/running.h"
#include "observe/stderr_guard.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

static const struct deadly {
    int number;
    const char *words;
} deadly[] = {
    {SIGSEGV, "signal SIGSEGV"}, {SIGBUS, "signal SIGBUS"},   {SIGILL, "signal SIGILL"},
    {SIGFPE, "signal SIGFPE"},   {SIGABRT, "signal SIGABRT"},
};

#define DEADLY (sizeof(deadly) / sizeof(deadly[0]))

static _Atomic pid_t speaker; /* the thread that has the word; 0: none, yet */
static _Atomic pid_t process; /* whose end is told of: no child's; 0: nobody's */

static char *put(char *at, const char *end, const char *words)
{
    while (*words != '\0' && at < end) {
        *at++ = *words++;
    }
    return at;
}

/* "signal SIGSEGV in lookup of codes (store_file), on worker 3: the process ends". What others
 * still have to say would come behind it. */
static void say(const char *what, const char *who)
{
    char line[512], where[RUNNING_TEXT_SIZE];
    const char *end = line + sizeof(line) - 1;
    const running_place *place = running_at(&running_here);
    char *at = put(line, end, what);
    at = put(at, end, place != NULL ? " in " : who);
    at = put(at, end, place != NULL ? running_text(place, where) : "");
    at = put(at, end, running_here.name != NULL ? ", on " : ", on a thread that is not ours");
    at = put(at, end, running_here.name != NULL ? running_here.name : "");
    at = put(at, end, ": the process ends");
    *at = '\0';
    log_output_keep_to_this_thread();
    log_last_words("process", line);
}

static const char *words_of(int number)
{
    for (size_t i = 0; i < DEADLY; i++) {
        if (deadly[i].number == number) {
            return deadly[i].words;
        }
    }
    return "a signal";
}

/* Who is hit first speaks; the others wait for the end. Whoever is hit while speaking ends it. */
static void on_deadly(int number, siginfo_t *info, void *context)
{
    (void)context;
    const pid_t self = gettid();
    pid_t nobody = 0;
    if (!atomic_compare_exchange_strong(&speaker, &nobody, self) && nobody != self) {
        for (;;) {
            pause();
        }
    }
    for (size_t i = 0; i < DEADLY; i++) {
        signal(deadly[i].number, SIG_DFL);
    }
    const bool from_outside = info->si_code == SI_USER && info->si_pid != getpid();
    if (nobody == 0 && getpid() == atomic_load(&process)) {
        stderr_guard_last(number == SIGABRT);
        /* What another process has sent may hit any thread, and is no fault of what that does. */
        const uintptr_t before = from_outside ? running_enter(NULL) : 0;
        say(words_of(number), from_outside ? " from another process" : " in no plugin");
        if (from_outside) {
            running_leave(before);
        }
    }
    /* A fault comes again by itself when the thread goes on, and the core shows where. */
    if (info->si_code <= 0) {
        raise(number);
    }
}

/* The other threads still run, and what they use must not be taken down beneath them. */
static void on_exit_called(void)
{
    if (getpid() == atomic_load(&process)) {
        stderr_guard_last(true); /* who calls exit has mostly said why */
        say("exit was called", " by something that is not cmpd");
        _exit(1);
    }
}

static void handle(int number)
{
    struct sigaction now;
    struct sigaction ours = {.sa_sigaction = on_deadly, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    if (sigaction(number, NULL, &now) == 0 && (now.sa_flags & SA_SIGINFO) == 0 &&
        now.sa_handler == SIG_DFL) {
        sigaction(number, &ours, NULL);
    }
}

void last_words_start(void)
{
    static bool registered;
    atomic_store(&process, getpid());
    if (!registered) {
        registered = true;
        atexit(on_exit_called);
    }
    for (size_t i = 0; i < DEADLY; i++) {
        handle(deadly[i].number);
    }
}

/* The handlers stay: what goes wrong from here on is told by its signal. */
void last_words_stop(void)
{
    atomic_store(&process, 0);
}
