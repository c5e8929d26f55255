/* SPDX-License-Identifier: Apache-2.0 */
/* A worker's look-ups on PostgreSQL, and its lanes. All on the worker's thread. */
#pragma once

#include "pg_lane.h"

/* ---- called by the driver: see cmp_plugin and cmp_store_ops ---- */

void *pg_worker_start(void *instance, cmp_loop *loop);
void pg_worker_stop(void *instance, void *state);
cmp_store_verdict pg_lookup(void *instance, void *state, cmp_str ici, cmp_op op,
                            cmp_record *record);
void pg_cancel(void *instance, void *state, cmp_op op, void *data);
void pg_turn_end(void *instance, void *state);

/* ---- called by its lanes ---- */

pg_store *pg_worker_store(const pg_worker *w);

/* Time as it passes while anything is due; it stands still else. */
int64_t pg_worker_clock_ms(const pg_worker *w);

/* The request is off its lane and answered, with a row or with none. */
void pg_worker_answered(pg_worker *w, pg_request *r, const row *found);

/* The request is off its lane, and the server could not or would not answer it. */
void pg_worker_failed(pg_worker *w, pg_request *r, const char *why);

/* The request is off its lane, through no fault of its own. */
void pg_worker_unsent(pg_worker *w, pg_request *r);

/* A lane has become ready, has room again, or was lost: after it, the requests can go on. */
void pg_worker_lane_changed(pg_worker *w, pg_lane *l);
