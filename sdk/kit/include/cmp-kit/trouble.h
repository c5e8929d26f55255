/* SPDX-License-Identifier: Apache-2.0 */
/* Log lines about trouble that goes on: each line once in a while, and not too many different ones.
 * What is down may be asked a thousand times a second. */
#pragma once

#include <cmp/host.h>

#include <pthread.h>

__BEGIN_DECLS

#define KIT_TROUBLE_LINE_SIZE 640

/* One kind of trouble of one instance; its fields are the kit's own. */
typedef struct kit_trouble {
    pthread_mutex_t lock;
    char last[KIT_TROUBLE_LINE_SIZE]; /* logged or not */
    int64_t since_ms;                 /* when the first of `said` was logged */
    unsigned said;                    /* lines since */
    uint64_t unsaid;
    bool open; /* a line was logged, and not yet that it is over */
} kit_trouble;

/* Before the first line, and when nobody says anything any more. `t` is the caller's, and does not
 * move in between. */
void kit_trouble_init(kit_trouble *t);
void kit_trouble_dispose(kit_trouble *t);

/* Logs an error, unless it is the same as before, or the fifth within ten seconds; the first one
 * after those says how many were not logged. Longer lines are cut. Any thread. */
void kit_trouble_say(kit_trouble *t, const cmp_host *host, const char *format, ...)
    CMP_PRINTF(3, 4);

/* It is over: logs `what` as a notice when an error was logged since the last time, and the next
 * error is not held back as the same. It counts all the same: what comes and goes all the time is
 * no more than four errors and four notices within ten seconds. Costs nothing when there was no
 * trouble. Any thread. */
void kit_trouble_over(kit_trouble *t, const cmp_host *host, const char *what);

__END_DECLS
