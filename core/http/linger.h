/* SPDX-License-Identifier: Apache-2.0 */
/* Connections that were ended for abuse and that libh2o has closed: what their clients go on to
 * send is read and thrown away for a moment. Octets that nobody has read would make the end a
 * reset, and that overtakes the last words: GOAWAY, with the reason. */
#pragma once

#include "http/internal.h"

/* Makes the end of a connection wait for linger_start: a descriptor of its socket's, to be taken
 * before libh2o closes; -1: there is none to spare. */
int linger_keep(const connection *c);

/* libh2o has closed. Takes over what linger_keep gave. */
void linger_start(server_worker *sw, int fd);

/* Ends all of them; while the worker drains no new ones begin. */
void linger_stop(server_worker *sw);
