/* A database that is down is looked up a thousand times a second: its log lines are not. */
#include "trouble.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#define QUIET_MS 10000

void trouble_init(trouble *t)
{
    *t = (trouble){.said = false};
    pthread_mutex_init(&t->lock, NULL);
}

void trouble_dispose(trouble *t)
{
    pthread_mutex_destroy(&t->lock);
}

void trouble_say(trouble *t, const cmp_host *host, const char *format, ...)
{
    char line[512];
    uint64_t unsaid = 0;
    const int64_t now_ms = host->now_ms(host);
    pthread_mutex_lock(&t->lock);
    const bool quiet = t->said && now_ms >= t->said_ms && now_ms - t->said_ms < QUIET_MS;
    if (quiet) {
        t->unsaid++;
    } else {
        unsaid = t->unsaid;
        t->unsaid = 0;
        t->said = true;
        t->said_ms = now_ms;
    }
    pthread_mutex_unlock(&t->lock);
    if (quiet) {
        return;
    }
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    if (unsaid > 0) {
        host->log(host, CMP_LOG_ERROR, "%s (and %" PRIu64 " times before, not logged)", line,
                  unsaid);
    } else {
        host->log(host, CMP_LOG_ERROR, "%s", line);
    }
}

void trouble_over(trouble *t, const cmp_host *host, const char *what)
{
    pthread_mutex_lock(&t->lock);
    const bool said = t->said;
    t->said = false;
    t->unsaid = 0;
    pthread_mutex_unlock(&t->lock);
    if (said) {
        host->log(host, CMP_LOG_NOTICE, "%s", what);
    }
}
