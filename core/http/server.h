/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP on one worker: h2o's context, its connections, and the way they end. */
#pragma once

#include "http/gate.h"
#include "http/sockets.h"
#include "pipeline/worker.h"

/* What all workers share: h2o's configuration and how many connections there may be. */
typedef struct server server;

/* For so many `workers`; no accepted socket from `descriptors_end` on: those are kept back for what
 * is under way. NULL, and an error in the log, when this libh2o cannot be used. */
CMP_MUST_USE server *server_create(unsigned workers, int descriptors_end);

/* A generation that is going to be in force, before any worker takes it: what belongs to listeners'
 * names, for all workers, goes on with it, by its limits; `g->listeners` get their `sources`.
 * `connections_max` instead of the configuration's limit. Control thread. */
void server_adopt(server *s, generation *g, int64_t connections_max);

/* The host under which the admin socket's handlers are registered; before workers start. */
struct st_h2o_hostconf_t;
struct st_h2o_hostconf_t *server_admin_host(server *s);

/* Who answers a GET of /metrics where a listener has it: on the worker's thread, at once or later,
 * exactly once, unless the request goes first. Before workers start. */
struct st_h2o_req_t;
typedef void server_answer(struct st_h2o_req_t *req, void *arg);
void server_answer_metrics(server *s, server_answer *answer, void *arg);

/* How many connections there are, where; the server's. */
gates *server_gates(server *s);

void server_destroy(server **s);

/* One worker's part. */
typedef struct server_worker server_worker;

/* On the worker's own thread, as all below but server_worker_withdraw. It accepts nothing yet. */
server_worker *server_worker_start(server *s, worker *w);

/* The worker takes a generation that is adopted (worker_take): connections and requests go by it
 * from now on. A listener of a name that there was goes on, with its connections; a new one begins
 * to accept; one that is gone accepts whom the kernel has let in, and its connections drain. `hand`
 * is all that the worker listens on now; both it and its sockets are handed over. NULL: nothing of
 * that changes. */
void server_worker_take(server_worker *sw, generation *g, sockets_hand *hand);

/* Listens on what is handed over, and on nothing else, for the listeners of its generation. */
void server_worker_listen(server_worker *sw, sockets_hand *hand);

/* Accepts on the admin socket as well, which it takes over. Of those whom `knows` does not know a
 * few may be there at a time. */
void server_worker_listen_admin(server_worker *sw, const listener *l, int fd,
                                bool (*knows)(const generation *g, int fd));

/* See acceptors_withdraw. Any thread. */
void server_worker_withdraw(server_worker *sw);

/* See acceptors_keep. Any thread. */
void server_worker_keep_sockets(server_worker *sw, bool keep);

/* `leave`: who is connected is told to go elsewhere, and who comes is served and told so with the
 * answer; idle connections end after the configured time, all after twice of it. Otherwise: as
 * before that. */
void server_worker_ask_to_leave(server_worker *sw, bool leave);

/* Stops accepting, lets what is in flight end, and calls `drained(arg)` when no connection and no
 * transaction is left, at the latest after `patience_ms`; then it cuts off what is left. */
void server_worker_drain(server_worker *sw, uint64_t patience_ms, void (*drained)(void *arg),
                         void *arg);

/* After it has drained. */
void server_worker_destroy(server_worker **sw);
