/* SPDX-License-Identifier: Apache-2.0 */
/* See accounting.h. */
#include "pipeline/accounting.h"

#include "base/address.h"
#include "base/clock.h"
#include "journal/journal.h"
#include "pipeline/codes.h"
#include "pipeline/trace.h"

#include <cmp-kit/text.h>

#define ACCOUNT_WAITS_MAX 16  /* the last one takes what comes behind it */
#define ACCOUNT_SAMPLED   256 /* of so many transactions one has its synchronous steps measured */

static journal *journal_of(const txn *t)
{
    return t->worker->process->journal;
}

static bool is_accounted(const txn *t)
{
    return journal_of(t) != NULL && !is_traced(t);
}

bool account_refuses(const txn *t)
{
    return journal_of(t) != NULL && journal_refuses(journal_of(t), t->worker->index);
}

/* ---- times ---- */

static uint32_t short_time(int64_t us)
{
    return us < 0 ? 0 : us < UINT32_MAX ? (uint32_t)us : UINT32_MAX;
}

static void add_wait(txn *t, const char *step, int64_t since_us, int64_t now_us, bool synchronous)
{
    account *a = &t->account;
    const uint32_t took_us = short_time(now_us - since_us);
    if (a->waits == NULL) {
        a->waits = kit_arena_alloc(&t->memory, ACCOUNT_WAITS_MAX * sizeof(*a->waits));
    }
    if (a->wait_count == ACCOUNT_WAITS_MAX) {
        account_wait_of *last = &a->waits[ACCOUNT_WAITS_MAX - 1];
        last->took_us = short_time((int64_t)last->took_us + took_us);
        return;
    }
    a->waits[a->wait_count++] = (account_wait_of){.step = step,
                                                  .after_us = short_time(since_us - t->begun_us),
                                                  .took_us = took_us,
                                                  .synchronous = synchronous};
}

/* `text` is decoded, and gone, before the first wait. */
void account_begin(txn *t)
{
    account *a = &t->account;
    if (a->begun || !is_accounted(t)) {
        return;
    }
    a->begun = true;
    a->octets_in = t->text.size;
    a->sampled = ++t->worker->sampled % ACCOUNT_SAMPLED == 0;
    a->since_us = a->sampled ? clock_monotonic_us() : 0;
}

void account_wait(txn *t, const char *step, int64_t now_us)
{
    if (is_accounted(t)) {
        add_wait(t, step, t->waits_since_us, now_us, false);
        t->account.since_us = now_us;
    }
}

void account_step(txn *t, const char *step)
{
    account *a = &t->account;
    if (a->sampled) {
        const int64_t now_us = clock_monotonic_us();
        add_wait(t, step, a->since_us, now_us, true);
        a->since_us = now_us;
    }
}

/* ---- attempts ---- */

void account_send(txn *t, size_t octets)
{
    if (is_accounted(t)) {
        t->account.attempts++;
        t->account.octets_sent = octets;
    }
}

typedef struct outcome {
    journal_verdict verdict;
    const char *code; /* NULL: none */
} outcome;

/* An error that does not go back as it is. */
static const char *code_of_status(int status)
{
    return status == 401   ? error_info_of(ERROR_AUTHENTICATION_FAILED)->code
           : status == 429 ? error_info_of(ERROR_RATE_LIMITED)->code
           : status == 503 ? error_info_of(ERROR_OVERLOADED)->code
                           : NULL;
}

static outcome outcome_of_answer(const next_answer *answer, int status)
{
    switch (answer->kind) {
    case NEXT_RESOLVED:
        return (outcome){JOURNAL_RESOLVED, NULL};
    case NEXT_REFERRAL:
        return (outcome){JOURNAL_REFERRAL, NULL};
    case NEXT_PROBLEM:
        return (outcome){JOURNAL_REFUSED, error_info_of(answer->problem)->code};
    case NEXT_BUSY:
    case NEXT_BAD:
        break;
    }
    return status >= 400 ? (outcome){JOURNAL_REFUSED, code_of_status(status)}
                         : (outcome){JOURNAL_BAD_ANSWER, NULL};
}

