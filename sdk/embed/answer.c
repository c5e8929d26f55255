/* SPDX-License-Identifier: Apache-2.0 */
/* From a plugin's verdict to what a program answers with: the daemon's steps, in small. */
#include "embed/embed.h"

#include "base/clock.h"
#include "mc/record.h"
#include "mc/reply.h"
#include "mc/variant.h"

#include <cmp-kit/text.h>

#define REFUSED_MIN   500 /* HTTP statuses that say: not executed */
#define RATE_LIMIT    429

#define DEFAULT_TTL_S 300

static int tell(cmp_embed_answer *a, error_code code, const char *reason)
{
    const error_info *info = error_info_of(code);
    a->status = info->status;
    a->code = code != ERROR_NONE ? info->code : NULL;
    a->reason = reason;
    return a->status;
}

static error_code code_of(const char *word)
{
    error_code code = ERROR_NONE + 1;
    while (code < ERROR_MAX && strcmp(error_info_of(code)->code, word) != 0) {
        code++;
    }
    return code < ERROR_MAX ? code : ERROR_INTERNAL_ERROR;
}

/* ---- verify ---- */

static bool is_peer(const cmp_embed *e, cmp_str name)
{
    bool found = e->settings.peer_count == 0;
    for (size_t i = 0; i < e->settings.peer_count && !found; i++) {
        found = cmp_str_equal(e->settings.peers[i].name, name);
    }
    return found;
}

/* Each signed request once (SPEC 4). */
static void remember(cmp_embed *e, const host_op *op, cmp_embed_answer *a)
{
    const cmp_auth_answer *said = &op->answer.auth;
    if (said->once == CMP_ONCE_NO || e->replay == NULL) {
        return;
    }
    replay *memory = e->replay->memory;
    const bool repeats = said->once == CMP_ONCE_IDENTICAL;
    const uint64_t digest = repeats ? message_digest(&op->own.message, replay_seed(memory)) : 0;
    const int64_t now_ms = (int64_t)clock_monotonic_ms();
    switch (replay_remember(memory, said->credential, said->fingerprint, digest, now_ms)) {
    case REPLAY_NEW:
        memcpy(a->fingerprint, said->fingerprint, sizeof(a->fingerprint));
        a->remembered = true;
        return;
    case REPLAY_IDENTICAL:
        if (repeats) {
            return;
        }
        break;
    case REPLAY_DIFFERENT:
        break;
    case REPLAY_FULL:
        tell(a, ERROR_RATE_LIMITED, "the replay memory for this key is full");
        return;
    }
    tell(a, ERROR_REPLAYED, "it was seen before");
}

static void verified(cmp_embed *e, host_op *op, cmp_embed_answer *a)
{
    const cmp_auth_answer *said = &op->answer.auth;
    switch ((cmp_auth_verdict)op->verdict) {
    case CMP_AUTH_ACCEPT:
        if (!is_peer(e, said->peer)) {
            tell(a, ERROR_AUTHENTICATION_FAILED, "the plugin named a peer that is not known");
            return;
        }
        request_drop(&op->own, op->consumed);
        a->peer = said->peer;
        a->credential = said->credential;
        remember(e, op, a);
        return;
    case CMP_AUTH_ABSTAIN:
        a->peer = said->peer;
        tell(a, ERROR_AUTHENTICATION_FAILED, "the plugin does not judge it");
        return;
    case CMP_AUTH_UNAVAILABLE:
        tell(a, ERROR_AUTHENTICATION_UNAVAILABLE, said->reason);
        return;
    case CMP_AUTH_REJECT:
    case CMP_AUTH_PENDING:
        break;
    }
    tell(a, ERROR_AUTHENTICATION_FAILED, said->reason);
}

void cmp_embed_done(cmp_embed_answer *answer, int status)
{
    if (answer->remembered && (status == RATE_LIMIT || status >= REFUSED_MIN)) {
        replay_release(answer->embed->replay->memory, answer->fingerprint);
    }
    answer->remembered = false;
}

/* ---- sign, lookup, route ---- */

static void signed_(host_op *op, cmp_embed_answer *a)
{
    switch ((cmp_sign_verdict)op->verdict) {
    case CMP_SIGN_DONE:
        a->signature = &op->answer.signature;
        return;
    case CMP_SIGN_NO_KEY:
        tell(a, ERROR_INTERNAL_ERROR, "no key of that peer is valid now");
        return;
    case CMP_SIGN_UNAVAILABLE:
    case CMP_SIGN_PENDING:
        break;
    }
    tell(a, ERROR_OVERLOADED, "the plugin cannot sign now");
}

