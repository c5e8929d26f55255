/* SPDX-License-Identifier: Apache-2.0 */
/* Asks the routes where a request goes that is not answered here. */
#include "pipeline/forward.h"
#include "pipeline/step.h"
#include "pipeline/trace.h"

#include <cmp-kit/text.h>

#define ROUTE_RETRY_S 1

static step_result refused(txn *t, cmp_refusal refusal)
{
    switch (refusal) {
    case CMP_REFUSE_ADDR_NOT_ALLOWED:
        return step_refuse(t, ERROR_ADDR_NOT_ALLOWED, param_name(CMP_PARAM_ADDR), NULL);
    case CMP_REFUSE_NOT_ALLOWED:
        return step_refuse(t, ERROR_NOT_ALLOWED, CMP_NONE, NULL);
    case CMP_REFUSE_UNKNOWN_ICI:
        break;
    }
    return step_refuse(t, ERROR_UNKNOWN_ICI, CMP_NONE, NULL);
}

static step_result all_declined(txn *t)
{
    /* The requestor named another CMP, and nobody goes there: 403 whatever the ICI (SPEC 5, 2). */
    return t->reason == CMP_ROUTE_ADDRESSED
               ? step_refuse(t, ERROR_ADDR_NOT_ALLOWED, param_name(CMP_PARAM_ADDR), NULL)
               : step_refuse(t, ERROR_UNKNOWN_ICI, CMP_NONE, NULL);
}

static step_result forward_to(txn *t, const cmp_route_answer *answer)
{
    peer *to = peers_find(t->generation->peers, answer->peer);
    /* Routes name a peer, and hold none: peers are of this generation, plugins may be older. */
    if (to == NULL) {
        ask_reject(&t->asker, "peer: is not configured");
        return step_refuse(t, ERROR_INTERNAL_ERROR, CMP_NONE, "A route named no configured peer");
    }
    forward_prepare(t, to, answer->addr, answer->lookup);
    return STEP_NEXT;
}

/* What a referral is for must head the ICI: the requestor would take it for nonsense otherwise. */
static step_result refer_to(txn *t, const cmp_route_answer *answer)
{
    const cmp_str ici = t->request.message.params[CMP_PARAM_ICI], prefix = answer->prefix;
    if (prefix.size > ici.size || !kit_ascii_equal_fold(prefix, (cmp_str){ici.at, prefix.size})) {
        ask_reject(&t->asker, "prefix: does not head the ici");
        return step_refuse(t, ERROR_INTERNAL_ERROR, CMP_NONE, NULL);
    }
    /* Lent by the route, and encoded before control is back in the loop. */
    t->referral = (reply_referral){.prefix = prefix, .addr = answer->addr, .ttl_s = answer->ttl_s};
    t->result = RESULT_REFERRAL;
    return STEP_REPLY;
}

static const char *const reasons[] = {
    [CMP_ROUTE_ADDRESSED] = "addressed",
    [CMP_ROUTE_TRANSFERRED] = "transferred",
    [CMP_ROUTE_ABSENT] = "absent",
};

static const char *const verdicts[] = {
    [CMP_ROUTE_DECLINE] = "declines",        [CMP_ROUTE_REFUSE] = "refuses",
    [CMP_ROUTE_UNAVAILABLE] = "cannot tell", [CMP_ROUTE_FORWARD] = "forward to peer ",
    [CMP_ROUTE_REFERRAL] = "referral to ",   [CMP_ROUTE_ANSWER] = "answers itself",
};

static void explain_verdict(txn *t, const instance *route, cmp_route_verdict verdict,
                            const cmp_route_answer *answer)
{
    const cmp_str where = verdict == CMP_ROUTE_FORWARD    ? answer->peer
                          : verdict == CMP_ROUTE_REFERRAL ? answer->addr
                                                          : CMP_STR("");
    trace_add(t, "route", "route %s (%s), reason %s: %s%.*s%s", route->name, route->plugin->name,
              reasons[t->reason], verdicts[verdict], TEXT(where),
              verdict == CMP_ROUTE_FORWARD && answer->lookup ? ", which may refer us" : "");
}

step_result step_route(txn *t)
{
    const chain *routes = &t->generation->routes;
    for (; t->chain_at < routes->count; t->chain_at++) {
        const cmp_route_answer *answer;
        const cmp_route_verdict verdict =
            ask_route(&t->asker, routes->at[t->chain_at], t->reason, &t->target, &answer);
        if (is_traced(t) && verdict != CMP_ROUTE_PENDING) {
            explain_verdict(t, routes->at[t->chain_at], verdict, answer);
        }
        t->account.decided_by = routes->at[t->chain_at]->name;
        switch (verdict) {
        case CMP_ROUTE_PENDING:
            return STEP_WAIT;
        case CMP_ROUTE_DECLINE:
            t->account.decided_by = NULL;
            break;
        case CMP_ROUTE_REFUSE:
            return refused(t, answer->refusal);
        case CMP_ROUTE_UNAVAILABLE:
            return ask_went_wrong(&t->asker) ? step_refuse(t, ERROR_INTERNAL_ERROR, CMP_NONE, NULL)
                                             : step_retry(t, ERROR_OVERLOADED, ROUTE_RETRY_S, NULL);
        case CMP_ROUTE_FORWARD:
            return forward_to(t, answer);
        case CMP_ROUTE_REFERRAL:
            return refer_to(t, answer);
        case CMP_ROUTE_ANSWER:
            return step_resolve(t, answer->record);
        }
    }
    return all_declined(t);
}
