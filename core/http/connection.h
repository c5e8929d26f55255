/* One client connection of a worker, from accept to close. */
#pragma once

#include "base/endpoint.h"
#include "http/internal.h"

/* Takes over an accepted socket: a place at the gate, whose it is, its turn, TLS or not, h2o. */
void connection_open(entrance *e, int fd, const endpoint *from);

/* Its source is known now, by a balancer. The socket may be closed in here. */
void connection_admit(connection *c);

/* The handshake is done, or there is none. */
void connection_is_open(connection *c);

/* A request has come on it. */
void connection_touch(connection *c);

/* Closes those that nothing was read from yet. */
void connections_turn_away(server_worker *sw);

/* The connection that a request came on. */
connection *connection_of(h2o_conn_t *conn);
