/* SPDX-License-Identifier: Apache-2.0 */
/* May this peer ask that: its interfaces, its prefixes, its rate. Handsets may. */
#include "pipeline/codes.h"
#include "pipeline/step.h"
#include "pipeline/trace.h"

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
    if (is_traced(t)) {
        return explain(t);
    }
    if (t->request.interface == CMP_INTERFACE_MC1) {
        return STEP_NEXT; /* step_source has counted it */
    }
    if (!may_ask(t)) {
        return step_refuse(t, ERROR_NOT_ALLOWED, CMP_NONE, NULL);
    }
    if (t->bearer != NULL) {
        return STEP_NEXT;
    }
    return step_rate(t, REFUSAL_PEER_RATE, rate_take(t->requestor->limit, t->begun_us));
}
