/* SPDX-License-Identifier: Apache-2.0 */
/* A host in the process that has neither a daemon nor h2o: loads one plugin, fills its options from
 * text, gives it the services, and leads it through its life. What libcmp-test, libcmp-embed and
 * cmp-plugin-check are made of.
 *
 * A program that hosts owns threads and clock: it sets `log`, `now_ms`, `random`, `store_changed`
 * and what it offers beyond in `table`, and decides in `misuse` what becomes of a plugin that
 * breaks a rule of the ABI. One thread is the control thread; each worker has its own, which may be
 * that one. */
#pragma once

#include "conf/report.h"
#include "host/keys.h"
#include "host/loop.h"
#include "host/metrics.h"
#include "plugin/abi.h"
#include "plugin/descriptor.h"
#include "plugin/loader.h"

#define HOST_WORKERS_MAX 1024

typedef struct host host;
typedef struct host_op host_op;

/* One worker, on the thread that made it. */
typedef struct host_worker {
    cmp_loop loop; /* its owner is the worker */
    host *host;
    uint32_t number; /* in handles; begins at 1 */
    pthread_t thread;
    bool running; /* between worker_start and worker_stop */
    void *state;  /* what worker_start returned */

    /* see ops.h */
    size_t op_room; /* octets that each has without asking malloc; 0: all of it can be watched */
    host_op **ops;
    uint32_t op_count, pending; /* slots, and operations that are not answered */
    host_op *idle;
    uint64_t generation; /* of the last one; goes on from worker to worker of that number */
} host_worker;

struct host {
    cmp_host table; /* its core is this struct: a host never moves */
    void *owner;    /* of who made it */

    /* The plugin has done what no host bears, such as calling a service with a stale handle; the
     * service then does nothing. */
    void (*misuse)(host *h, const char *service, const char *how);

    loader *loader;  /* NULL: the descriptor was handed over */
    descriptor *own; /* then this is how it was read */
    descriptor chosen;
    const cmp_plugin *loaded; /* as its file exports it */
    const cmp_plugin *plugin; /* what serves the instance (cmp_plugin.choose) */
    const abi_layout *older;  /* how its structs lie; NULL: as ours do */

    kit_arena memory; /* of the options */
    void *options;    /* filled from text; NULL: not, or they are somebody else's */
    void *instance;   /* NULL: there is none */
    cmp_loop control;

    host_metrics metrics;
    host_keys *keys; /* under the lock; never NULL */
    const cmp_peer *peers;
    size_t peer_count;

    atomic_uint minor_called; /* the newest minor of which the plugin has called a service */

    pthread_mutex_t lock;
    _Atomic(host_worker *) workers[HOST_WORKERS_MAX]; /* by number less one */
    uint64_t generations[HOST_WORKERS_MAX]; /* how far who had that number has come; the lock's */
};

/* A service that came with that minor is called. Any thread. */
static inline void host_call_since(host *h, unsigned minor)
{
    unsigned before = atomic_load_explicit(&h->minor_called, memory_order_relaxed);
    while (before < minor &&
           !atomic_compare_exchange_weak_explicit(&h->minor_called, &before, minor,
                                                  memory_order_relaxed, memory_order_relaxed)) {
    }
}

/* Unloads the plugin; there is no instance any more. */
void host_dispose(host *h);

/* Takes a plugin: a descriptor that is linked in, checked as if it came from a file, or a file
 * NAME.so of a folder. False with the one thing that is wrong in `error`. Control thread, as all
 * below but for what says otherwise. */
CMP_MUST_USE bool host_take(host *h, const cmp_plugin *plugin, char *error, size_t error_size);
CMP_MUST_USE bool host_load(host *h, const char *folder, const char *name, library_trust trust,
                            char *error, size_t error_size);

/* The plugin of another host, which must not load or take another one, and is disposed of first. */
void host_take_from(host *h, const host *other);

/* Gives the library and the descriptor that `from` has over to `to`, which has taken its plugin. */
void host_hand_over(host *from, host *to);

/* Fills the options from a YAML text (NULL: nothing) as the daemon does from its configuration;
 * relative paths are taken from table.folder. False with errors in the report. */
CMP_MUST_USE bool host_fill(host *h, const char *text, cmp_report *report);

/* choose, check, create. `options` are the struct that the rows fill; NULL: what host_fill has
 * filled. False with errors in the report. */
CMP_MUST_USE bool host_create(host *h, const void *options, void *previous, cmp_report *report);

void host_start(host *h);

/* No worker is left. Wipes the options' secrets. */
void host_destroy(host *h);

/* Replaces the keyring, and tells the plugin; takes over the caller's share. Any time. */
void host_set_keys(host *h, host_keys *keys);

static inline host *host_of(const cmp_host *table)
{
    return (host *)table->core;
}

static inline bool host_blocks(const host *h)
{
    return (h->plugin->flags & CMP_PLUGIN_BLOCKING) != 0;
}
