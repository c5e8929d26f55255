/* SPDX-License-Identifier: Apache-2.0 */
/* A new configuration beside the one that is in force, checked whole, and taken by one worker after
 * the other while they serve. All on the control thread. */
#pragma once

#include "daemon/state.h"

/* How it went. Valid during the call. */
typedef struct reload_result {
    int status;         /* 200: it is in force, of a dry run: it would be; 409: not now; 422: for
                           the errors; 504: workers are held that take it later */
    const char *detail; /* a sentence about what is not; may be NULL */
    const cmp_report *report; /* the errors */
    json_t *changes;  /* lists of paths: added, changed, removed, carried_over, restart (what
                         stays as it is until then); NULL after errors */
    unsigned workers; /* that have it */
    uint64_t took_ms;
    int64_t held_us; /* the longest that one of them was kept from its requests */
} reload_result;

/* Before the first reload, when the first generation has been built: what it says of some things
 * holds until the process ends. */
void reload_begin(daemon_state *d);

void reload_end(daemon_state *d);

/* Reads the configuration anew, and puts it in force; or after any error changes nothing. Calls
 * `done` once: when all workers have it, at the latest after some seconds. The log says it as well.
 * With `dry_run` it only finds out what would be. */
void reload_run(daemon_state *d, bool dry_run, void (*done)(const reload_result *r, void *arg),
                void *arg);

/* The admin command /reload; `d` is the daemon_state. */
void reload_command(admin_command *c, void *d);
