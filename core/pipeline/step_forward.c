/* SPDX-License-Identifier: Apache-2.0 */
/* Last step: asks the next hop, at one URL after the other, and takes its answer.
 *
 * Every attempt is a transaction of its own with a fresh tid. While the deadline lasts it is sent
 * to another URL, or once more to the same one when the connection ended before a whole answer came
 * (SPEC 5). */
#include "base/clock.h"
#include "base/log_limit.h"
#include "pipeline/accounting.h"
#include "pipeline/forward.h"
#include "pipeline/step.h"
#include "pipeline/tally.h"
#include "pipeline/trace.h"

#include <cmp-kit/text.h>

#define BUSY_RETRY_S   1
#define URLS_MAX       64 /* bits of hop.tried */
#define ATTEMPT_MIN_MS 20 /* chosen, not measured: an answer in less is not to be hoped for */

/* A peer that is slow or gone is asked a thousand times a second. */
static log_limit failures = {
    .level = CMP_LOG_NOTICE,
    .area = "forward",
    .what = "failures",
    .name = "peer",
    .each = LOG_EACH_FEW,
    .all = LOG_ALL_TOGETHER,
};

static const way *way_to(const txn *t)
{
    return &t->generation->ways[t->hop->to->index];
}

/* NULL: nobody waits for an answer any more. */
static void end_attempt(txn *t, const cmp_https_answer *answer, tally_attempt how)
{
    const int64_t now_us = clock_monotonic_us();
    account_attempt(t, answer, now_us);
    tally_attempt_end(t->hop->to->label, how, now_us - t->hop->began_us, txn_unix_us(t, now_us));
}

static tally_attempt end_of_attempt(const hop *h)
{
    switch (h->result) {
    case CMP_HTTPS_NOT_SENT:
        return TALLY_NOT_SENT;
    case CMP_HTTPS_BROKEN:
        return TALLY_BROKEN;
    case CMP_HTTPS_TIMEOUT:
        return TALLY_TIMEOUT;
    case CMP_HTTPS_BAD_ANSWER:
        return TALLY_BAD_ANSWER;
    case CMP_HTTPS_ANSWERED:
        break;
    }
    return h->answer.kind == NEXT_BAD    ? TALLY_BAD_ANSWER
           : h->answer.kind == NEXT_BUSY ? TALLY_BUSY
                                         : TALLY_ANSWERED;
}

/* Called by the outbound step at the end of a turn, never from within outbound_start: `call` is set
 * by then. What the answer points to is copied: it is lent for this call only. */
static void on_answer(void *arg, const cmp_https_answer *answer)
{
    txn *t = arg;
    hop *h = t->hop;
    h->call = NULL;
    h->state = HOP_ANSWERED;
    h->result = answer->result;
    h->retry_after_s = answer->retry_after_s;
    h->answer = (next_answer){.kind = NEXT_BAD, .detail = answer->detail};
    if (answer->result == CMP_HTTPS_ANSWERED) {
        next_answer_read(answer->status, answer->content_type, answer->body,
                         (cmp_str){h->tid, KIT_UUID_TEXT_SIZE},
                         t->request.message.params[CMP_PARAM_ICI], &t->memory, &h->answer);
    }
    if (h->answer.kind == NEXT_BAD) {
        const char *detail = h->answer.detail != NULL ? h->answer.detail : "no answer";
        log_limited(&failures, h->to->name, detail, NULL, 0, "peer %.*s, %s: %s (status %d)",
                    TEXT(h->to->name), origin_authority(way_to(t)->urls[h->url]), detail,
                    answer->status);
    }
    end_attempt(t, answer, end_of_attempt(h));
    h->answer.detail = NULL; /* valid during the callback only */
    txn_resume(t);
}

/* The first URL that was not tried and whose circuit is closed; else the first that was not tried:
 * that call ends as not sent, but sees to it that some worker probes the origin. */
static bool choose_url(txn *t)
{
    const way *w = way_to(t);
    size_t second = w->url_count;
    for (size_t i = 0; i < w->url_count && i < URLS_MAX; i++) {
        if ((t->hop->tried >> i & 1) != 0) {
            continue;
        }
        if (origin_circuit(w->urls[i]) == CIRCUIT_CLOSED) {
            t->hop->url = i;
            return true;
        }
        second = second == w->url_count ? i : second;
    }
    t->hop->url = second;
    return second < w->url_count;
}

/* While there are other URLs, one may only take its share of the time that is left. */
static uint64_t attempt_time_ms(const txn *t)
{
    const way *w = way_to(t);
    const uint64_t left = txn_time_left_ms(t, clock_monotonic_us());
    const size_t tried = (size_t)__builtin_popcountll(t->hop->tried);
    const size_t untried = w->url_count > tried ? w->url_count - tried : 1;
    return left / untried > ATTEMPT_MIN_MS ? left / untried : left;
}

