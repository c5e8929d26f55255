/* SPDX-License-Identifier: Apache-2.0 */
/* Is there room for one more transaction. */
#include "base/refusals.h"
#include "pipeline/accounting.h"
#include "pipeline/step.h"

#define OVERLOAD_RETRY_S 1
#define JOURNAL_RETRY_S  10 /* until there is room on a disk it takes longer */

step_result step_admit(txn *t)
{
    /* This one is counted already. Refused at once: a queue would only grow. */
    if ((int64_t)t->worker->transactions > t->generation->conf->top.limits.transactions) {
        refusal_count(REFUSAL_TRANSACTIONS);
        return step_retry(t, ERROR_OVERLOADED, OVERLOAD_RETRY_S, NULL);
    }
    if (account_refuses(t)) {
        refusal_count(REFUSAL_JOURNAL);
        return step_retry(t, ERROR_OVERLOADED, JOURNAL_RETRY_S, NULL);
    }
    return STEP_NEXT;
}
