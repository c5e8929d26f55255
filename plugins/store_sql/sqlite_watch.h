/* SPDX-License-Identifier: Apache-2.0 */
/* Hears of what others write to the SQLite file, on the control loop. */
#pragma once

#include "sqlite.h"

typedef struct sqlite_watch sqlite_watch;

/* What others write from now on is heard of, within a second. */
sqlite_watch *sqlite_watch_create(sqlite_store *s, cmp_loop *loop);

/* NULL is fine. */
void sqlite_watch_destroy(sqlite_watch **w);
