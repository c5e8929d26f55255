/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP on one worker: h2o's context, its connections, and the way they end. */
#pragma once

#include "http/sockets.h"
#include "pipeline/worker.h"

/* What all workers share: h2o's configuration and how many connections there may be. */
typedef struct server server;

/* For so many `workers`. NULL, and an error in the log, when this libh2o cannot be used.
 * `connections_max` instead of the configuration's limit, and no accepted socket from
 * `descriptors_end` on: those are kept back for what is under way. */
CMP_MUST_USE server *server_create(const conf *c, unsigned workers, int64_t connections_max,
                                   int descriptors_end);

/* The host under which the admin socket's handlers are registered; before workers start. */
struct st_h2o_hostconf_t;
struct st_h2o_hostconf_t *server_admin_host(server *s);

void server_destroy(server **s);

/* One worker's part. */
typedef struct server_worker server_worker;

/* Begins to accept on this worker's sockets, which it takes over. `w` has its generation. */
server_worker *server_worker_start(server *s, worker *w, sockets *listening);

/* Accepts on the admin socket as well, which it takes over. Before the worker's loop turns. */
void server_worker_listen_admin(server_worker *sw, const listener *l, int fd);

/* See acceptors_withdraw. Any thread. */
void server_worker_withdraw(server_worker *sw);

/* Stops accepting, lets what is in flight end, and calls `drained(arg)` when no connection and no
 * transaction is left, at the latest after `patience_ms`; then it cuts off what is left. */
void server_worker_drain(server_worker *sw, uint64_t patience_ms, void (*drained)(void *arg),
                         void *arg);

/* After it has drained. */
void server_worker_destroy(server_worker **sw);
