/* May this peer ask that: its interfaces, its prefixes, its rate; on MC-1 the rate of its address.
 */
#include "pipeline/codes.h"
#include "pipeline/step.h"
#include "pipeline/trace.h"

static step_result too_many(txn *t, int64_t wait_ms)
{
    return step_retry(t, ERROR_RATE_LIMITED, (unsigned)((wait_ms + 999) / 1000), NULL);
}

static step_result explain(txn *t)
{
    if (t->requestor == NULL) {
        trace_add(t, "authorise", "a handset: anybody may ask");
        return STEP_NEXT;
    }
    const bool may =
        peer_may_ask(t->requestor, t->request.interface, t->request.message.params[CMP_PARAM_ICI]);
    trace_add(t, "authorise", "peer %.*s may %sask for this ICI here", TEXT(t->requestor->name),
              may ? "" : "not ");
    return may ? STEP_NEXT : step_refuse(t, ERROR_NOT_ALLOWED, CMP_NONE, NULL);
}

/* The interface codes: peers read what they may ask for; writing takes a token. */
static bool may_use_codes(const txn *t)
{
    const codes_request *c = t->codes;
    if (t->bearer != NULL) {
        return token_may(t->bearer, codes_writes(c) ? TOKEN_WRITE : TOKEN_READ);
    }
    bool may = !codes_writes(c);
    for (size_t i = 0; i < c->count && may; i++) {
        may = peer_may_ask(t->requestor, CMP_INTERFACE_CODES, c->icis[i]);
    }
    return may;
}

static bool may_ask(const txn *t)
{
    return t->purpose == PURPOSE_CODES ? may_use_codes(t)
                                       : peer_may_ask(t->requestor, t->request.interface,
                                                      t->request.message.params[CMP_PARAM_ICI]);
}

step_result step_authorise(txn *t)
{
    const int64_t now_us = t->request.now_ms * 1000;
    if (is_traced(t)) {
        return explain(t);
    }
    if (t->request.interface == CMP_INTERFACE_MC1) {
        if (conf_networks_hold(&t->listener->conf->balancers.from, t->request.source)) {
            return STEP_NEXT; /* a balancer's own, or behind more of them than we can see */
        }
        const int64_t wait_ms =
            sources_take(t->listener->sources, t->request.source, t->first, now_us);
        return wait_ms > 0 ? too_many(t, wait_ms) : STEP_NEXT;
    }
    if (!may_ask(t)) {
        return step_refuse(t, ERROR_NOT_ALLOWED, CMP_NONE, NULL);
    }
    if (t->bearer != NULL) {
        return STEP_NEXT;
    }
    const int64_t wait_ms = rate_take(t->requestor->limit, now_us);
    return wait_ms > 0 ? too_many(t, wait_ms) : STEP_NEXT;
}
