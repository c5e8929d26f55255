/* SPDX-License-Identifier: Apache-2.0 */
/* One connection to the primary that hears what has changed, on the control loop. */
#pragma once

#include "pg.h"

typedef struct pg_listener pg_listener;

/* Starts to connect. */
pg_listener *pg_listener_create(pg_store *s, cmp_loop *loop);

/* NULL is fine. */
void pg_listener_destroy(pg_listener **l);
