/* SPDX-License-Identifier: Apache-2.0 */
/* A request's way through cmpd: the table of its steps, and the only loop that moves a transaction.
 *
 *     socket → listener → TLS → front ─→ the steps below ─→ encode → reply
 *
 * Authentication comes before anything is executed (9.3.2): until step_authenticate has accepted,
 * no store, no route and no peer is touched, and the order of this table is what guarantees it. */
#include "pipeline/pipeline.h"

#include "base/clock.h"
#include "base/log_limit.h"
#include "observe/counters.h"
#include "pipeline/accounting.h"
#include "pipeline/codes.h"
#include "pipeline/encode.h"
#include "pipeline/request_log.h"
#include "pipeline/step.h"
#include "pipeline/tally.h"
#include "pipeline/trace.h"

typedef struct step {
    const char *name;
    step_result (*run)(txn *t);
    void (*abandon)(txn *t); /* nobody waits for it any more; NULL: it never waits */
    error_code late;         /* the answer when the deadline passes while it waits */
    unsigned on;             /* the transactions that take it; others pass it over */
} step;

enum {
    RESOLVE = 1 << PURPOSE_RESOLVE,
    CODES = 1 << PURPOSE_CODES,
    EXPLAIN = 1 << 8, /* in place of its purpose, when a request is only explained (trace.h) */
};

/* Why this order: room and the address's rate first, since they cost nothing and what cannot be
 * read spends its rate as well. A replay is asked for once the signature is good, so that nobody
 * burns another's tid. Values are checked after that, so that a stranger learns nothing from the
 * answer. `addr` comes before the stores: what is meant for another CMP is none of theirs. */
static const step steps[] = {
    {"admit", step_admit, NULL, ERROR_NONE, RESOLVE | CODES},
    {"source", step_source, NULL, ERROR_NONE, RESOLVE},
    {"decode", step_decode, NULL, ERROR_NONE, RESOLVE | EXPLAIN},
    {"signed list", step_signed_list, NULL, ERROR_NONE, CODES},
    {"authenticate", step_authenticate, step_ask_abandon, ERROR_AUTHENTICATION_UNAVAILABLE,
     RESOLVE | CODES},
    {"list", step_list, NULL, ERROR_NONE, CODES},
    {"once", step_once, NULL, ERROR_NONE, RESOLVE | CODES},
    {"authorise", step_authorise, NULL, ERROR_NONE, RESOLVE | CODES | EXPLAIN},
    {"validate", step_validate, NULL, ERROR_NONE, RESOLVE | EXPLAIN},
    {"address", step_address, NULL, ERROR_NONE, RESOLVE | EXPLAIN},
    {"lookup", step_lookup, step_lookup_abandon, ERROR_STORE_UNAVAILABLE, RESOLVE | EXPLAIN},
    {"route", step_route, step_ask_abandon, ERROR_OVERLOADED, RESOLVE | EXPLAIN},
    {"forward", step_forward, step_forward_abandon, ERROR_PEER_TIMEOUT, RESOLVE | EXPLAIN},
    {"codes", step_codes, step_codes_abandon, ERROR_STORE_UNAVAILABLE, CODES},
};

#define STEP_COUNT (sizeof(steps) / sizeof(steps[0]))

_Static_assert(STEP_COUNT <= TALLY_STEPS, "waits are counted by step");

const char *pipeline_step_name(unsigned number)
{
    return number < STEP_COUNT && steps[number].abandon != NULL ? steps[number].name : NULL;
}

#define LATE_RETRY_S 1

static unsigned count_resolved, count_relayed, count_referral, count_records, count_written,
    count_gone, count_problem[ERROR_MAX];

static log_limit late = {
    .level = CMP_LOG_INFO,
    .area = "pipeline",
    .what = "passed deadlines",
    .name = "step",
    .each = {60, 60},
    .all = {300, 300},
};

static void reply(txn *t)
{
    /* Encoding is the last use of what plugins lend. After pipeline_end the transaction may be
     * gone. */
    txn_answer a;
    encode_answer(t, &a);
    t->front->send(t, &a);
    pipeline_end(t, &a);
}

static void end_wait(txn *t)
{
    if (t->waits_since_us == 0) {
        return;
    }
    const int64_t now_us = clock_monotonic_us();
    if (!is_traced(t)) {
        tally_wait(t->step, now_us - t->waits_since_us);
    }
    account_wait(t, steps[t->step].name, now_us);
    t->waits_since_us = 0;
}

static void on_deadline(void *arg)
{
    txn *t = arg;
    t->deadline = NULL;
    end_wait(t);
    /* First of all: from here on no completion may come back to a transaction with an answer. There
     * is one, since only a step that can be abandoned waits. */
    steps[t->step].abandon(t);
    const log_field tid = {"tid", t->request.message.params[CMP_PARAM_TID]};
    log_limited(&late, cmp_str_from(steps[t->step].name), NULL, &tid, 1,
                "deadline passed in step %s", steps[t->step].name);
    step_retry(t, steps[t->step].late, LATE_RETRY_S, "The deadline passed");
    reply(t);
}

static void wait_with_deadline(txn *t)
{
    if (t->deadline != NULL) { /* `count` may be known by now, and with it an earlier deadline */
        loop_timer_stop(t->deadline);
    }
    t->waits_since_us = clock_monotonic_us();
    t->deadline =
        loop_timer_start(t->worker->loop, txn_time_left_ms(t, t->waits_since_us), on_deadline, t);
}

static unsigned kind_of(const txn *t)
{
    return is_traced(t) ? EXPLAIN : 1U << t->purpose;
}

