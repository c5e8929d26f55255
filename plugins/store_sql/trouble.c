/* A database that is down is looked up a thousand times a second: its log lines are not. */
#include "trouble.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#define WINDOW_MS 10000
#define LINES_MAX 4 /* in each window */

void trouble_init(trouble *t)
{
    *t = (trouble){.said = 0};
    pthread_mutex_init(&t->lock, NULL);
}

void trouble_dispose(trouble *t)
{
    pthread_mutex_destroy(&t->lock);
}

/* With the lock held. *unsaid is how many lines were not logged before this one. */
static bool may_say(trouble *t, const char *line, int64_t now_ms, uint64_t *unsaid)
{
    const bool same = strcmp(t->last, line) == 0;
    memcpy(t->last, line, strlen(line) + 1);
    *unsaid = 0;
    if (t->said > 0 && (now_ms < t->since_ms || now_ms - t->since_ms >= WINDOW_MS)) {
        *unsaid = t->unsaid;
        t->unsaid = 0;
        t->said = 0;
    }
    if (t->said == LINES_MAX || (t->said > 0 && same)) {
        t->unsaid++;
        return false;
    }
    if (t->said++ == 0) {
        t->since_ms = now_ms;
    }
    return true;
}

void trouble_say(trouble *t, const cmp_host *host, const char *format, ...)
{
    char line[TROUBLE_LINE_SIZE];
    uint64_t unsaid;
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    pthread_mutex_lock(&t->lock);
    const bool say = may_say(t, line, host->now_ms(host), &unsaid);
    pthread_mutex_unlock(&t->lock);
    if (say && unsaid > 0) {
        host->log(host, CMP_LOG_ERROR, "%s (and %" PRIu64 " lines before, not logged)", line,
                  unsaid);
    } else if (say) {
        host->log(host, CMP_LOG_ERROR, "%s", line);
    }
}

void trouble_over(trouble *t, const cmp_host *host, const char *what)
{
    pthread_mutex_lock(&t->lock);
    const bool said = t->said > 0;
    t->said = 0;
    t->unsaid = 0;
    pthread_mutex_unlock(&t->lock);
    if (said) {
        host->log(host, CMP_LOG_NOTICE, "%s", what);
    }
}
