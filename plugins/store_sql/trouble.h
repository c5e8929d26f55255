/* Log lines about trouble that goes on: each line once in a while, and not too many different ones.
 */
#pragma once

#include <cmp/host.h>

#include <pthread.h>

enum { TROUBLE_LINE_SIZE = 320 };

typedef struct trouble {
    pthread_mutex_t lock;
    char last[TROUBLE_LINE_SIZE]; /* logged or not */
    int64_t since_ms;             /* when the first of `said` was logged */
    unsigned said;                /* lines since; 0: there is no trouble */
    uint64_t unsaid;
} trouble;

void trouble_init(trouble *t);
void trouble_dispose(trouble *t);

/* Logs an error, unless it is the same as before, or the fifth within ten seconds. Any thread. */
void trouble_say(trouble *t, const cmp_host *host, const char *format, ...) CMP_PRINTF(3, 4);

/* It is over: says so when an error was logged, and the next one is logged at once. */
void trouble_over(trouble *t, const cmp_host *host, const char *what);
