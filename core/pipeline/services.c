/* SPDX-License-Identifier: Apache-2.0 */
/* Services for plugins: records, changes of a store, and the views of keyring and peers. */
#include "pipeline/services.h"

#include "base/clock.h"
#include "mc/record.h"
#include "pipeline/ask.h"
#include "pipeline/cache.h"
#include "pipeline/said.h"
#include "plugin/abi_record.h"

#include <cmp-kit/memory.h>

#include <stdlib.h>

static bool service_record_parse(const cmp_host *host, const char *json, size_t size,
                                 void *(*alloc)(void *arg, size_t size), void *arg, cmp_str *ici,
                                 cmp_record *record, char *error, size_t error_size)
{
    const instance *i = host->core;
    if (i->older == NULL) {
        return record_parse(json, size, alloc, arg, ici, record, error, error_size);
    }
    cmp_record ours;
    const bool good = record_parse(json, size, alloc, arg, ici, &ours, error, error_size);
    abi_record_write(i->older, &ours, record);
    return good;
}

static size_t record_write_checked(const instance *i, cmp_str ici, const cmp_record *record,
                                   char *json, size_t room)
{
    char wrong[SAID_FAULT_MAX] = "ici: is none";
    if (!record_ici_valid(ici) || !record_check(record, wrong, sizeof(wrong))) {
        said_wrong(i, "record_write", wrong);
        return 0;
    }
    return record_write(ici, record, json, room);
}

static size_t service_record_write(const cmp_host *host, cmp_str ici, const cmp_record *record,
                                   char *json, size_t room)
{
    const instance *i = host->core;
    if (i->older == NULL) {
        return record_write_checked(i, ici, record, json, room);
    }
    cmp_record ours;
    kit_arena memory;
    kit_arena_init(&memory, NULL, 0);
    abi_record_read(i->older, record, &memory, &ours);
    const size_t size = record_write_checked(i, ici, &ours, json, room);
    kit_arena_reset(&memory);
    return size;
}

typedef struct change {
    const instance *store;
    unsigned worker;
    char *ici; /* NULL: any */
} change;

/* On the worker's thread: its cache has no lock. */
static void on_change(void *arg)
{
    change *c = arg;
    cache *at = c->store->caches[c->worker];
    if (at != NULL && c->ici != NULL) {
        cache_drop(at, cmp_str_from(c->ici));
    } else if (at != NULL) {
        cache_expire(at, (int64_t)clock_monotonic_ms());
    }
    free(c->ici);
    free(c);
}

/* On any thread. Each worker gets a change, and an ICI, of its own to free; without loops no worker
 * has begun, and nothing is cached. */
static void service_store_changed(const cmp_host *host, cmp_str ici)
{
    const instance *store = host->core;
    loop **loops = store->site->worker_loops;
    if ((ici.at != NULL || ici.size != 0) && !record_ici_valid(ici)) {
        said_wrong(store, "store_changed", "ici: is none");
        return;
    }
    for (unsigned i = 0; store->caches != NULL && loops != NULL && i < store->site->worker_count;
         i++) {
        change *c = kit_alloc(sizeof(*c));
        *c = (change){.store = store,
                      .worker = i,
                      .ici = ici.at != NULL ? strndup(ici.at, ici.size) : NULL};
        loop_post(loops[i], on_change, c);
    }
}

static void service_key_each(const cmp_host *host, cmp_key_use use,
                             void (*visit)(const cmp_key *key, void *arg), void *arg)
{
    keyring *keys = instance_keyring(host->core);
    if (keys != NULL) {
        keyring_each(keys, use, visit, arg);
    }
    keyring_unref(&keys);
}

static cmp_peer peer_view(const peer *p)
{
    return (cmp_peer){.name = p->name,
                      .host = p->host,
                      .prefixes = p->prefixes.at,
                      .prefix_count = p->prefixes.count};
}

static bool service_peer_find(const cmp_host *host, cmp_str name, cmp_peer *found)
{
    const instance *i = host->core;
    const peer *p = name.at != NULL && i->peers != NULL ? peers_find(i->peers, name) : NULL;
    if (p != NULL) {
        const cmp_peer view = peer_view(p);
        abi_write(i->older, ABI_cmp_peer, found, &view);
    }
    return p != NULL;
}

static void service_peer_each(const cmp_host *host, void (*visit)(const cmp_peer *peer, void *arg),
                              void *arg)
{
    const instance *asks = host->core;
    const size_t count = asks->peers != NULL ? peers_count(asks->peers) : 0;
    for (size_t i = 0; i < count; i++) {
        const cmp_peer view = peer_view(peers_at(asks->peers, i));
        if (view.name.size >
            0) { /* without one the configuration is refused, once all is checked */
            visit(&view, arg);
        }
    }
}

void pipeline_services(cmp_host *host)
{
    https_services(host);
    host->services |= CMP_SERVICE_KEYRING | CMP_SERVICE_PEERS;
    host->record_parse = service_record_parse;
    host->record_write = service_record_write;
    host->store_changed = service_store_changed;
    ask_services(host);
    log_services(host);
    host->key_each = service_key_each;
    host->peer_find = service_peer_find;
    host->peer_each = service_peer_each;
}
