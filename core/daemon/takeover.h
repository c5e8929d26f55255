/* SPDX-License-Identifier: Apache-2.0 */
/* The start of a process that takes over from another one (handover.h is that one's side): what it
 * listens on is handed to it, and it serves when the other says so.
 *
 * Control thread. */
#pragma once

#include "event/loop.h"
#include "http/inherited.h"

typedef struct takeover {
    int channel;       /* -1: this process takes over from nobody */
    int admin, replay; /* of the other one; -1: none, or taken */
    bool drains;       /* the other one did, as it was asked to; known when `go` is called */
    cmp_watch *watch;
    void (*go)(void *arg);
    void (*lost)(void *arg);
    void *arg;
} takeover;

/* Finds out whether there is another one, and waits for all that it hands over; listening sockets
 * are added to `in`. False with errors in the report. Before any thread is made. */
CMP_MUST_USE bool takeover_begin(takeover *t, inherited *in, cmp_report *report);

/* Tells the other one what is wrong. */
void takeover_tell(const takeover *t, const cmp_report *report);

/* Tells it that all is ready, and whether its admin socket goes on to be used; calls `go` when it
 * has stopped accepting, or `lost` when it has ended before. */
void takeover_ready(takeover *t, loop *control, bool admin, void (*go)(void *arg),
                    void (*lost)(void *arg), void *arg);

/* Closes what was not taken. */
void takeover_end(takeover *t);
