/* May this peer ask that: its interfaces, its prefixes, its rate; on MC-1 the rate of its address.
 */
#include "pipeline/step.h"
#include "pipeline/trace.h"

static step_result too_many(cmp_txn *t, int64_t wait_ms)
{
    return step_retry(t, ERROR_RATE_LIMITED, (unsigned)((wait_ms + 999) / 1000), NULL);
}

static step_result explain(cmp_txn *t)
{
    if (t->requestor == NULL) {
        trace_add(t, "authorise", "a handset: anybody may ask");
        return STEP_NEXT;
    }
    const bool may = peer_may_ask(t->requestor, t->interface, t->message.params[CMP_PARAM_ICI]);
    trace_add(t, "authorise", "peer %.*s may %sask for this ICI here", TEXT(t->requestor->name),
              may ? "" : "not ");
    return may ? STEP_NEXT : step_refuse(t, ERROR_NOT_ALLOWED, CMP_NONE, NULL);
}

step_result step_authorise(cmp_txn *t)
{
    const int64_t now_us = t->now_ms * 1000;
    if (is_traced(t)) {
        return explain(t);
    }
    if (t->interface == CMP_INTERFACE_MC1) {
        const int64_t wait_ms = sources_take(t->listener->sources, t->source, now_us);
        return wait_ms > 0 ? too_many(t, wait_ms) : STEP_NEXT;
    }
    if (!peer_may_ask(t->requestor, t->interface, t->message.params[CMP_PARAM_ICI])) {
        return step_refuse(t, ERROR_NOT_ALLOWED, CMP_NONE, NULL);
    }
    const int64_t wait_ms = rate_take(t->requestor->limit, now_us);
    return wait_ms > 0 ? too_many(t, wait_ms) : STEP_NEXT;
}
