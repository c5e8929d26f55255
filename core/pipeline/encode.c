/* The last stop before the front sends: writes the body straight into the response's memory. */
#include "pipeline/encode.h"

#include "mc/record.h"
#include "mc/reply.h"
#include "mc/variant.h"

static void encode_resolved(cmp_txn *t, txn_answer *a)
{
    const cmp_record *record = &t->record;
    const cmp_variant *variant =
        record->variant_count != 0 ? variant_choose(record, &t->message, t->now_ms) : NULL;
    const reply_resolved reply = {
        .tid = t->message.params[CMP_PARAM_TID],
        .ici = t->message.params[CMP_PARAM_ICI],
        .content = variant != NULL ? variant->content : record->content,
        .content_type = record_content_type(record, variant),
        .language = variant != NULL ? variant_language(variant) : CMP_NONE,
        .ttl_s = record->ttl_s != CMP_TTL_UNSET ? record->ttl_s
                                                : (uint32_t)t->generation->conf->top.resolve.ttl_s,
    };
    a->body_size = reply_resolved_size(&reply);
    char *body = t->front->body_alloc(t, a->body_size);
    reply_resolved_write(&reply, body);
    a->body = body;
}

static void encode_referral(cmp_txn *t, txn_answer *a)
{
    const reply_referral reply = {
        .tid = t->message.params[CMP_PARAM_TID],
        .ici = t->message.params[CMP_PARAM_ICI],
        .prefix = t->referral.prefix,
        .addr = t->referral.addr,
        .ttl_s = t->referral.ttl_s,
    };
    a->body_size = reply_referral_size(&reply);
    char *body = t->front->body_alloc(t, a->body_size);
    reply_referral_write(&reply, body);
    a->body = body;
}

static void encode_problem(cmp_txn *t, txn_answer *a)
{
    const reply_problem reply = {
        .code = t->fault.code,
        .detail = cmp_str_from(t->fault.detail),
        .tid = t->message.params[CMP_PARAM_TID],
        .parameter = t->fault.parameter,
    };
    a->status = error_info_of(t->fault.code)->status;
    a->type = ANSWER_PROBLEM;
    a->retry_after_s = t->retry_after_s;
    a->body_size = reply_problem_size(&reply);
    char *body = t->front->body_alloc(t, a->body_size);
    reply_problem_write(&reply, body);
    a->body = body;
}

void encode_answer(cmp_txn *t, txn_answer *a)
{
    *a = (txn_answer){.status = 200, .type = ANSWER_JSON};
    switch (t->result) {
    case RESULT_RESOLVED:
        encode_resolved(t, a);
        break;
    case RESULT_REFERRAL:
        encode_referral(t, a);
        break;
    case RESULT_PROBLEM:
        encode_problem(t, a);
        break;
    }
}