static void found(const cmp_record *record, const host_op *op, cmp_embed_answer *a)
{
    switch (record_state_at(record, op->own.now_ms)) {
    case RECORD_VALID:
        a->record = record;
        return;
    case RECORD_NOT_YET:
        tell(a, ERROR_UNKNOWN_ICI, "it is not valid yet");
        return;
    case RECORD_GONE:
        break;
    }
    tell(a, ERROR_GONE, NULL);
}

static void looked_up(host_op *op, cmp_embed_answer *a)
{
    if (op->verdict == CMP_STORE_FOUND) {
        found(&op->answer.record, op, a);
    } else if (op->verdict == CMP_STORE_ABSENT) {
        tell(a, ERROR_UNKNOWN_ICI, NULL);
    } else {
        tell(a, ERROR_STORE_UNAVAILABLE, NULL);
    }
}

/* What a referral is for must head the ICI: the requestor would take it for nonsense otherwise. */
static void refer(const host_op *op, cmp_embed_answer *a)
{
    const cmp_str ici = op->own.message.params[CMP_PARAM_ICI];
    const cmp_str prefix = op->answer.route.prefix;
    if (prefix.size > ici.size || !kit_ascii_equal_fold(prefix, (cmp_str){ici.at, prefix.size})) {
        tell(a, ERROR_INTERNAL_ERROR, "the plugin's prefix does not head the ici");
        return;
    }
    a->routed = &op->answer.route;
}

static void refused(cmp_refusal refusal, cmp_embed_answer *a)
{
    tell(a,
         refusal == CMP_REFUSE_ADDR_NOT_ALLOWED ? ERROR_ADDR_NOT_ALLOWED
         : refusal == CMP_REFUSE_NOT_ALLOWED    ? ERROR_NOT_ALLOWED
                                                : ERROR_UNKNOWN_ICI,
         NULL);
}

static void routed(const cmp_embed *e, host_op *op, cmp_embed_answer *a)
{
    const cmp_route_answer *said = &op->answer.route;
    switch ((cmp_route_verdict)op->verdict) {
    case CMP_ROUTE_DECLINE:
        tell(a, op->reason == CMP_ROUTE_ADDRESSED ? ERROR_ADDR_NOT_ALLOWED : ERROR_UNKNOWN_ICI,
             NULL);
        return;
    case CMP_ROUTE_REFUSE:
        refused(said->refusal, a);
        return;
    case CMP_ROUTE_FORWARD:
        if (is_peer(e, said->peer)) {
            a->routed = said;
        } else {
            tell(a, ERROR_INTERNAL_ERROR, "the plugin named a peer that is not known");
        }
        return;
    case CMP_ROUTE_REFERRAL:
        refer(op, a);
        return;
    case CMP_ROUTE_ANSWER:
        a->routed = said;
        found(said->record, op, a);
        return;
    case CMP_ROUTE_UNAVAILABLE:
    case CMP_ROUTE_PENDING:
        break;
    }
    tell(a, ERROR_OVERLOADED, NULL);
}

/* ---- the answer ---- */

static void unanswered(host_ask ask, cmp_embed_answer *a)
{
    static const error_code codes[] = {[HOST_VERIFY] = ERROR_AUTHENTICATION_UNAVAILABLE,
                                       [HOST_SIGN] = ERROR_OVERLOADED,
                                       [HOST_LOOKUP] = ERROR_STORE_UNAVAILABLE,
                                       [HOST_ROUTE] = ERROR_OVERLOADED};
    tell(a, codes[ask], "no answer came in time");
}

void embed_answer(cmp_embed *e, host_op *op, host_ask ask, cmp_embed_answer *answer)
{
    tell(answer, ERROR_NONE, NULL);
    if (op == NULL) {
        unanswered(ask, answer);
        return;
    }
    answer->embed = e;
    answer->asked = &op->own;
    answer->verdict = op->verdict;
    switch (ask) {
    case HOST_VERIFY:
        verified(e, op, answer);
        break;
    case HOST_SIGN:
        signed_(op, answer);
        break;
    case HOST_LOOKUP:
        looked_up(op, answer);
        break;
    case HOST_ROUTE:
        routed(e, op, answer);
        break;
    }
    if (op->wrong != NULL) {
        answer->reason = op->wrong;
    }
}