static outcome outcome_of(const txn *t, const cmp_https_answer *answer)
{
    static const journal_verdict without_answer[] = {
        [CMP_HTTPS_NOT_SENT] = JOURNAL_NOT_SENT,
        [CMP_HTTPS_BROKEN] = JOURNAL_BROKEN,
        [CMP_HTTPS_TIMEOUT] = JOURNAL_TIMEOUT,
        [CMP_HTTPS_BAD_ANSWER] = JOURNAL_BAD_ANSWER,
    };
    if (answer == NULL) {
        return (outcome){JOURNAL_ABANDONED, NULL};
    }
    return answer->result == CMP_HTTPS_ANSWERED ? outcome_of_answer(&t->hop->answer, answer->status)
                                                : (outcome){without_answer[answer->result], NULL};
}

void account_attempt(txn *t, const cmp_https_answer *answer, int64_t now_us)
{
    if (!is_accounted(t)) {
        return;
    }
    const account *a = &t->account;
    const cmp_str *params = t->request.message.params;
    const outcome o = outcome_of(t, answer);
    const bool answered = answer != NULL && answer->result == CMP_HTTPS_ANSWERED;
    journal_record r;
    journal_record_begin(&r, JOURNAL_ATTEMPT);
    r.interface = CMP_INTERFACE_MC3;
    r.verdict = o.verdict;
    r.when_us = txn_unix_us(t, t->hop->began_us);
    r.took_us = (uint64_t)(now_us - t->hop->began_us);
    r.status = answered ? (unsigned)answer->status : 0;
    r.attempt = a->attempts;
    r.octets_in = answered ? answer->body.size : 0;
    r.octets_out = a->octets_sent;
    journal_record_text(&r, JOURNAL_TID, (cmp_str){t->hop->tid, KIT_UUID_TEXT_SIZE});
    journal_record_text(&r, JOURNAL_ICI, params[CMP_PARAM_ICI]);
    journal_record_text(&r, JOURNAL_PEER, t->hop->to->name);
    journal_record_text(&r, JOURNAL_CODE, cmp_str_from(o.code));
    journal_record_text(&r, JOURNAL_ORIGIN_TID, params[CMP_PARAM_TID]);
    journal_record_text(&r, JOURNAL_ORIGIN_PEER,
                        t->requestor != NULL ? t->requestor->name : CMP_NONE);
    journal_record_text(&r, JOURNAL_CC, params[CMP_PARAM_CC]);
    journal_record_text(&r, JOURNAL_TRACE, txn_trace_id(t));
    journal_put(journal_of(t), t->worker->index, &r);
}

/* ---- rejections ---- */

void account_rejection(txn *t, const char *plugin, const char *reason)
{
    if (is_accounted(t)) {
        t->account.plugin = kit_arena_text(&t->memory, cmp_str_from(plugin));
        t->account.reason = kit_arena_text(&t->memory, cmp_str_from(reason));
    }
}

/* To whom the key was issued by which the request claims to be signed: no more than a claim. */
typedef struct claim {
    cmp_str id, name;
} claim;

static void look_at_key(const cmp_key *key, void *arg)
{
    claim *c = arg;
    if (cmp_str_equal(key->id, c->id)) {
        c->name = key->peer;
    }
}

static cmp_str claimed_peer(const txn *t)
{
    claim c = {.id = t->request.message.params[CMP_PARAM_APIKEYID]};
    if (c.id.size > 0 && t->worker->keyring != NULL) {
        keyring_each(t->worker->keyring, CMP_KEY_ISSUED, look_at_key, &c);
    }
    return c.name;
}

/* What a stranger sent is recorded like any other's, so that it is found by its tid. */
static void put_rejection(txn *t, const txn_answer *answer, journal_record *r)
{
    if (!journal_rejection_fits(journal_of(t), t->worker->index, t->request.now_ms)) {
        return;
    }
    const account *a = &t->account;
    const cmp_str *params = t->request.message.params;
    char source[INET6_ADDRSTRLEN];
    address_format(t->request.source, source);
    r->kind = JOURNAL_REJECTION;
    journal_record_text(r, JOURNAL_TID, params[CMP_PARAM_TID]);
    journal_record_text(r, JOURNAL_ICI, params[CMP_PARAM_ICI]);
    journal_record_text(r, JOURNAL_APIKEYID, params[CMP_PARAM_APIKEYID]);
    journal_record_text(r, JOURNAL_PEER, claimed_peer(t));
    journal_record_text(r, JOURNAL_SOURCE, cmp_str_from(source));
    journal_record_text(r, JOURNAL_PLUGIN, cmp_str_from(a->plugin));
    journal_record_text(r, JOURNAL_REASON,
                        cmp_str_from(a->reason != NULL ? a->reason : t->fault.detail));
    r->verdict = answer != NULL ? JOURNAL_REFUSED : JOURNAL_CLIENT_GONE;
    journal_put(journal_of(t), t->worker->index, r);
}

