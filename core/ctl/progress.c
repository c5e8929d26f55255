/* SPDX-License-Identifier: Apache-2.0 */
/* Draws the bar, and reckons the rate and the time that is left. */
#include "ctl/progress.h"

#include "base/clock.h"

#include <stdio.h>
#include <unistd.h>

enum { BAR_EVERY_MS = 100, LINE_EVERY_MS = 10000, BAR_WIDTH = 24 };

static int64_t interval_ms(const progress *p)
{
    return p->bar ? BAR_EVERY_MS : LINE_EVERY_MS;
}

void progress_begin(progress *p, const char *verb, uint64_t total, bool quiet)
{
    *p = (progress){.what = "codes",
                    .verb = verb,
                    .total = total,
                    .quiet = quiet,
                    .bar = isatty(STDERR_FILENO) == 1,
                    .begin_ms = (int64_t)clock_monotonic_ms()};
    p->next_ms = p->begin_ms + interval_ms(p);
}

static uint64_t rate_of(uint64_t count, int64_t elapsed_ms)
{
    return elapsed_ms > 0 ? count * 1000 / (uint64_t)elapsed_ms : count;
}

static void print_bar(unsigned percent)
{
    char bar[BAR_WIDTH + 1];
    for (unsigned i = 0; i < BAR_WIDTH; i++) {
        bar[i] = i < percent * BAR_WIDTH / 100 ? '#' : '.';
    }
    bar[BAR_WIDTH] = '\0';
    fprintf(stderr, "[%s] %3u %%  ", bar, percent);
}

/* Without a terminal, whole lines and seldom: they go into somebody's log. */
static void print(progress *p, uint64_t done, uint64_t count, int64_t elapsed_ms)
{
    const bool known = p->total > 0 && done <= p->total;
    const unsigned percent = known ? (unsigned)(done * 100 / p->total) : 0;
    fputs(p->bar ? "\r\033[K" : "cmpctl: ", stderr);
    if (p->bar && known) {
        print_bar(percent);
    }
    fprintf(stderr, "%llu %s %s, %llu/s", (unsigned long long)count, p->what, p->verb,
            (unsigned long long)rate_of(count, elapsed_ms));
    if (known && done > 0) {
        const double left_s = (double)elapsed_ms / 1000 * (double)(p->total - done) / (double)done;
        fprintf(stderr, ", %u:%02u left", (unsigned)left_s / 60, (unsigned)left_s % 60);
    }
    if (!p->bar) {
        fputc('\n', stderr);
    }
    fflush(stderr);
    p->shown = p->bar;
}

void progress_update(progress *p, uint64_t done, uint64_t count)
{
    if (p->quiet) {
        return;
    }
    const int64_t now_ms = (int64_t)clock_monotonic_ms();
    if (now_ms >= p->next_ms) {
        print(p, done, count, now_ms - p->begin_ms);
        p->next_ms = now_ms + interval_ms(p);
    }
}

void progress_clear(progress *p)
{
    if (p->shown) {
        fputs("\r\033[K", stderr);
        fflush(stderr);
        p->shown = false;
    }
}

void progress_summary(const progress *p, uint64_t count, char text[PROGRESS_TEXT_SIZE])
{
    const int64_t elapsed_ms = (int64_t)clock_monotonic_ms() - p->begin_ms;
    snprintf(text, PROGRESS_TEXT_SIZE, "%llu %s %s in %.1f s (%llu/s)", (unsigned long long)count,
             p->what, p->verb, (double)elapsed_ms / 1000,
             (unsigned long long)rate_of(count, elapsed_ms));
}
