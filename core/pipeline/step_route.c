/* Asks the routes where a request goes that is not answered here. */
#include "pipeline/step.h"

#define ROUTE_RETRY_S 1

static step_result refused(cmp_txn *t, cmp_refusal refusal)
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

static step_result all_declined(cmp_txn *t)
{
    return t->reason == CMP_ROUTE_ADDRESSED
               ? step_refuse(t, ERROR_ADDR_NOT_ALLOWED, param_name(CMP_PARAM_ADDR), NULL)
               : step_refuse(t, ERROR_UNKNOWN_ICI, CMP_NONE, NULL);
}

step_result step_route(cmp_txn *t)
{
    const chain *routes = &t->generation->routes;
    for (; t->chain_at < routes->count; t->chain_at++) {
        const cmp_route_verdict verdict = ask_route(t, routes->at[t->chain_at]);
        const cmp_route_answer *answer = &t->ask.answer.route;
        switch (verdict) {
        case CMP_ROUTE_PENDING:
            return STEP_WAIT;
        case CMP_ROUTE_DECLINE:
            break;
        case CMP_ROUTE_REFUSE:
            return refused(t, answer->refusal);
        case CMP_ROUTE_UNAVAILABLE:
            return step_retry(t, ERROR_OVERLOADED, ROUTE_RETRY_S, NULL);
        case CMP_ROUTE_FORWARD:
            return step_refuse(t, ERROR_PEER_FAILED, CMP_NONE, "The next hop has no URL");
        case CMP_ROUTE_REFERRAL:
            t->referral = *answer;
            t->result = RESULT_REFERRAL;
            return STEP_REPLY;
        case CMP_ROUTE_ANSWER:
            return step_resolve(t, &answer->record);
        }
    }
    return all_declined(t);
}
