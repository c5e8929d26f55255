/* SPDX-License-Identifier: Apache-2.0 */
/* From a socket to a protocol: TLS within its time, and what ALPN chose. */
#pragma once

#include "http/internal.h"

/* Registers the counters; once, before workers start. */
void handshake_setup(void);

/* For contexts that ask for a client's certificate (SSL_CTX_set_info_callback): keeps what was
 * shown, when the listener's auth plugins want to see it. */
void handshake_on_tls_info(const SSL *ssl, int where, int value);

/* The octets from here on are the client's own: TLS where its entrance has a context, then h2o's
 * part of the protocol. The socket may be closed in here. */
void handshake_start(connection *c);
