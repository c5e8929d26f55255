/* SPDX-License-Identifier: Apache-2.0 */
/* A restart without a refused connection: this process starts its program anew and hands over what
 * it listens on, and goes on serving until the new one is ready (takeover.h is that one's side).
 *
 * Control thread. */
#pragma once

#include "conf/report.h"
#include "event/loop.h"
#include "http/sockets.h"

/* Remembers how the process was started: the path that was executed, the arguments, the
 * environment, and the working folder. First thing in main, before anything changes one of them;
 * the texts stay as they are. */
void handover_remember(const char *program, char **argv);

/* What is handed over, as shares: all of it stays the giver's, too. -1: there is none. */
typedef struct handover_gift {
    const sockets *sockets;
    int admin;
    int replay;
} handover_gift;

typedef struct handover_result {
    bool ready;               /* the new process serves when handover_go is called */
    pid_t pid;                /* then: its id */
    bool admin;               /* and whether it goes on to use the admin socket */
    char why[256];            /* otherwise: what went wrong, in a sentence */
    const cmp_report *faults; /* and the new one's errors, if it told some */
} handover_result;

/* One that is under way. */
typedef struct handover handover;

/* Starts the new process, and calls `ended(result, arg)` once, later, when it is ready, or has
 * ended, or was not ready in time and was killed. NULL, with the reason in `error`, when it cannot
 * be started. */
CMP_MUST_USE handover *handover_begin(loop *control, const handover_gift *gift, uint64_t limit_ms,
                                      void (*ended)(const handover_result *result, void *arg),
                                      void *arg, char *error, size_t error_size);

/* Has a new process that is ready begin to serve, and to drain if it was this one that an operator
 * asked for that. From here on this one is to accept no connections any more. False: it has died
 * since. */
CMP_MUST_USE bool handover_go(handover *h, bool drains);

/* After `ended` was called, or before: then the new process is killed, and nothing is called. */
void handover_destroy(handover **h);
