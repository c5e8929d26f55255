/* SPDX-License-Identifier: Apache-2.0 */
/* The plugin ABI: what a plugin exports, and its history.
 *
 * A plugin is a shared library with one exported object:
 *
 *     CMP_EXPORT const cmp_plugin cmp_plugin_descriptor = {
 *         CMP_PLUGIN_ABI,
 *         .name = "store_example", .kind = CMP_PLUGIN_STORE, …
 *     };
 *
 * It includes only <cmp/…>, links against nothing of its host, and may be loaded by any program
 * that fills struct cmp_host.
 *
 * Versions. A plugin loads when its major equals the host's and its minor is not newer. The number
 * is independent of cmpd's release. A minor only appends: fields at the end of structs,
 * enumerators, services. Everything else is a new major.
 *
 * Numbers. The host hands over no enumerator that the plugin's minor does not have: what needs one
 * is not asked of that plugin, not shown to it, or told by the nearest that it knows. An enumerator
 * that ends in _MAX counts the others; it stands for none of them, and may be higher in the next
 * minor. Macros keep their values.
 *
 * Structs. Each side may know more fields of a struct than the other. The host reads what a plugin
 * hands over (descriptor, tables, answers, records, requests) by the minor that the descriptor
 * names, and takes what lies beyond as zero, in a record as in CMP_RECORD_INIT; what the plugin
 * hands over to be filled (record_parse, peer_find) it fills as far as that minor goes. What the
 * host hands over may be larger than the plugin knows, but in arrays (variants), whose members lie
 * as far apart as in that minor. So a struct that may grow is passed by pointer only, and lies in
 * no other. These never grow, and may lie anywhere: cmp_str, cmp_pair, cmp_op, cmp_cidr, cmp_cidrs,
 * cmp_strings, cmp_rows. A condition is a cmp_pair.
 *
 * Life. On the control thread: choose, check, create, start; then on each worker's own thread
 * worker_start, operations, worker_stop; then, on the control thread again, destroy. keys_changed
 * and command come between start and destroy, on the control thread, while workers are at work.
 * What is called on a worker must not block, but in a plugin that says CMP_PLUGIN_BLOCKING; what is
 * called on the control thread may, for as long as a start may take. A tool that only lists or
 * writes codes creates and destroys, and asks between them; it starts neither instance nor worker.
 * The loop that start and worker_start get is NULL in a host without CMP_SERVICE_LOOP.
 *
 * A host may take a new configuration while it serves. An instance goes on in it when nothing has
 * changed of its section, of the files that its paths name, and, if its plugin names
 * CMP_SERVICE_PEERS, of the peers. Otherwise one is made in its place (create, with the old one as
 * `previous`, and start) while workers still use the old one; each worker starts the new one, ends
 * its last request of the old one, and stops it; then that is destroyed. A configuration with an
 * error is given up: destroy comes after create, without start.
 *
 * Ledger
 *   2.0  2026-11-26  Auth, store and route plugins; operations by handle (cmp_op); options as
 *                    rows; a descriptor for each instance (choose); commands of an operator to an
 *                    instance; services log, clock, random, counters, gauges, histograms, health,
 *                    records, transactions, loop, offload, https, keyring, peers; for
 *                    authentication header fields, client certificates, parameters that are taken,
 *                    and header fields that a signature adds.
 *   2.1  2026-11-26  A request's traceparent (cmp_host.txn_traceparent); and a plugin may be built
 *                    for an older minor than its headers have (CMP_ABI_MINOR, CMP_HOST_HAS).
 *
 * A minor with a date is closed for good; from 2.0 on the ABI only grows. tests/abi/ keeps the
 * headers of each minor, and tests/abi/closed what closed ones were. After a change of these here
 * tests/abi/update.py takes them for the minor that is open; when none is, a change begins the next
 * one.
 */
#pragma once

#include <cmp/auth.h>
#include <cmp/host.h>
#include <cmp/option.h>
#include <cmp/route.h>
#include <cmp/store.h>

/* The symbol that a host looks for. */
#define CMP_PLUGIN_SYMBOL "cmp_plugin_descriptor"

typedef enum cmp_plugin_kind {
    CMP_PLUGIN_AUTH = 1,
    CMP_PLUGIN_STORE,
    CMP_PLUGIN_ROUTE,
} cmp_plugin_kind;

enum {
    /* Its operations may block. They run on a pool of threads, several at once, on an immutable
     * copy of the transaction; they return their answer, are never cancelled, and an answer that
     * comes after the deadline is thrown away. worker_start is not called. */
    CMP_PLUGIN_BLOCKING = 1 << 0,
};

/* Something that an operator may have an instance do while it is at work, beside what its options
 * say: `cmpctl plugin INSTANCE NAME [ARGUMENT]`. A row of a table that CMP_COMMAND_END ends. */
