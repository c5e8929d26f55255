/* SPDX-License-Identifier: Apache-2.0 */
/* See status_live.h. */
#include "ctl/status_live.h"

#include "base/clock.h"
#include "ctl/admin_ask.h"
#include "ctl/look.h"
#include "ctl/output.h"
#include "ctl/status_view.h"
#include "ctl/terminal.h"
#include "ctl/units.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define LOOK_TIMEOUT_S 2     /* a key is not read meanwhile */
#define NOTICE_MS      60000 /* for so long a restart is told */

typedef struct live {
    const char *socket;
    int64_t interval_ms;
    json_t *now, *before;
    double history[STATUS_HISTORY];
    size_t history_count;
    char failure[ADMIN_FAILURE_SIZE];
    int64_t gone_since_ms, noticed_ms; /* clock_monotonic_ms; 0: it is there; nothing to tell */
    char notice[128];
    bool colours, ascii;
} live;

static int64_t monotonic_ms(void)
{
    return (int64_t)clock_monotonic_ms();
}

/* ---- looking ---- */

static void remember_rate(live *l, double rate)
{
    if (isnan(rate)) {
        return;
    }
    if (l->history_count == STATUS_HISTORY) {
        memmove(l->history, l->history + 1, sizeof(l->history) - sizeof(l->history[0]));
        l->history_count--;
    }
    l->history[l->history_count++] = rate;
}

/* A process that has taken over is another one, with counters of its own. */
static void notice_change(live *l, const json_t *fresh)
{
    const long long pid = look_number(l->now, "pid"), other = look_number(fresh, "pid");
    char span[UNITS_TEXT_SIZE];
    if (!figures_same_process(l->now, fresh)) {
        snprintf(l->notice, sizeof(l->notice), "restarted: pid %lld, was %lld", other, pid);
        l->noticed_ms = monotonic_ms();
    } else if (l->gone_since_ms != 0) {
        snprintf(l->notice, sizeof(l->notice), "back, after %s without an answer",
                 units_span(monotonic_ms() - l->gone_since_ms, span));
        l->noticed_ms = monotonic_ms();
    }
}

static void look(live *l)
{
    json_t *fresh =
        admin_look(l->socket, "/status", LOOK_TIMEOUT_S, l->failure, sizeof(l->failure));
    if (fresh == NULL) {
        l->gone_since_ms = l->gone_since_ms != 0 ? l->gone_since_ms : monotonic_ms();
        return;
    }
    if (l->now != NULL) {
        notice_change(l, fresh);
    }
    l->gone_since_ms = 0;
    json_decref(l->before);
    l->before = l->now;
    l->now = fresh;
    const figures f = figures_of(l->now, l->before);
    remember_rate(l, status_transactions_rate(&f));
}

/* ---- showing ---- */

static void time_of_look(const live *l, char *text, size_t size)
{
    const time_t seconds = (time_t)(look_number(l->now, "now_ms") / 1000);
    struct tm local;
    strftime(text, size, "%H:%M:%S", localtime_r(&seconds, &local));
}

/* Without the socket's path, which is long and known. */
static const char *failure_of(const live *l)
{
    const size_t size = strlen(l->socket);
    const bool named = strncmp(l->failure, l->socket, size) == 0 && l->failure[size] == ':';
    return named ? l->failure + size + 2 : l->failure;
}

static void show(const live *l)
{
    const terminal_size size = terminal_size_now();
    char time[16], span[UNITS_TEXT_SIZE], alarm[ADMIN_FAILURE_SIZE + 64], footer[96];
    const bool gone = l->gone_since_ms != 0;
    sheet *s = sheet_create(size.columns > 1 ? size.columns - 1 : 1, l->colours, l->ascii);
    const figures f = figures_of(l->now, l->before);
    time_of_look(l, time, sizeof(time));
    snprintf(alarm, sizeof(alarm), "GONE for %s: %s; as of %s",
             units_span(monotonic_ms() - l->gone_since_ms, span), failure_of(l), time);
    snprintf(footer, sizeof(footer), "%s · every %s · q quits", time,
             units_span(l->interval_ms, span));
    const status_scene scene = {.history = l->history,
                                .history_count = l->history_count,
                                .alarm = gone ? alarm : NULL,
                                .notice = l->noticed_ms != 0 &&
                                                  monotonic_ms() - l->noticed_ms < NOTICE_MS &&
                                                  !gone
                                              ? l->notice
                                              : NULL,
                                .footer = footer};
    status_draw(&f, &scene, size.rows, s);
    terminal_show(s, size.rows);
    sheet_destroy(&s);
}

/* Until the next look is due. False: the user has seen enough. */
static bool wait_for_next(const live *l, int64_t due_ms)
{
    for (int64_t left_ms; (left_ms = due_ms - monotonic_ms()) > 0;) {
        char key = 0;
        switch (terminal_wait(left_ms, &key)) {
        case TERMINAL_TIME:
            break;
        case TERMINAL_DRAW:
            show(l);
            break;
        case TERMINAL_KEY:
            if (key == 'q' || key == 'Q') {
                return false;
            }
            break;
        case TERMINAL_GONE:
            return false;
        }
    }
    return true;
}

int status_live(const char *socket, int64_t interval_ms)
{
    live l = {.socket = socket,
              .interval_ms = interval_ms,
              .colours = look_colours(STDOUT_FILENO),
              .ascii = !look_utf8()};
    look(&l);
    if (l.now == NULL) {
        return output_fail("%s", l.failure);
    }
    if (!terminal_begin()) {
        json_decref(l.now);
        return output_fail("the standard input is no terminal; see cmpctl status --once");
    }
    int64_t due_ms = monotonic_ms();
    do {
        show(&l);
        due_ms += interval_ms;
        due_ms = due_ms > monotonic_ms() ? due_ms : monotonic_ms();
        if (!wait_for_next(&l, due_ms)) {
            break;
        }
        look(&l);
    } while (true);
    terminal_end();
    json_decref(l.now);
    json_decref(l.before);
    return EXIT_GOOD;
}
