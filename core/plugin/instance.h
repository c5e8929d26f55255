/* SPDX-License-Identifier: Apache-2.0 */
/* A plugin at work: its options, its state of process and workers, and the table that it got. */
#pragma once

#include "base/likeness.h"
#include "base/running.h"
#include "event/pool.h"
#include "outbound/outbound.h"
#include "peers/keyring.h"
#include "peers/peers.h"
#include "plugin/abi.h"
#include "plugin/descriptor.h"
#include "plugin/figures.h"

#include <cmp-kit/arena.h>

/* What the running process gives to instances; may come into being after they were created. Lives
 * longer than they do. */
typedef struct instance_site {
    pool *pool;
    unsigned worker_count;
    loop **worker_loops;         /* worker_count of them; NULL while no worker runs */
    outbound **worker_outbounds; /* likewise; each filled in by its worker */

    /* The end of a command, on any thread; NULL: nobody gives any. */
    void (*command_done)(void *arg, uint64_t id, bool good, const char *text);
    void *command_arg;
} instance_site;

/* How the host caches a store's answers; see pipeline/cache.h. */
typedef struct instance_cache {
    size_t size_bytes; /* of one worker */
    int64_t ttl_ms, negative_ttl_ms, stale_ms;
    unsigned displaced; /* a counter: entries that gave way to others */
} instance_cache;

/* What a worker's cache holds, for others to see. */
typedef struct instance_cached {
    _Atomic size_t entries, size_bytes;
} instance_cached;

/* What is counted of all its look-ups (observe/counters.h): each is a hit or a miss. */
typedef struct instance_cache_counters {
    unsigned hits, misses;
    unsigned stale; /* how often a record past its time stood in for the store after a miss */
} instance_cache_counters;

typedef struct instance instance;

typedef enum instance_stage {
    INSTANCE_MADE,     /* its configuration may yet be given up: nobody outside hears of it */
    INSTANCE_IN_FORCE, /* workers have it, or are about to */
    INSTANCE_REPLACED, /* it ends: what it says of itself is of no interest any more */
} instance_stage;

/* How it is in its own judgement, said before it was in force. */
#define INSTANCE_WHY_SIZE 512
typedef struct instance_health {
    cmp_health health;
    char why[INSTANCE_WHY_SIZE];
} instance_health;

/* What one worker has of it. The worker alone writes it, and nothing else lies on its cache line.
 */
typedef struct instance_load {
    _Alignas(64) _Atomic unsigned under_way; /* operations that are not answered */
    _Atomic unsigned held;                   /* transactions that those are for */
    _Atomic unsigned overdue;  /* of those, the ones that nobody waits for and that do not end */
    _Atomic unsigned oldest_s; /* for how long the first of them has not been answered */
    instance_cached cached;    /* of a store */
    unsigned looked_s;         /* the worker's own, as all that follows */
    unsigned tenures;          /* of generations that have it */
    bool pending;              /* a store: answered PENDING in this turn */
    instance *next_pending;    /* see worker.h */
} instance_load;

/* Made by section_open, with memory of its own: it goes with the last generation that has it, and
 * what it needs of a configuration is copied. */
struct instance {
    const cmp_plugin *plugin;     /* the descriptor that serves it (cmp_plugin.choose) */
    descriptor chosen;            /* that one, when it was chosen for this instance */
    const cmp_plugin *serving;    /* the plugin's own, whose copy `plugin` is; NULL: none yet */
    const abi_layout *older;      /* how its structs lie; NULL: as ours do */
    const cmp_option *rows;       /* of its options; NULL: it has none */
    const cmp_command *commands;  /* likewise */
    const char *name;             /* as in the configuration */
    const running_owner *running; /* what is entered when it is called */
    const void *options;
    void *self;          /* what create returned; NULL before */
    void **worker_state; /* by worker */
    cmp_host host;       /* host.core is this instance */
    instance_site *site;
    peers *peers;     /* what its services show, for life; NULL: no peers */
    keyring *keyring; /* likewise, the newest: see instance_keyring */
    void **caches;    /* by worker: what the pipeline keeps of a store's answers; NULL: nothing */
    instance_cache cache_settings;
    instance_load *loads; /* by worker */
    figures figures;
    unsigned not_asked; /* a counter: times that it had too much to answer already */
    pool_share pool_share;
    instance_cache_counters cache_counters; /* meaningful when there are caches */
    unsigned bad_answers, stale_operations; /* counters of what it did wrong */

    kit_arena memory;  /* name, options, caches */
    likeness likeness; /* of its section, when it was made */
    unsigned owners;   /* generations that have it; the control thread's */
    _Atomic instance_stage stage;
    instance_health health;
    unsigned cells;   /* of its metrics */
    unsigned *gauges; /* that it has claimed, by their numbers */
    size_t gauge_count;
    _Atomic unsigned busy; /* calls of workers and jobs of its own that are not done */
};

/* Fills the services that need nothing but the process: log, clock, random, report, counters, loop,
 * offload. */
void instance_services(cmp_host *host);

/* Has the plugin make its part. `i` has its name, options, site, and what its services show;
 * `services` is the host's table with its purpose, copied. `before` is the instance that it
 * replaces, or NULL. False with errors in the report; instance_destroy is to be called in either
 * case. Control thread. */
bool instance_create(instance *i, const cmp_plugin *plugin, const cmp_host *services,
                     const instance *before, cmp_report *report);
void instance_destroy(instance *i);

/* A share of the keyring that its services show now; NULL: there is none. Any thread. */
keyring *instance_keyring(const instance *i);

/* Shows this keyring from now on, of which the instance takes a share; NULL: none. Tells the
 * plugin. Control thread. */
void instance_show_keyring(instance *i, keyring *k);

/* Gives it a command of its rows; the site is told of its end by the same id. Control thread, once
 * it was started. */
void instance_command(instance *i, const cmp_command *row, cmp_str argument, uint64_t id);

/* Operations that it has not answered, as each worker has it at this moment. Any thread that knows
 * it to be there. */
unsigned instance_under_way(const instance *i);

/* Whether nothing is under way for it on any thread, while no worker has it: it can be destroyed.
 * Control thread. */
bool instance_idle(const instance *i);

/* Registers what is counted of it; instance_create has done so. */
void instance_count_begin(instance *i);

/* One for each of so many workers; to be freed. */
instance_load *instance_loads_make(unsigned workers);

/* It is in force: its plugin is started, and what it shows of itself is shown. Control thread. */
void instance_start(instance *i, loop *control);

/* It is in force no longer. Control thread. */
void instance_replace(instance *i);

/* On the worker's own thread. */
void instance_worker_start(instance *i, unsigned worker, loop *l);
void instance_worker_stop(instance *i, unsigned worker);

/* This thread goes into one of its functions; see running_enter. */
static inline uintptr_t instance_enter(const instance *i, running_function function)
{
    return running_enter(&i->running->at[function]);
}

static inline bool instance_blocks(const instance *i)
{
    return (i->plugin->flags & CMP_PLUGIN_BLOCKING) != 0;
}
