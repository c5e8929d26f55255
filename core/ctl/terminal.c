/* SPDX-License-Identifier: Apache-2.0 */
/* See terminal.h. A handful of control sequences that every terminal of the last decades knows
 * (ECMA-48, and xterm's for its other screen). */
#include "ctl/terminal.h"

#include <cmp-kit/memory.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#define OTHER_SCREEN "\033[?1049h"
#define HIDE_CURSOR  "\033[?25l"
#define NO_WRAP      "\033[?7l" /* a line that is too long does not push the others down */
#define HOME         "\033[H"
#define WIPE_LINE    "\033[K" /* what is left of it */
#define WIPE_REST    "\033[J"
#define GIVE_BACK    "\033[m\033[?7h\033[?25h\033[?1049l"

static struct termios before;
static volatile sig_atomic_t ours, draw_again;

static const int deadly[] = {SIGINT,  SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGALRM, SIGSEGV,
                             SIGABRT, SIGBUS,  SIGFPE, SIGILL,  SIGSYS,  SIGXCPU};
enum { DEADLY = sizeof(deadly) / sizeof(deadly[0]) };
static struct sigaction handled_before[DEADLY];

/* ---- taking it, and giving it back: in signal handlers, too ---- */

/* Nobody could be told of an error. */
static void say(const char *text, size_t size)
{
    while (size > 0) {
        const ssize_t done = write(STDOUT_FILENO, text, size);
        if (done < 0 && errno != EINTR && errno != EAGAIN) {
            return;
        }
        text += done > 0 ? done : 0;
        size -= done > 0 ? (size_t)done : 0;
    }
}

#define SAY(text) say(text, sizeof(text) - 1)

/* Signals of the keyboard stay. */
static void take(void)
{
    struct termios quiet = before;
    quiet.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    quiet.c_cc[VMIN] = 1;
    quiet.c_cc[VTIME] = 0;
    tcsetattr(STDIN_FILENO, TCSANOW, &quiet);
    SAY(OTHER_SCREEN HIDE_CURSOR NO_WRAP HOME WIPE_REST);
    ours = 1;
}

static void give_back(void)
{
    if (ours) {
        ours = 0;
        SAY(GIVE_BACK);
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
    }
}

/* ---- signals ---- */

/* What the signal meant before comes next. A fault comes again by itself when this returns. */
static void on_deadly(int number, siginfo_t *info, void *context)
{
    (void)context;
    const int error = errno;
    give_back();
    for (size_t i = 0; i < DEADLY; i++) {
        if (deadly[i] == number) {
            sigaction(number, &handled_before[i], NULL);
        }
    }
    if (info->si_code <= 0 || info->si_code == SI_KERNEL) {
        raise(number);
    }
    errno = error;
}

/* By Ctrl-Z. */
static void on_stop(int number)
{
    (void)number;
    const int error = errno;
    give_back();
    raise(SIGSTOP);
    errno = error;
}

/* However it was stopped: the shell has used the terminal meanwhile. */
static void on_go_on(int number)
{
    (void)number;
    const int error = errno;
    take();
    draw_again = 1;
    errno = error;
}

static void on_resize(int number)
{
    (void)number;
    draw_again = 1;
}

/* After these it is drawn again. They come in the wait alone, so that none is missed. */
static const int drawing[] = {SIGWINCH, SIGTSTP, SIGCONT};
enum { DRAWING = sizeof(drawing) / sizeof(drawing[0]) };

static void block_drawing(int how)
{
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < DRAWING; i++) {
        sigaddset(&set, drawing[i]);
    }
    sigprocmask(how, &set, NULL);
}

static void handle_signals(void)
{
    struct sigaction end = {.sa_sigaction = on_deadly, .sa_flags = SA_SIGINFO};
    sigfillset(&end.sa_mask);
    for (size_t i = 0; i < DEADLY; i++) {
        sigaction(deadly[i], &end, &handled_before[i]);
        if (handled_before[i].sa_handler == SIG_IGN) { /* by nohup, and so it stays */
            sigaction(deadly[i], &handled_before[i], NULL);
        }
    }
    static void (*const handlers[])(int) = {on_resize, on_stop, on_go_on};
    for (size_t i = 0; i < DRAWING; i++) {
        const struct sigaction draw = {.sa_handler = handlers[i]};
        sigaction(drawing[i], &draw, NULL);
    }
}

/* ---- its life ---- */

bool terminal_begin(void)
{
    if (isatty(STDOUT_FILENO) != 1 || tcgetattr(STDIN_FILENO, &before) != 0) {
        return false;
    }
    block_drawing(SIG_BLOCK);
    handle_signals();
    take();
    return true;
}

void terminal_end(void)
{
    give_back();
    for (size_t i = 0; i < DEADLY; i++) {
        sigaction(deadly[i], &handled_before[i], NULL);
    }
    for (size_t i = 0; i < DRAWING; i++) {
        signal(drawing[i], SIG_DFL);
    }
    block_drawing(SIG_UNBLOCK);
}

/* 24 lines of 80 where the terminal does not say. */
terminal_size terminal_size_now(void)
{
    struct winsize size;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0) {
        return (terminal_size){80, 24};
    }
    return (terminal_size){size.ws_col, size.ws_row};
}

static void append(char **to, const char *text, size_t size)
{
    memcpy(*to, text, size);
    *to += size;
}

void terminal_show(const sheet *s, unsigned rows)
{
    const size_t count = sheet_count(s) < rows ? sheet_count(s) : rows;
    size_t size = sizeof(HOME WIPE_REST);
    for (size_t i = 0; i < count; i++) {
        size += sheet_line(s, i).size + sizeof(WIPE_LINE "\r\n");
    }
    char *frame = kit_alloc(size), *to = frame;
    append(&to, HOME, sizeof(HOME) - 1);
    for (size_t i = 0; i < count; i++) {
        const cmp_str line = sheet_line(s, i);
        if (i > 0) {
            append(&to, "\r\n", 2);
        }
        append(&to, line.at, line.size);
        append(&to, WIPE_LINE, sizeof(WIPE_LINE) - 1);
    }
    append(&to, WIPE_REST, sizeof(WIPE_REST) - 1);
    say(frame, (size_t)(to - frame));
    free(frame);
}

terminal_event terminal_wait(int64_t ms, char *key)
{
    struct pollfd keys = {.fd = STDIN_FILENO, .events = POLLIN};
    const struct timespec limit = {ms / 1000, (long)(ms % 1000) * 1000000};
    sigset_t open;
    sigprocmask(SIG_BLOCK, NULL, &open);
    for (size_t i = 0; i < DRAWING; i++) {
        sigdelset(&open, drawing[i]);
    }
    const int found = ppoll(&keys, 1, &limit, &open);
    if (draw_again) {
        draw_again = 0;
        return TERMINAL_DRAW;
    }
    if (found <= 0) {
        return TERMINAL_TIME;
    }
    return read(STDIN_FILENO, key, 1) == 1 ? TERMINAL_KEY : TERMINAL_GONE;
}
