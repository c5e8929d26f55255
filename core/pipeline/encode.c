/* SPDX-License-Identifier: Apache-2.0 */
/* The last stop before the front sends: writes the body straight into the response's memory. */
#include "pipeline/encode.h"

#include "mc/location.h"
#include "mc/record.h"
#include "mc/reply.h"
#include "mc/variant.h"
#include "pipeline/codes.h"
#include "pipeline/trace.h"

/* A browser is sent to where the code leads, when that is http(s); everybody else is told. */
static void encode_content(txn *t, const reply_resolved *reply, txn_answer *a)
{
    const cmp_str location = t->wants_redirect ? location_of(reply->content, &t->memory) : CMP_NONE;
    a->ttl_s = reply->ttl_s;
    if (location.at != NULL) {
        a->status = 302;
        a->reason = "Found";
        a->type = ANSWER_REDIRECT;
        a->location = location;
        a->body = "";
        return;
    }
    bool plain;
    a->body_size = reply_resolved_size(reply, &plain);
    /* Memory of h2o's request, not the transaction's: the body is sent after that has been
     * reused. */
    char *body = t->front->body_alloc(t, a->body_size);
    reply_resolved_write(reply, plain, body);
    a->body = body;
}

static void encode_resolved(txn *t, txn_answer *a)
{
    const cmp_record *record = t->record;
    const cmp_variant *variant =
        record->variant_count != 0 ? variant_choose(record, &t->request.message, t->request.now_ms)
                                   : NULL;
    const reply_resolved reply = {
        .tid = t->request.message.params[CMP_PARAM_TID],
        .ici = t->request.message.params[CMP_PARAM_ICI],
        .content = variant != NULL ? variant->content : record->content,
        .content_type = record_content_type(record, variant),
        .language = variant != NULL ? variant_language(variant) : CMP_NONE,
        .ttl_s = record->ttl_s != CMP_TTL_UNSET ? record->ttl_s
                                                : (uint32_t)t->generation->conf->top.resolve.ttl_s,
    };
    encode_content(t, &reply, a);
}

/* The next hop's answer, with the tid that the requestor knows: on the way there the request had
 * another (SPEC 5). */
static void encode_relayed(txn *t, txn_answer *a)
{
    reply_resolved reply = t->hop->answer.resolved;
    reply.tid = t->request.message.params[CMP_PARAM_TID];
    reply.ici = t->request.message.params[CMP_PARAM_ICI];
    encode_content(t, &reply, a);
}

static void encode_referral(txn *t, txn_answer *a)
{
    reply_referral reply = t->referral;
    reply.tid = t->request.message.params[CMP_PARAM_TID];
    reply.ici = t->request.message.params[CMP_PARAM_ICI];
    a->body_size = reply_referral_size(&reply);
    char *body = t->front->body_alloc(t, a->body_size);
    reply_referral_write(&reply, body);
    a->body = body;
}

static void encode_records(txn *t, txn_answer *a)
{
    a->body_size = codes_encode(t->codes, NULL);
    char *body = t->front->body_alloc(t, a->body_size);
    codes_encode(t->codes, body);
    a->body = body;
}

static void encode_problem(txn *t, txn_answer *a)
{
    const reply_problem reply = {
        .code = t->fault.code,
        .detail = cmp_str_from(t->fault.detail),
        .tid = t->request.message.params[CMP_PARAM_TID],
        .parameter = t->fault.parameter,
    };
    a->status = error_info_of(t->fault.code)->status;
    a->reason = error_info_of(t->fault.code)->title;
    a->type = ANSWER_PROBLEM;
    a->retry_after_s = t->retry_after_s;
    a->body_size = reply_problem_size(&reply);
    char *body = t->front->body_alloc(t, a->body_size);
    reply_problem_write(&reply, body);
    a->body = body;
}

/* Says which rule was chosen, and by what. */
static void trace_variant(txn *t)
{
    const cmp_variant *variant = variant_choose(t->record, &t->request.message, t->request.now_ms);
    if (variant == NULL) {
        trace_add(t, "variant", "none of %zu rules matches: the default content",
                  t->record->variant_count);
        return;
    }
    trace_add(t, "variant", "rule %zu of %zu matches", (size_t)(variant - t->record->variants) + 1,
              t->record->variant_count);
    for (size_t i = 0; i < variant->condition_count; i++) {
        const cmp_condition *condition = &variant->conditions[i];
        trace_add(t, "variant", "because %.*s is %.*s", TEXT(condition->name),
                  TEXT(condition->value));
    }
}

static void encode_trace(txn *t, txn_answer *a)
{
    const int status = t->result == RESULT_PROBLEM ? error_info_of(t->fault.code)->status : 200;
    if (t->result == RESULT_RESOLVED && t->record->variant_count != 0) {
        trace_variant(t);
    }
    a->body_size = trace_write(t, status, NULL);
    char *body = t->front->body_alloc(t, a->body_size);
    trace_write(t, status, body);
    a->body = body;
}

void encode_answer(txn *t, txn_answer *a)
{
    *a = (txn_answer){.status = 200, .reason = "OK", .type = ANSWER_JSON};
    if (is_traced(t)) {
        encode_trace(t, a);
        return;
    }
    switch (t->result) {
    case RESULT_RESOLVED:
        encode_resolved(t, a);
        break;
    case RESULT_RELAYED:
        encode_relayed(t, a);
        break;
    case RESULT_REFERRAL:
        encode_referral(t, a);
        break;
    case RESULT_RECORDS:
        encode_records(t, a);
        break;
    case RESULT_WRITTEN:
        *a = (txn_answer){.status = 204, .reason = "No Content", .type = ANSWER_EMPTY, .body = ""};
        break;
    case RESULT_PROBLEM:
        encode_problem(t, a);
        break;
    case RESULT_FORWARD: /* traced only */
        break;
    }
}
