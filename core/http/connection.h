/* SPDX-License-Identifier: Apache-2.0 */
/* One client connection of a worker, from accept to close. */
#pragma once

#include "http/internal.h"

/* A connection on an accepted socket, which it takes over, at the gate's first stage; `counted`:
 * among those of its source. It ends when h2o closes the socket. */
connection *connection_make(entrance *e, int fd, const uint8_t source[16], bool counted);

/* It stands elsewhere now. */
void connection_move(connection *c, gate_stage stage);

/* It counts for nothing any more, neither among all nor among its source's. */
void connection_give_up_place(connection *c);

/* The handshake is done, or there is none. */
void connection_is_open(connection *c);

/* For contexts that ask for a client's certificate (SSL_CTX_set_info_callback): keeps what was
 * shown. */
void connection_on_tls_info(const SSL *ssl, int where, int value);

/* A request has come on it. */
void connection_touch(connection *c);

/* The connection that a request came on. */
connection *connection_of(h2o_conn_t *conn);
