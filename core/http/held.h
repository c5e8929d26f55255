/* SPDX-License-Identifier: Apache-2.0 */
/* Octets that lie here, of requests that are not whole and of answers that were not read: of each
 * connection, of each source, and of all in one worker. sweep.c tells what comes and goes. */
#pragma once

#include "http/internal.h"

/* The connection counts for its source from here on; before anything comes on it. */
void held_source_known(connection *c);

/* So many octets were added to c->received or c->untaken. True: it may be too much, and held_look
 * is to be called, when the connections' figures are brought up to date. */
CMP_MUST_USE bool held_add(connection *c, size_t octets);

/* Adds up what is really there, and calls `end` for those that keep most of it when it is too much
 * (`source`: for that one), which has to set c->cut. */
void held_look(server_worker *sw, void (*end)(connection *c, bool source));

/* What lay here of all workers, when each of them looked last. Any thread. */
int64_t held_read(void);
