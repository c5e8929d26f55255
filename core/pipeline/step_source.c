/* SPDX-License-Identifier: Apache-2.0 */
/* On MC-1: does this address ask too often. Before anything of a request is read, since handsets
 * are anonymous: nothing else bounds what they cost. */
#include "pipeline/step.h"

step_result step_source(txn *t)
{
    if (t->request.interface != CMP_INTERFACE_MC1) {
        return STEP_NEXT;
    }
    if (listener_has_balancer(t->listener, t->request.source)) {
        return STEP_NEXT; /* a balancer's own, or behind more of them than we can see */
    }
    return step_rate(t, REFUSAL_SOURCE_RATE,
                     sources_take(t->listener->sources, t->request.source, t->first, t->begun_us));
}
