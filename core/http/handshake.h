/* SPDX-License-Identifier: Apache-2.0 */
/* From a socket to a protocol: TLS within its time, and what ALPN chose. */
#pragma once

#include "http/internal.h"

/* Registers the counters; once, before workers start. */
void handshake_setup(void);

/* The octets from here on are the client's own: TLS where its entrance has a context, then h2o's
 * part of the protocol. The socket may be closed in here. */
void handshake_start(connection *c);
