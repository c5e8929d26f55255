/* Is there room for one more transaction. */
#include "pipeline/step.h"

#include "pipeline/codes.h"

#define OVERLOAD_RETRY_S 1

step_result step_admit(cmp_txn *t)
{
    int64_t limit = t->generation->conf->top.limits.transactions;
    if (t->purpose == PURPOSE_CODES) { /* each of its look-ups will be one; one batch has room */
        limit += CODES_BATCH_MAX - (int64_t)t->codes->count;
    }
    if ((int64_t)t->worker->transactions > limit) {
        return step_retry(t, ERROR_OVERLOADED, OVERLOAD_RETRY_S, NULL);
    }
    return STEP_NEXT;
}
