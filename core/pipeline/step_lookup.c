/* SPDX-License-Identifier: Apache-2.0 */
/* Asks the stores, in their order: the first that knows the ICI decides. */
#include "mc/record.h"
#include "pipeline/step.h"
#include "pipeline/trace.h"

#include <cmp-kit/text.h>

#define STORE_RETRY_S 1

static step_result found(txn *t, const cmp_record *record)
{
    /* One that was revoked or is over is not followed: it is gone, wherever it was. */
    if (record->transferred_to.at == NULL ||
        record_state_at(record, t->request.now_ms) != RECORD_VALID) {
        return step_resolve(t, record);
    }
    const cmp_str host = t->generation->host;
    if (host.at != NULL && kit_ascii_equal_fold(record->transferred_to, host)) {
        return step_refuse(t, ERROR_UNKNOWN_ICI, CMP_NONE, NULL); /* here, and yet not here */
    }
    t->elsewhere = true;
    t->reason = CMP_ROUTE_TRANSFERRED;
    /* The record is lent, and a route may wait. */
    t->target = kit_arena_copy(&t->memory, record->transferred_to);
    return STEP_NEXT;
}

static void explain_verdict(lookup *l, const instance *store, cmp_store_verdict verdict)
{
    txn *t = H2O_STRUCT_FROM_MEMBER(txn, lookup, l);
    if (verdict != CMP_STORE_FOUND) {
        trace_add(t, "lookup", "store %s (%s): %s", store->name, store->plugin->name,
                  verdict == CMP_STORE_ABSENT ? "does not know it" : "cannot tell now");
    } else if (l->record->transferred_to.at != NULL) {
        trace_add(t, "lookup", "store %s (%s): transferred to %.*s", store->name,
                  store->plugin->name, TEXT(l->record->transferred_to));
    } else {
        trace_add(t, "lookup", "store %s (%s): found, %zu variants", store->name,
                  store->plugin->name, l->record->variant_count);
    }
}

static void explain_owner(txn *t, const prefix_owner *owner)
{
    const cmp_str whose = owner->peer != NULL ? owner->peer->name : CMP_STR("us");
    if (owner->size == 0) {
        trace_add(t, "lookup", "no prefix, of ours or of a peer, heads this ICI");
    } else {
        trace_add(t, "lookup", "the longest prefix has %zu digits and is that of %s%.*s",
                  owner->size, owner->peer != NULL ? "peer " : "", TEXT(whose));
    }
}

static step_result absent(txn *t)
{
    const prefix_owner owner =
        peers_prefix_owner(t->generation->peers, t->request.message.params[CMP_PARAM_ICI]);
    if (is_traced(t)) {
        explain_owner(t, &owner);
    }
    if (owner.ours) {
        return step_refuse(t, ERROR_UNKNOWN_ICI, CMP_NONE, NULL);
    }
    t->reason = CMP_ROUTE_ABSENT;
    return STEP_NEXT;
}

static bool has_begun(const txn *t)
{
    return t->lookup.asker != NULL;
}

step_result step_lookup(txn *t)
{
    if (t->elsewhere) {
        return STEP_NEXT;
    }
    if (!has_begun(t)) {
        lookup_begin(&t->lookup, &t->asker, t->worker, &t->generation->stores, t->begun_us);
        t->lookup.told = is_traced(t) ? explain_verdict : NULL;
    }
    switch (lookup_run(&t->lookup)) {
    case CMP_STORE_PENDING:
        return STEP_WAIT;
    case CMP_STORE_FOUND:
        t->account.decided_by = t->lookup.stores->at[t->lookup.at]->name;
        return found(t, t->lookup.record);
    case CMP_STORE_ABSENT:
        return absent(t);
    case CMP_STORE_UNAVAILABLE: /* is not unknown */
        break;
    }
    return step_retry(t, ERROR_STORE_UNAVAILABLE, STORE_RETRY_S, NULL);
}

void step_lookup_abandon(txn *t)
{
    step_ask_abandon(t);
    lookup_abandon(&t->lookup);
}
