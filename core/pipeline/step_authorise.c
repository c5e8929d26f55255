/* May this peer ask that: its interfaces, its prefixes, its rate. */
#include "base/clock.h"
#include "pipeline/step.h"

step_result step_authorise(cmp_txn *t)
{
    if (!peer_may_ask(t->requestor, t->interface, t->message.params[CMP_PARAM_ICI])) {
        return step_refuse(t, ERROR_NOT_ALLOWED, CMP_NONE, NULL);
    }
    const int64_t wait_ms = rate_take(t->requestor->limit, t->now_ms * 1000);
    if (wait_ms > 0) {
        return step_retry(t, ERROR_RATE_LIMITED, (unsigned)((wait_ms + 999) / 1000), NULL);
    }
    return STEP_NEXT;
}