/* A program of an older minor has a shorter struct. */
void embed_hand_over(const cmp_embed_answer *answer, cmp_embed_answer *to)
{
    const size_t size = to->size < sizeof(*to) ? to->size : sizeof(*to);
    memcpy(to, answer, size);
    to->size = size;
}

/* ---- what was asked ---- */

cmp_str cmp_embed_param(const cmp_embed_answer *answer, cmp_param param)
{
    const mc_request *r = answer->asked;
    return r != NULL && (unsigned)param < CMP_PARAM_MAX ? r->message.params[param] : CMP_NONE;
}

const cmp_pair *cmp_embed_contextual(const cmp_embed_answer *answer, size_t index)
{
    const mc_request *r = answer->asked;
    return r != NULL && index < r->message.contextual_count ? &r->message.contextual[index] : NULL;
}

int cmp_embed_validate(cmp_embed_answer *answer)
{
    mc_request *r = (mc_request *)(uintptr_t)answer->asked;
    fault f = {.code = ERROR_NONE};
    if (answer->status == 200 && r != NULL && !message_validate(&r->message, &f)) {
        tell(answer, f.code,
             kit_arena_printf(r->memory, "%.*s: %s", (int)f.parameter.size,
                              f.parameter.at != NULL ? f.parameter.at : "",
                              f.detail != NULL ? f.detail : "it is missing"));
    }
    return answer->status;
}

int cmp_embed_refuse(cmp_embed_answer *answer, const char *code)
{
    return tell(answer, code_of(code), NULL);
}

/* ---- bodies ---- */

static size_t write_referral(const mc_request *r, cmp_str prefix, cmp_str addr, uint32_t ttl_s,
                             char *body, size_t room)
{
    const reply_referral reply = {.tid = r->message.params[CMP_PARAM_TID],
                                  .ici = r->message.params[CMP_PARAM_ICI],
                                  .prefix = prefix,
                                  .addr = addr,
                                  .ttl_s = ttl_s};
    const size_t size = reply_referral_size(&reply);
    if (size <= room) {
        reply_referral_write(&reply, body);
    }
    return size;
}

static size_t write_record(const mc_request *r, const cmp_record *record, char *body, size_t room)
{
    const cmp_variant *variant = variant_choose(record, &r->message, r->now_ms);
    const reply_resolved reply = {
        .tid = r->message.params[CMP_PARAM_TID],
        .ici = r->message.params[CMP_PARAM_ICI],
        .content = variant != NULL ? variant->content : record->content,
        .content_type = record_content_type(record, variant),
        .language = variant != NULL ? variant_language(variant) : CMP_NONE,
        .ttl_s = record->ttl_s != CMP_TTL_UNSET ? record->ttl_s : DEFAULT_TTL_S,
    };
    bool plain;
    const size_t size = reply_resolved_size(&reply, &plain);
    if (size <= room) {
        reply_resolved_write(&reply, plain, body);
    }
    return size;
}

static size_t write_problem(const cmp_embed_answer *a, char *body, size_t room)
{
    const reply_problem reply = {.code = code_of(a->code),
                                 .tid = cmp_embed_param(a, CMP_PARAM_TID)};
    const size_t size = reply_problem_size(&reply);
    if (size <= room) {
        reply_problem_write(&reply, body);
    }
    return size;
}

size_t cmp_embed_referral(const cmp_embed_answer *answer, cmp_str prefix, cmp_str addr,
                          uint32_t ttl_s, char *body, size_t room)
{
    return answer->asked != NULL ? write_referral(answer->asked, prefix, addr, ttl_s, body, room)
                                 : 0;
}

size_t cmp_embed_body(const cmp_embed_answer *answer, char *body, size_t room)
{
    const cmp_record *record = answer->record;
    const cmp_route_answer *to = answer->routed;
    if (answer->status != 200) {
        return write_problem(answer, body, room);
    }
    if (record != NULL && record->transferred_to.at == NULL) {
        return write_record(answer->asked, record, body, room);
    }
    if (to != NULL && answer->verdict == CMP_ROUTE_REFERRAL) {
        return write_referral(answer->asked, to->prefix, to->addr, to->ttl_s, body, room);
    }
    return 0;
}