void pipeline_run(txn *t)
{
    const unsigned kind = kind_of(t);
    account_begin(t);
    end_wait(t);
    while (t->step < STEP_COUNT) {
        const step *s = &steps[t->step];
        if ((s->on & kind) == 0) {
            t->step++;
            continue;
        }
        const step_result result = s->run(t);
        if (t->account.sampled) {
            account_step(t, s->name);
        }
        switch (result) {
        case STEP_NEXT:
            t->step++;
            t->chain_at = 0;
            break;
        case STEP_WAIT:
            wait_with_deadline(t);
            return;
        case STEP_REPLY:
            reply(t);
            return;
        }
    }
    step_refuse(t, ERROR_INTERNAL_ERROR, CMP_NONE, NULL); /* the last step always replies */
    reply(t);
}

void pipeline_refuse(txn *t, error_code code, cmp_str parameter, const char *detail)
{
    step_refuse(t, code, parameter, detail);
    reply(t);
}

void pipeline_count_refused(error_code code)
{
    counter_add(count_problem[code], 1);
}

/* 429 and 5xx mean that the request was not executed: it may come again (SPEC 4). */
static void settle_replay_memory(txn *t, const txn_answer *a)
{
    if (t->remembered && a != NULL && (a->status == 429 || a->status >= 500)) {
        replay_release(t->worker->process->replay, t->fingerprint);
    }
}

/* Only of those that were good. */
static void note_credential(const txn *t)
{
    const int64_t now_ms = t->request.now_ms;
    if (t->requestor != NULL && t->credential.size > 0) {
        tally_key_used(TALLY_KEY_ISSUED, label_find(t->credential), now_ms / 1000);
        tally_tid(t->requestor->label, t->request.message.params[CMP_PARAM_TID], now_ms);
    } else if (t->bearer != NULL) {
        tally_key_used(TALLY_TOKEN, t->bearer->label, now_ms / 1000);
    }
}

static void count_end(const txn *t, const txn_answer *a, int64_t took_us)
{
    static const tally_end ends[] = {
        [RESULT_RESOLVED] = TALLY_RESOLVED, [RESULT_RELAYED] = TALLY_RELAYED,
        [RESULT_REFERRAL] = TALLY_REFERRAL, [RESULT_RECORDS] = TALLY_RECORDS,
        [RESULT_WRITTEN] = TALLY_WRITTEN,
    };
    const unsigned end = a == NULL                     ? TALLY_GONE
                         : t->result == RESULT_PROBLEM ? TALLY_PROBLEM + (unsigned)t->fault.code
                                                       : ends[t->result];
    tally_transaction(t->request.interface, t->requestor != NULL ? t->requestor->label : LABEL_NONE,
                      end, took_us, txn_unix_us(t, t->begun_us + took_us));
    note_credential(t);
}

static void count_result(const txn *t, const txn_answer *a, int64_t took_us)
{
    if (is_traced(t)) { /* nobody outside sees it as a request */
        return;
    }
    counter_add(a == NULL                      ? count_gone
                : t->result == RESULT_RESOLVED ? count_resolved
                : t->result == RESULT_RELAYED  ? count_relayed
                : t->result == RESULT_REFERRAL ? count_referral
                : t->result == RESULT_RECORDS  ? count_records
                : t->result == RESULT_WRITTEN  ? count_written
                                               : count_problem[t->fault.code],
                1);
    count_end(t, a, took_us);
}

/* Of many ICIs none is shown. */
static cmp_str shown_ici(const txn *t)
{
    const bool many = t->purpose == PURPOSE_CODES && t->codes->count > 1;
    return many ? CMP_STR("") : t->request.message.params[CMP_PARAM_ICI];
}

static cmp_str shown_requestor(const txn *t)
{
    return t->requestor != NULL ? t->requestor->name
           : t->bearer != NULL  ? t->bearer->name
                                : CMP_STR("");
}

void pipeline_end(txn *t, const txn_answer *a)
{
    t->answered = true;
    settle_replay_memory(t, a);
    const int64_t took_us = clock_monotonic_us() - t->begun_us;
    count_result(t, a, took_us);
    request_log(t, a, shown_ici(t), shown_requestor(t), took_us);
    account_end(t, a, shown_ici(t), shown_requestor(t), took_us);
    txn_close_if_done(t);
}

/* Only while a step waits: nothing else lets control go before the transaction is answered. */
void pipeline_client_gone(txn *t)
{
    if (!t->answered) {
        t->client_gone = true;
        if (steps[t->step].abandon != NULL) {
            steps[t->step].abandon(t);
        }
        pipeline_end(t, NULL);
    }
}

txn *pipeline_open(worker *w, tenure *of, const listener *l)
{
    txn *t = txn_open(w, of, pipeline_run);
    txn_set_listener(t, l);
    return t;
}

void pipeline_setup(void)
{
    tally_setup();
    count_resolved = counter_register("requests", "resolved", "Requests answered with content");
    count_relayed = counter_register("requests", "relayed", "Requests answered by the next hop");
    count_referral = counter_register("requests", "referral", "Requests answered with a referral");
    count_records = counter_register("requests", "records", "Requests for code records answered");
    count_written = counter_register("requests", "written", "Code records put or removed");
    count_gone =
        counter_register("requests", "client_gone", "Requests whose client went away first");
    for (int code = ERROR_NONE + 1; code < ERROR_MAX; code++) {
        const error_info *info = error_info_of((error_code)code);
        count_problem[code] = counter_register("requests", info->code, info->title);
    }
}