typedef struct cmp_command {
    const char *name;     /* a letter and up to 63 of a-z, 0-9, _ and - */
    const char *argument; /* what help calls the text that may come with it ("FILE"); NULL: none */
    const char *help;     /* one line */
} cmp_command;

#define CMP_COMMAND_END                                                                            \
    {                                                                                              \
        .name = NULL                                                                               \
    }

/* What a plugin is. It is static, and so is all that it points to. */
typedef struct cmp_plugin {
    /* Checked before anything else is read; they lie here in every major. */
    uint32_t struct_size;
    uint16_t abi_major;
    uint16_t abi_minor;

    const char *name; /* as in `use:`; equals the file's name without its extension */
    cmp_plugin_kind kind;
    uint32_t flags;
    uint32_t services;   /* CMP_SERVICE_… that it cannot do without */
    const char *version; /* the plugin's own */
    const char *summary; /* one line */

    const cmp_option *options; /* ended by CMP_OPTION_END; NULL: none */
    size_t options_size;       /* of the struct that they fill */

    /* Checks what the rows cannot: combinations, references; changes nothing. Called before every
     * create, by `cmpd -t` too, so what create finds out by itself (a file that cannot be read)
     * need not be looked at twice. Adds errors to `report`. Control thread. May be NULL. */
    void (*check)(const cmp_host *host, const void *options, cmp_report *report);

    /* Makes an instance. `options` lives as long as the instance. `previous` is NULL or an instance
     * of the same descriptor that this one replaces; state may be adopted from it, it stays in use
     * until its own destroy. With CMP_PURPOSE_CHECK it changes nothing anywhere. Returns NULL after
     * having said why in `report`. Control thread. */
    void *(*create)(const cmp_host *host, const void *options, void *previous, cmp_report *report);

    /* The host is about to start its workers, or to have those that run take the instance; `loop`
     * is the control loop. Control thread. May be NULL. */
    void (*start)(void *instance, cmp_loop *loop);

    /* The state of one worker, made and ended on its thread. May be NULL, and may return NULL. */
    void *(*worker_start)(void *instance, cmp_loop *loop);
    void (*worker_stop)(void *instance, void *worker);

    /* The keyring was replaced: from now on key_each shows the new one, and when this has returned
     * the host wipes the old secrets. What was derived of them must be neither used for long nor
     * left in memory: workers_call gets to each worker's part between two requests. Control thread,
     * between start and destroy. A host without CMP_SERVICE_LOOP, where nobody could get there,
     * ends its workers before it replaces a keyring and starts them anew instead of calling this.
     * NULL: nothing is derived. */
    void (*keys_changed)(void *instance);

    /* Frees the instance: no operation is under way and no worker is left. Stop timers and watches
     * of the control loop here, at the latest. Control thread. */
    void (*destroy)(void *instance);

    /* The vtable of its kind. */
    union {
        const cmp_auth_ops *auth;
        const cmp_store_ops *store;
        const cmp_route_ops *route;
    } ops;

    /* For a plugin whose instances do not all do the same, such as two drivers behind one name:
     * says which descriptor serves an instance with these options, so that each has the operations
     * that it needs and no more (one that never waits has no cancel). Of what it returns the host
     * reads flags, check, create, the life cycle, command and ops, and of this one the rest; it is
     * static, of the same name and kind, and chooses no further. NULL after having said why in
     * `report`. Called before check, changes nothing. Control thread.
     *
     * NULL: this descriptor serves all instances. Otherwise it need not have those itself. */
    const struct cmp_plugin *(*choose)(const cmp_host *host, const void *options,
                                       cmp_report *report);

    /* What an operator may have an instance do; NULL: nothing. */
    const cmp_command *commands;

    /* Does one of them, which is ended by host->command_done with this `id`, exactly once, from
     * within the call or later, on any thread. `argument` is absent when none came; it and `name`
     * are valid during the call. The host gives the next one when this has ended, or when it has
     * waited long enough (ours: 30 s) and told the operator so: then what was begun may go on
     * beside the next, and how it ends is nobody's concern. So it is with one that is under way
     * when destroy comes. Control thread, on which others wait: what takes long belongs on the pool
     * or a worker. Between start and destroy. Needed when there are commands, of who serves the
     * instance.
     */
    void (*command)(void *instance, const char *name, cmp_str argument, uint64_t id);
} cmp_plugin;

#define CMP_PLUGIN_ABI                                                                             \
    .struct_size = sizeof(cmp_plugin), .abi_major = CMP_ABI_MAJOR, .abi_minor = CMP_ABI_MINOR

/* The table of options and the struct that they fill (CMP_OPTIONS in <cmp/option.h>). */
#define CMP_PLUGIN_OPTIONS(table) .options = (table), .options_size = sizeof(table##_fills)
