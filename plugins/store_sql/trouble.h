/* Log lines about trouble that goes on: the first one at once, then one in a while. */
#pragma once

#include <cmp/host.h>

#include <pthread.h>

typedef struct trouble {
    pthread_mutex_t lock;
    int64_t said_ms;
    uint64_t unsaid;
    bool said;
} trouble;

void trouble_init(trouble *t);
void trouble_dispose(trouble *t);

/* Logs an error, unless one was logged in the last ten seconds. Any thread. */
void trouble_say(trouble *t, const cmp_host *host, const char *format, ...) CMP_PRINTF(3, 4);

/* It is over: says so when an error was logged, and the next one is logged at once. */
void trouble_over(trouble *t, const cmp_host *host, const char *what);
