/* SPDX-License-Identifier: Apache-2.0 */
/* Calls a store's writing functions in their order, and keeps in mind what a replacement removes.
 */
#include "ctl/codes_write.h"

#include "ctl/interrupt.h"
#include "plugin/store.h"

#include <stdio.h>

static const cmp_store_ops *ops_of(const codes_write *w)
{
    return w->store->plugin->ops.store;
}

/* `said` is what the store has left in its error. */
static bool fail(codes_write *w, const char *said)
{
    snprintf(w->error, sizeof(w->error), "store %s: %s", w->store->name,
             said[0] != '\0' ? said : "it failed and did not say why");
    return false;
}

static bool add_other(cmp_str ici, const cmp_record *record, void *arg)
{
    (void)record;
    ici_set_add(arg, ici);
    return !interrupt_came();
}

/* Inside the write, so that nobody else adds codes meanwhile. */
static bool list_others(codes_write *w)
{
    char said[512] = "";
    w->others = ici_set_create();
    if (!store_scan(w->store, CMP_NONE, add_other, w->others, said, sizeof(said))) {
        return fail(w, said);
    }
    return !interrupt_came() || fail(w, "interrupted");
}

bool codes_write_begin(codes_write *w, instance *store, bool replace)
{
    char said[512] = "";
    *w = (codes_write){.store = store};
    const uintptr_t before = instance_enter(store, RUNNING_WRITE);
    w->write = ops_of(w)->begin(store->self, said, sizeof(said));
    running_leave(before);
    if (w->write == NULL) {
        return fail(w, said);
    }
    return !replace || list_others(w);
}

/* What was put is no other any more; one that the store did not hold is not in the set, and need
 * not be. */
bool codes_write_put(codes_write *w, cmp_str ici, const cmp_record *record)
{
    char said[512] = "";
    const uintptr_t before = instance_enter(w->store, RUNNING_WRITE);
    const bool good = store_put(w->store, w->write, ici, record, said, sizeof(said));
    running_leave(before);
    if (!good) {
        return fail(w, said);
    }
    if (w->others != NULL) {
        ici_set_mark(w->others, ici);
    }
    return true;
}

bool codes_write_remove(codes_write *w, cmp_str ici, bool *existed)
{
    char said[512] = "";
    *existed = false;
    const uintptr_t before = instance_enter(w->store, RUNNING_WRITE);
    const bool good = ops_of(w)->remove(w->store->self, w->write, ici, existed, said, sizeof(said));
    running_leave(before);
    return good || fail(w, said);
}

static bool remove_other(cmp_str ici, void *arg)
{
    codes_write *w = arg;
    bool existed;
    if (interrupt_came()) {
        return fail(w, "interrupted");
    }
    if (!codes_write_remove(w, ici, &existed)) {
        return false;
    }
    w->removed++;
    return true;
}

/* Removals come last: only now is it known what was not put. */
bool codes_write_commit(codes_write *w)
{
    if (w->others != NULL && !ici_set_each_unmarked(w->others, remove_other, w)) {
        return false;
    }
    char said[512] = "";
    void *write = w->write;
    w->write = NULL; /* ended, whatever comes of it */
    const uintptr_t before = instance_enter(w->store, RUNNING_WRITE);
    const bool good = ops_of(w)->commit(w->store->self, write, said, sizeof(said));
    running_leave(before);
    return good || fail(w, said);
}

void codes_write_end(codes_write *w)
{
    ici_set_destroy(&w->others);
    if (w->write != NULL) {
        const uintptr_t before = instance_enter(w->store, RUNNING_WRITE);
        ops_of(w)->abort(w->store->self, w->write);
        running_leave(before);
        w->write = NULL;
    }
}
