/* Asks the stores, in their order: the first that knows the ICI decides. */
#include "base/text.h"
#include "pipeline/step.h"

#define STORE_RETRY_S 1

static step_result found(cmp_txn *t, const cmp_record *record)
{
    if (record->transferred_to.at == NULL) {
        return step_resolve(t, record);
    }
    const cmp_str host = t->generation->host;
    if (host.at != NULL && ascii_equal_fold(record->transferred_to, host)) {
        return step_refuse(t, ERROR_UNKNOWN_ICI, CMP_NONE, NULL); /* here, and yet not here */
    }
    t->elsewhere = true;
    t->reason = CMP_ROUTE_TRANSFERRED;
    t->target = arena_copy(&t->memory, record->transferred_to);
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

step_result step_lookup(cmp_txn *t)
{
    if (t->elsewhere) {
        return STEP_NEXT;
    }
    const chain *stores = &t->generation->stores;
    for (; t->chain_at < stores->count; t->chain_at++) {
        const cmp_store_verdict verdict = ask_store(t, stores->at[t->chain_at]);
        if (verdict == CMP_STORE_PENDING) {
            return STEP_WAIT;
        }
        if (verdict == CMP_STORE_FOUND) {
            return found(t, &t->ask.answer.record);
        }
        t->store_failed |= verdict != CMP_STORE_ABSENT;
    }
    if (t->store_failed) { /* unavailable is not unknown */
        return step_retry(t, ERROR_STORE_UNAVAILABLE, STORE_RETRY_S, NULL);
    }
    if (is_ours(t)) {
        return step_refuse(t, ERROR_UNKNOWN_ICI, CMP_NONE, NULL);
    }
    t->reason = CMP_ROUTE_ABSENT;
    return STEP_NEXT;
}
