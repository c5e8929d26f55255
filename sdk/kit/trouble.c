/* SPDX-License-Identifier: Apache-2.0 */
/* Says what is wrong, and not all the time. */
#include <cmp-kit/trouble.h>

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#define WINDOW_MS 10000
#define LINES_MAX 4 /* in each window */

void kit_trouble_init(kit_trouble *t)
{
    *t = (kit_trouble){.open = false};
    pthread_mutex_init(&t->lock, NULL);
}

void kit_trouble_dispose(kit_trouble *t)
{
    pthread_mutex_destroy(&t->lock);
}

/* With the lock held, without which it is looked at, too. */
static void open_set(kit_trouble *t, bool open)
{
    __atomic_store_n(&t->open, open, __ATOMIC_RELAXED);
}

/* With the lock held. *unsaid is how many lines were not logged before this one. */
static bool may_say(kit_trouble *t, const char *line, int64_t now_ms, uint64_t *unsaid)
{
    const bool same = t->open && strcmp(t->last, line) == 0;
    memcpy(t->last, line, strlen(line) + 1);
    *unsaid = 0;
    /* A clock that was set back ends the window, too: it could last for hours else. */
    if (t->said > 0 && (now_ms < t->since_ms || now_ms - t->since_ms >= WINDOW_MS)) {
        *unsaid = t->unsaid;
        t->unsaid = 0;
        t->said = 0;
    }
    if (t->said == LINES_MAX || (t->said > 0 && same)) {
        t->unsaid++;
        return false;
    }
    if (t->said == 0) {
        t->since_ms = now_ms;
    }
    t->said++;
    open_set(t, true);
    return true;
}

void kit_trouble_say(kit_trouble *t, const cmp_host *host, const char *format, ...)
{
    char line[KIT_TROUBLE_LINE_SIZE];
    uint64_t unsaid;
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    pthread_mutex_lock(&t->lock);
    const bool say = may_say(t, line, host->now_ms(host), &unsaid);
    pthread_mutex_unlock(&t->lock);
    /* Without the lock: workers that have the same trouble do not wait for a log. */
    if (say && unsaid > 0) {
        host->log(host, CMP_LOG_ERROR, "%s (%" PRIu64 " more not logged)", line, unsaid);
    } else if (say) {
        host->log(host, CMP_LOG_ERROR, "%s", line);
    }
}

void kit_trouble_over(kit_trouble *t, const cmp_host *host, const char *what)
{
    if (!__atomic_load_n(&t->open, __ATOMIC_RELAXED)) {
        return; /* no lock where all is well */
    }
    pthread_mutex_lock(&t->lock);
    const bool open = t->open;
    open_set(t, false);
    pthread_mutex_unlock(&t->lock);
    if (open) {
        host->log(host, CMP_LOG_NOTICE, "%s", what);
    }
}
