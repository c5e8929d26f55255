/* The prefixes in use. When the table file changes they are built anew on a pool thread, and each
 * worker takes the new ones between two requests: a search touches no lock and no shared counter.
 */
#pragma once

#include "load.h"

#include <cmp/plugin.h>

typedef struct live live;

/* Loads the prefixes: `path`, `need_hosts` as of load. NULL after a complaint to `report`. */
live *live_create(const cmp_host *host, const char *path, bool need_hosts, cmp_report *report);

/* From now on the file, if there is one, is looked at every `check_interval_ms`. Control thread. */
void live_start(live *l, cmp_loop *loop, uint64_t check_interval_ms);

/* Control thread, after all workers have left. */
void live_destroy(live **l);

typedef struct live_worker live_worker;

/* Each worker has its own share, made and ended on its thread. */
live_worker *live_join(live *l);
void live_leave(live *l, live_worker **w);

/* Valid until control is back in the worker's loop. */
const prefixes *live_prefixes(const live_worker *w);
