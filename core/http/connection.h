/* One client connection of a worker, from accept to close. */
#pragma once

#include "http/internal.h"

/* Takes over an accepted socket: source address, list, TLS or not, h2o. */
void connection_open(server_worker *sw, h2o_socket_t *socket, const listener *l,
                     h2o_accept_ctx_t *accept);

/* The connection that a request came on. */
connection *connection_of(h2o_conn_t *conn);
