/* SPDX-License-Identifier: Apache-2.0 */
/* Where a worker's connections come in: one entrance for each listener, by its name. It goes on
 * from one generation to the next, and a connection reaches its listener through it, so that none
 * keeps a generation alive. When the next generation has no such listener the entrance is closed:
 * it lives as long as its connections, which drain, and so long what they ask is answered by the
 * last generation that had it. */
#pragma once

#include "http/internal.h"

/* Closes entrances that the generation has no listener for; before the worker takes it. */
void entrances_close(server_worker *sw, const generation *g);

/* The generation's listeners from now on: new connections get their TLS, requests their settings.
 */
void entrances_take(server_worker *sw, const generation *g);

/* Opens one beside those of generations, which stays as long as the worker; `g` is handed over. */
entrance *entrance_open_admin(server_worker *sw, const listener *l, gate *g, entrance_knows *knows);

/* The open one of that name, of a generation; NULL: there is none. */
entrance *entrance_find(server_worker *sw, const char *name);

/* For who still opens connections there: it is not freed meanwhile, though there is none. */
static inline void entrance_hold(entrance *e)
{
    e->connections++;
}

static inline void entrance_let_go(entrance *e)
{
    e->connections--;
}

/* Frees closed ones without a connection. At the end of a turn: what runs in it may hold one. */
void entrances_settle(server_worker *sw);

/* Frees all; no connection is left. */
void entrances_free(server_worker *sw);

/* Whether it has only to bring its connections to their end. */
static inline bool entrance_ends(const entrance *e)
{
    return e->closed || e->sw->drain.ending;
}
