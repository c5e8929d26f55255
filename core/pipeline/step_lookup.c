/* Asks the stores, in their order: the first that knows the ICI decides. */
#include "mc/record.h"
#include "pipeline/lookup.h"
#include "pipeline/step.h"
#include "pipeline/trace.h"

#include <cmp-kit/text.h>

#define STORE_RETRY_S 1

static step_result found(cmp_txn *t, const cmp_record *record)
{
    if (t->purpose == PURPOSE_RECORD) { /* whatever it says: its reader judges */
        t->record = *record;
        t->result = RESULT_RECORD;
        return STEP_REPLY;
    }
    if (record->transferred_to.at == NULL || record_state_at(record, t->now_ms) != RECORD_VALID) {
        return step_resolve(t, record);
    }
    const cmp_str host = t->generation->host;
    if (host.at != NULL && kit_ascii_equal_fold(record->transferred_to, host)) {
        return step_refuse(t, ERROR_UNKNOWN_ICI, CMP_NONE, NULL); /* here, and yet not here */
    }
    t->elsewhere = true;
    t->reason = CMP_ROUTE_TRANSFERRED;
    t->target = kit_arena_copy(&t->memory, record->transferred_to);
    return STEP_NEXT;
}

/* At equal length a peer's prefix wins: that is a child behind a Split-CMP-Parent. */
static bool is_ours(const cmp_txn *t)
{
    const cmp_str ici = t->message.params[CMP_PARAM_ICI];
    const size_t own = prefix_longest(t->generation->conf->top.cmp.prefixes, ici);
    size_t others = 0;
    peers_by_prefix(t->generation->peers, ici, &others);
    return own > 0 && own > others;
}

static void explain_verdict(cmp_txn *t, const instance *store, cmp_store_verdict verdict)
{
    const cmp_record *record = &t->ask.answer.record;
    if (verdict != CMP_STORE_FOUND) {
        trace_add(t, "lookup", "store %s (%s): %s", store->name, store->plugin->name,
                  verdict == CMP_STORE_ABSENT ? "does not know it" : "cannot tell now");
    } else if (record->transferred_to.at != NULL) {
        trace_add(t, "lookup", "store %s (%s): transferred to %.*s", store->name,
                  store->plugin->name, TEXT(record->transferred_to));
    } else {
        trace_add(t, "lookup", "store %s (%s): found, %zu variants", store->name,
                  store->plugin->name, record->variant_count);
    }
}

static void explain_prefixes(cmp_txn *t)
{
    const cmp_str ici = t->message.params[CMP_PARAM_ICI];
    size_t matched = 0;
    const size_t own = prefix_longest(t->generation->conf->top.cmp.prefixes, ici);
    const peer *p = peers_by_prefix(t->generation->peers, ici, &matched);
    trace_add(t, "lookup", "prefixes: our longest has %zu digits, a peer's %zu (%.*s)", own,
              matched, TEXT(p != NULL ? p->name : CMP_STR("none")));
}

step_result step_lookup(cmp_txn *t)
{
    if (t->elsewhere) {
        return STEP_NEXT;
    }
    const chain *stores = &t->generation->stores;
    for (; t->chain_at < stores->count; t->chain_at++) {
        const cmp_store_verdict verdict = lookup_ask(t, stores->at[t->chain_at]);
        if (verdict == CMP_STORE_PENDING) {
            return STEP_WAIT;
        }
        if (is_traced(t)) {
            explain_verdict(t, stores->at[t->chain_at], verdict);
        }
        if (verdict == CMP_STORE_FOUND) {
            return found(t, &t->ask.answer.record);
        }
        t->store_failed |= verdict != CMP_STORE_ABSENT;
    }
    if (t->store_failed) { /* unavailable is not unknown */
        return step_retry(t, ERROR_STORE_UNAVAILABLE, STORE_RETRY_S, NULL);
    }
    if (is_traced(t)) {
        explain_prefixes(t);
    }
    if (t->purpose == PURPOSE_RECORD || is_ours(t)) {
        return step_refuse(t, ERROR_UNKNOWN_ICI, CMP_NONE, NULL);
    }
    t->reason = CMP_ROUTE_ABSENT;
    return STEP_NEXT;
}
