/* SPDX-License-Identifier: Apache-2.0 */
/* How steps end: with an error, or with a record of this CMP's own. */
#include "pipeline/step.h"

#include "mc/record.h"

step_result step_refuse(txn *t, error_code code, cmp_str parameter, const char *detail)
{
    t->result = RESULT_PROBLEM;
    t->fault = (fault){.code = code, .parameter = parameter, .detail = detail};
    return STEP_REPLY;
}

step_result step_fault(txn *t, const fault *f)
{
    return step_refuse(t, f->code, f->parameter, f->detail);
}

void step_ask_abandon(txn *t)
{
    ask_abandon(&t->asker);
}

step_result step_retry(txn *t, error_code code, unsigned after_s, const char *detail)
{
    t->retry_after_s = after_s;
    return step_refuse(t, code, CMP_NONE, detail);
}

step_result step_rate(txn *t, limit_refusal limit, int64_t wait_ms)
{
    if (wait_ms <= 0) {
        return STEP_NEXT;
    }
    refusal_count(limit);
    /* Retry-After has whole seconds (RFC 9110, 10.2.3): rounded down it would bring them back too
     * early. */
    return step_retry(t, ERROR_RATE_LIMITED, (unsigned)((wait_ms + 999) / 1000), NULL);
}

step_result step_resolve(txn *t, const cmp_record *record)
{
    switch (record_state_at(record, t->request.now_ms)) {
    case RECORD_VALID:
        t->record = record;
        t->result = RESULT_RESOLVED;
        return STEP_REPLY;
    case RECORD_GONE:
        return step_refuse(t, ERROR_GONE, CMP_NONE, NULL);
    case RECORD_NOT_YET:
        break;
    }
    /* Not yet valid is unknown: nothing is given away about tomorrow (SPEC 3). */
    return step_refuse(t, ERROR_UNKNOWN_ICI, CMP_NONE, NULL);
}
