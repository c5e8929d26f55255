/* SPDX-License-Identifier: Apache-2.0 */
/* `count` and `addr` (Table 19): how far the request has come, and whether it is meant for us. */
#include "pipeline/step.h"
#include "pipeline/trace.h"

#include <cmp-kit/text.h>

step_result step_address(txn *t)
{
    /* Before `addr` is looked at: it would send a loop around once more. */
    if (t->request.message.count >= t->generation->conf->top.resolve.max_hops) {
        return step_refuse(t, ERROR_LOOP_DETECTED, param_name(CMP_PARAM_COUNT), NULL);
    }
    const cmp_str addr = t->request.message.params[CMP_PARAM_ADDR];
    if (addr.at == NULL) {
        return STEP_NEXT;
    }
    if (t->generation->host.at != NULL && kit_ascii_equal_fold(addr, t->generation->host)) {
        /* Has served its purpose: to whomever this may go on, it is not addressed to us. */
        t->request.message.params[CMP_PARAM_ADDR] = CMP_NONE;
        return STEP_NEXT;
    }
    /* Never more than a key into the configured peers: nothing is resolved or connected to that a
     * request names (SPEC 4). */
    const peer *addressed = peers_by_host(t->generation->peers, addr);
    if (is_traced(t)) {
        trace_add(t, "address", "addr %.*s is %s%.*s", TEXT(addr),
                  addressed == NULL ? "no peer" : "peer ",
                  TEXT(addressed == NULL ? CMP_STR("") : addressed->name));
    }
    if (t->requestor == NULL) {
        return step_refuse(t, ERROR_ADDR_NOT_ALLOWED, param_name(CMP_PARAM_ADDR), NULL);
    }
    if (addressed == NULL || !text_set_has(&t->requestor->forward_to, addressed->name)) {
        return step_refuse(t, ERROR_ADDR_NOT_ALLOWED, param_name(CMP_PARAM_ADDR), NULL);
    }
    t->elsewhere = true;
    t->reason = CMP_ROUTE_ADDRESSED;
    t->target = addressed->host;
    return STEP_NEXT;
}