static const char *const circuits[] = {
    [CIRCUIT_CLOSED] = "closed",
    [CIRCUIT_OPEN] = "open",
    [CIRCUIT_PROBING] = "being probed",
};

/* What the answer would be, only the next hop could say. */
static step_result explain_sent(txn *t)
{
    const way *w = way_to(t);
    trace_add(t, "forward", "would go to https://%s%s, %s%s, count %lld%s%.*s",
              origin_authority(w->urls[t->hop->url]), origin_path(w->urls[t->hop->url]),
              w->signer != NULL ? "signed by " : "unsigned",
              w->signer != NULL ? w->signer->name : "", (long long)t->request.message.count + 1,
              t->hop->addr.at != NULL ? ", addr " : "",
              TEXT(t->hop->addr.at != NULL ? t->hop->addr : CMP_STR("")));
    t->result = RESULT_FORWARD;
    return STEP_REPLY;
}

/* Begins it; the signer is asked as for a real request. */
static bool explain_way(txn *t)
{
    const way *w = way_to(t);
    for (size_t i = 0; i < w->url_count; i++) {
        trace_add(t, "forward", "peer %.*s: https://%s%s, circuit %s", TEXT(t->hop->to->name),
                  origin_authority(w->urls[i]), origin_path(w->urls[i]),
                  circuits[origin_circuit(w->urls[i])]);
    }
    if (!choose_url(t)) {
        trace_add(t, "forward", "peer %.*s has no URL", TEXT(t->hop->to->name));
        return false;
    }
    return true;
}

static step_result not_signed(txn *t, cmp_sign_verdict verdict)
{
    if (is_traced(t)) {
        trace_add(t, "forward", "%s cannot sign to peer %.*s: %s", way_to(t)->signer->name,
                  TEXT(t->hop->to->name), forward_sign_fault(verdict));
    }
    return step_refuse(t, ERROR_INTERNAL_ERROR, CMP_NONE, NULL);
}

/* While the signer has yet to answer, this is called again. */
static step_result sign_and_send(txn *t)
{
    const cmp_sign_verdict verdict = forward_sign(t);
    switch (verdict) {
    case CMP_SIGN_PENDING:
        t->hop->state = HOP_SIGNING;
        return STEP_WAIT;
    case CMP_SIGN_DONE:
        break;
    case CMP_SIGN_NO_KEY:
    case CMP_SIGN_UNAVAILABLE:
        return not_signed(t, verdict);
    }
    if (is_traced(t)) {
        return explain_sent(t);
    }
    const uint64_t timeout_ms = attempt_time_ms(t);
    t->hop->tried |= UINT64_C(1) << t->hop->url;
    t->hop->state = HOP_UNDER_WAY;
    forward_send(t, way_to(t)->urls[t->hop->url], timeout_ms, on_answer);
    return STEP_WAIT;
}

static step_result no_url(txn *t)
{
    if (!is_traced(t)) {
        log_limited(&failures, t->hop->to->name, "no url", NULL, 0, "peer %.*s has no url",
                    TEXT(t->hop->to->name));
    }
    return step_refuse(t, ERROR_PEER_FAILED, CMP_NONE, NULL);
}

static step_result attempt(txn *t)
{
    if (is_traced(t) ? !explain_way(t) : !choose_url(t)) {
        return no_url(t);
    }
    /* Before the signer and the call: both may take longer than h2o's request lives. */
    txn_keep(t);
    forward_renew(t);
    return sign_and_send(t);
}

static bool other_url_left(const txn *t)
{
    const way *w = way_to(t);
    const size_t count = w->url_count < URLS_MAX ? w->url_count : URLS_MAX;
    return (size_t)__builtin_popcountll(t->hop->tried) < count &&
           txn_time_left_ms(t, clock_monotonic_us()) > ATTEMPT_MIN_MS;
}

static step_result failed(txn *t, error_code code)
{
    if (other_url_left(t)) {
        return attempt(t);
    }
    if (t->hop->referred) { /* perhaps the registry knows better by now */
        referrals_forget(t->worker->process->referrals, t->hop->registry, t->hop->to->host);
    }
    return step_refuse(t, code, CMP_NONE, NULL);
}