/* ---- transactions ---- */

static const journal_verdict verdicts[] = {
    [RESULT_PROBLEM] = JOURNAL_REFUSED,   [RESULT_RESOLVED] = JOURNAL_RESOLVED,
    [RESULT_RELAYED] = JOURNAL_RELAYED,   [RESULT_REFERRAL] = JOURNAL_REFERRAL,
    [RESULT_FORWARD] = JOURNAL_ABANDONED, [RESULT_RECORDS] = JOURNAL_RECORDS,
    [RESULT_WRITTEN] = JOURNAL_WRITTEN,
};

static void add_waits(const account *a, journal_record *r)
{
    r->wait_count = a->wait_count;
    for (size_t i = 0; i < a->wait_count; i++) {
        const account_wait_of *w = &a->waits[i];
        r->waits[i] =
            (journal_wait){cmp_str_from(w->step), w->after_us, w->took_us, w->synchronous};
    }
}

static void put_transaction(txn *t, const txn_answer *answer, cmp_str ici, cmp_str who,
                            journal_record *r)
{
    const account *a = &t->account;
    const cmp_str *params = t->request.message.params;
    r->verdict = answer != NULL ? verdicts[t->result] : JOURNAL_CLIENT_GONE;
    r->attempt = a->attempts;
    journal_record_text(r, JOURNAL_TID, params[CMP_PARAM_TID]);
    journal_record_text(r, JOURNAL_ICI, ici);
    journal_record_text(r, JOURNAL_PEER, who);
    journal_record_text(r, JOURNAL_DECIDED_BY, cmp_str_from(a->decided_by));
    journal_record_text(r, JOURNAL_CC, params[CMP_PARAM_CC]);
    if (t->hop != NULL) {
        journal_record_text(r, JOURNAL_NEXT_PEER, t->hop->to->name);
        journal_record_text(r, JOURNAL_NEXT_TID,
                            a->attempts > 0 ? (cmp_str){t->hop->tid, KIT_UUID_TEXT_SIZE}
                                            : CMP_NONE);
    }
    add_waits(a, r);
    journal_add_pseudonyms(journal_of(t), r, params);
    journal_put(journal_of(t), t->worker->index, r);
}

/* A handset is anonymous: of its requests those are recorded that went to a next hop, so that its
 * attempts have somewhere to belong to (SPEC 7), and of those that were refused a few. */
void account_end(txn *t, const txn_answer *answer, cmp_str ici, cmp_str who, int64_t took_us)
{
    if (!is_accounted(t)) {
        return;
    }
    const account *a = &t->account;
    const bool problem = answer == NULL || t->result == RESULT_PROBLEM;
    journal_record r;
    journal_record_begin(&r, JOURNAL_TRANSACTION);
    r.interface = (uint8_t)t->request.interface;
    r.when_us = txn_unix_us(t, t->begun_us);
    r.took_us = (uint64_t)took_us;
    r.status = answer != NULL ? (unsigned)answer->status : 0;
    r.octets_in = a->octets_in;
    r.octets_out = answer != NULL ? answer->body_size : 0;
    journal_record_text(&r, JOURNAL_LISTENER, t->listener->name);
    journal_record_text(&r, JOURNAL_TRACE, txn_trace_id(t));
    if (answer != NULL && problem) {
        journal_record_text(&r, JOURNAL_CODE, cmp_str_from(error_info_of(t->fault.code)->code));
    }
    if (who.size > 0 || a->attempts > 0) {
        put_transaction(t, answer, ici, who, &r);
    } else if (problem) {
        put_rejection(t, answer, &r);
    }
}
