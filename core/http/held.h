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

/* Its figures are up to date: counts what is really there. True: that is too much for one, which is
 * to be ended. */
CMP_MUST_USE bool held_settle(connection *c);

/* It has closed. */
void held_leave(connection *c);

/* Calls `end`, which has to set c->cut, for those that keep most when all, or those of one source
 * (`source`), keep too much; for a few at a time. True: it is still too much. */
CMP_MUST_USE bool held_judge(server_worker *sw, void (*end)(connection *c, bool source));

/* Both for all connections, when all figures are up to date. */
CMP_MUST_USE bool held_look(server_worker *sw, void (*end)(connection *c, bool source));

/* What lay here of all workers, when each of them looked last. Any thread. */
int64_t held_read(void);