static step_result go_to_referred(txn *t, cmp_str host)
{
    peer *registry = t->hop->to;
    peer *to = peers_by_host(t->generation->peers, host);
    if (t->generation->host.at != NULL && kit_ascii_equal_fold(host, t->generation->host)) {
        return step_refuse(t, ERROR_UNKNOWN_ICI, CMP_NONE, NULL); /* the stores were asked */
    }
    /* Back to whoever asked, or to the registry itself, is a loop. */
    if (to == NULL || to == t->requestor || to == registry) {
        log_limited(&failures, registry->name, "not a peer", NULL, 0,
                    "registry %.*s referred to %.*s, which is not a peer to go to",
                    TEXT(registry->name), TEXT(host));
        return step_refuse(t, ERROR_PEER_FAILED, CMP_NONE, NULL);
    }
    forward_prepare(t, to, CMP_NONE, false);
    t->hop->referred = true;
    t->hop->registry = registry->name;
    return attempt(t);
}

static step_result follow_referral(txn *t, const reply_referral *referral)
{
    if (!t->hop->may_refer) { /* believed only from a peer configured for look-ups */
        log_limited(&failures, t->hop->to->name, "not asked for", NULL, 0,
                    "peer %.*s sent a referral that nobody asked for", TEXT(t->hop->to->name));
        return failed(t, ERROR_PEER_FAILED);
    }
    referrals_remember(t->worker->process->referrals, t->hop->to->name, referral->prefix,
                       t->request.message.params[CMP_PARAM_ICI], referral->addr, referral->ttl_s,
                       t->begun_us / 1000);
    return go_to_referred(t, referral->addr);
}

static step_result relay(txn *t)
{
    next_answer *answer = &t->hop->answer;
    switch (answer->kind) {
    case NEXT_RESOLVED:
        t->result = RESULT_RELAYED;
        return STEP_REPLY;
    case NEXT_REFERRAL:
        return follow_referral(t, &answer->referral);
    case NEXT_PROBLEM:
        return step_refuse(t, answer->problem, CMP_NONE, NULL);
    case NEXT_BUSY:
        if (other_url_left(t)) {
            return attempt(t);
        }
        return step_retry(t, ERROR_OVERLOADED,
                          t->hop->retry_after_s != 0 ? t->hop->retry_after_s : BUSY_RETRY_S, NULL);
    case NEXT_BAD:
        break;
    }
    return failed(t, ERROR_PEER_FAILED);
}

/* A resolve changes nothing at the next hop but its journal, so it may come to it twice (SPEC 5).
 * The second time may be at another URL as well. */
static step_result once_more(txn *t)
{
    if (t->hop->repeated || __builtin_popcountll(t->hop->tried) != 1 || other_url_left(t) ||
        txn_time_left_ms(t, clock_monotonic_us()) <= ATTEMPT_MIN_MS) {
        return failed(t, ERROR_PEER_FAILED);
    }
    t->hop->repeated = true;
    t->hop->tried = 0;
    return attempt(t);
}

/* Another URL is tried for every failure. Only an ended connection is worth the same URL again: a
 * bad answer was worked for, and after a timeout no time is left. */
static step_result take_answer(txn *t)
{
    switch (t->hop->result) {
    case CMP_HTTPS_ANSWERED:
        return relay(t);
    case CMP_HTTPS_TIMEOUT:
        return failed(t, ERROR_PEER_TIMEOUT);
    case CMP_HTTPS_NOT_SENT:
        if (t->hop->retry_after_s != 0 && !other_url_left(t)) { /* our own queue is full */
            return step_retry(t, ERROR_OVERLOADED, t->hop->retry_after_s, NULL);
        }
        break;
    case CMP_HTTPS_BROKEN:
        return once_more(t);
    case CMP_HTTPS_BAD_ANSWER:
        break;
    }
    return failed(t, ERROR_PEER_FAILED);
}

static step_result begin(txn *t)
{
    char host[REFERRAL_HOST_MAX + 1];
    if (t->hop->may_refer &&
        referrals_find(t->worker->process->referrals, t->hop->to->name,
                       t->request.message.params[CMP_PARAM_ICI], t->begun_us / 1000, host)) {
        return go_to_referred(t, cmp_str_from(host));
    }
    return attempt(t);
}

step_result step_forward(txn *t)
{
    switch (t->hop->state) {
    case HOP_SIGNING:
        return sign_and_send(t);
    case HOP_ANSWERED:
        return take_answer(t);
    case HOP_NONE:
    case HOP_UNDER_WAY:
        break;
    }
    return begin(t);
}

void step_forward_abandon(txn *t)
{
    step_ask_abandon(t); /* of the signer */
    if (t->hop->call != NULL) {
        outbound_cancel(t->hop->call);
        end_attempt(t, NULL, TALLY_ABANDONED);
        t->hop->call = NULL;
    }
}
