/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/2 connections with a meter in front of libh2o (meter.h): what it allows goes on, and who
 * asks for more is sent GOAWAY. */
#pragma once

#include "http/internal.h"

/* Registers the counters; once, before workers start. */
void metered_setup(void);

/* Hands a connection, whose handshake chose h2, over to libh2o, and reads what came with the
 * handshake. The socket may be closed in here. */
void metered_accept(connection *c);

/* Whether its SETTINGS have gone out, which have to come before all else (RFC 9113, 3.4): libh2o
 * answers the client's preface with them. */
bool metered_has_begun(const connection *c);

/* To be called whenever something was sent to a client outside of its own octets' reading: libh2o
 * may have stopped reading, because too much waits to be sent, and will begin again without us. */
void metered_sent(connection *c);

/* At the end of each turn: puts meters back that libh2o has put aside, before it can have read
 * anything; and cuts off who was ended and does not take what there is to say. */
void metered_turn_end(server_worker *sw);
