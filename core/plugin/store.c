/* SPDX-License-Identifier: Apache-2.0 */
/* See store.h. */
#include "plugin/store.h"

#include "plugin/abi_record.h"

typedef struct older_scan {
    const abi_layout *older;
    cmp_store_visit visit;
    void *arg;
} older_scan;

static bool visit_older(cmp_str ici, const cmp_record *record, void *arg)
{
    const older_scan *s = arg;
    cmp_record ours;
    kit_arena memory;
    kit_arena_init(&memory, NULL, 0);
    abi_record_read(s->older, record, &memory, &ours);
    const bool on = s->visit(ici, &ours, s->arg);
    kit_arena_reset(&memory);
    return on;
}

bool store_scan(const instance *store, cmp_str after, cmp_store_visit visit, void *arg, char *error,
                size_t error_size)
{
    const cmp_store_ops *ops = store->plugin->ops.store;
    older_scan s = {store->older, visit, arg};
    const bool same = store->older == NULL;
    const uintptr_t before = instance_enter(store, RUNNING_SCAN);
    const bool good = ops->scan(store->self, after, same ? visit : visit_older,
                                same ? arg : (void *)&s, error, error_size);
    running_leave(before);
    return good;
}

bool store_put(const instance *store, void *write, cmp_str ici, const cmp_record *record,
               char *error, size_t error_size)
{
    const cmp_store_ops *ops = store->plugin->ops.store;
    if (store->older == NULL) {
        return ops->put(store->self, write, ici, record, error, error_size);
    }
    cmp_record shown = *record;
    kit_arena memory;
    kit_arena_init(&memory, NULL, 0);
    abi_record_show(store->older, &memory, &shown);
    const bool good = ops->put(store->self, write, ici, &shown, error, error_size);
    kit_arena_reset(&memory);
    return good;
}
