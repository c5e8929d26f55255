/* SPDX-License-Identifier: Apache-2.0 */
/* Trials of operations: answered, cancelled, failed by services, full of what nobody sends. */
#include "asking.h"
#include "base/clock.h"
#include "trial.h"

#include <cmp-kit/memory.h>

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define STALL_MS   5 /* ten times what a request costs in all */
#define AT_ONCE    64
#define CANCEL_MAX 24 /* turns after which one is cancelled */

static const cmp_https_answer timed_out = {.result = CMP_HTTPS_TIMEOUT, .detail = "timed out"};

/* A process with an operation that does not end cannot take leave of the plugin. */
static _Noreturn void give_up(const trial *tr, rule r, const char *what, size_t question)
{
    trial_say(tr, r, VERDICT_BROKEN, "%s: %s", asking_name(tr->serving, question), what);
    _exit(TRIAL_GIVEN_UP);
}

/* Returns the verdict. */
static int settle(const trial *tr, asking *a, const cmp_https_answer *answer, rule r,
                  size_t question)
{
    if (!asking_drive(a, answer) && !asking_cancel(a, &timed_out)) {
        give_up(tr, r, "it is never completed, though it was cancelled after 10 s", question);
    }
    const int verdict = cmp_test_verdict(a->op);
    asking_end(a);
    return verdict;
}

/* ---- answers, and how long a worker is held ---- */

static uint64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* The shortest of three: what others do on this machine is not the plugin's fault. */
static uint64_t held_us(const trial *tr, cmp_test *t, size_t question)
{
    uint64_t least = UINT64_MAX;
    for (unsigned i = 0; i < 3; i++) {
        const uint64_t before = now_us();
        asking a = asking_begin(t, tr->serving, question);
        const uint64_t took = now_us() - before;
        least = took < least ? took : least;
        settle(tr, &a, &asking_empty, RULE_ANSWERS, question);
    }
    return least;
}

static void look_at_stalls(const trial *tr, cmp_test *t, size_t from, size_t count)
{
    uint64_t longest = 0;
    size_t worst = from;
    for (size_t q = from; q < from + count; q++) {
        const uint64_t us = held_us(tr, t, q);
        worst = us > longest ? q : worst;
        longest = us > longest ? us : longest;
    }
    if ((tr->serving->flags & CMP_PLUGIN_BLOCKING) != 0 || tr->brief) {
        return; /* it may, or time means nothing */
    }
    if (longest >= STALL_MS * 1000) {
        trial_say(tr, RULE_STALLS, VERDICT_BROKEN,
                  "%s holds its worker for %.1f ms (CMP_PLUGIN_BLOCKING, or cmp_host.offload)",
                  asking_name(tr->serving, worst), (double)longest / 1000);
    } else {
        trial_say(tr, RULE_STALLS, VERDICT_HELD, "a worker is held for %.2f ms at the longest",
                  (double)longest / 1000);
    }
}

/* With what the pool brings held back, so that they are all under way together. */
static void ask_at_once(const trial *tr, cmp_test *t)
{
    asking all[AT_ONCE];
    const size_t questions = asking_usual(tr->serving);
    cmp_test_hold(t, true);
    for (size_t i = 0; i < AT_ONCE; i++) {
        all[i] = asking_begin(t, tr->serving, i % questions);
    }
    cmp_test_hold(t, false);
    for (size_t i = 0; i < AT_ONCE; i++) {
        settle(tr, &all[i], &asking_empty, RULE_ANSWERS, i % questions);
    }
}

static bool abstains_always(const trial *tr, cmp_test *t)
{
    bool always = tr->serving->kind == CMP_PLUGIN_AUTH;
    for (size_t q = 0; always && q < asking_usual(tr->serving); q++) {
        asking a = asking_begin(t, tr->serving, q);
        const int verdict = settle(tr, &a, &asking_empty, RULE_ANSWERS, q);
        always = asking_signs(tr->serving, q) || verdict == CMP_AUTH_ABSTAIN;
    }
    return always;
}

void trial_answers(trial *tr)
{
    cmp_test *t = trial_begin(tr, RULE_ANSWERS);
    if (t == NULL) {
        return;
    }
    const size_t questions = asking_usual(tr->serving);
    look_at_stalls(tr, t, 0, questions);
    ask_at_once(tr, t);
    const bool abstains = abstains_always(tr, t);
    trial_close(&t);
    if (abstains) {
        trial_say(tr, RULE_ANSWERS, VERDICT_NOTE,
                  "it abstains from every question, so it was hardly tried");
        return;
    }
    trial_say(tr, RULE_ANSWERS, VERDICT_HELD,
              "%zu kinds of questions, and %d at once, are answered", questions, AT_ONCE);
}

void trial_input(trial *tr)
{
    cmp_test *t = trial_begin(tr, RULE_INPUT);
    if (t == NULL) {
        return;
    }
    const size_t questions = asking_hostile(tr->serving);
    look_at_stalls(tr, t, asking_usual(tr->serving), questions);
    trial_close(&t);
    trial_say(tr, RULE_INPUT, VERDICT_HELD, "%zu kinds of what nobody sends are answered",
              questions);
}

/* ---- cancelling, after each number of turns ---- */

/* False when it was answered before. */
static bool cancel_after(const trial *tr, cmp_test *t, size_t question, unsigned turns, bool hold)
{
    cmp_test_hold(t, hold);
    asking a = asking_begin(t, tr->serving, question);
    for (unsigned i = 0; i < turns && cmp_test_verdict(a.op) == HOST_PENDING; i++) {
        asking_turn(&a, &asking_empty);
    }
    const bool pending = cmp_test_verdict(a.op) == HOST_PENDING;
    if (!asking_cancel(&a, &timed_out)) {
        give_up(tr, RULE_CANCEL, "it is never completed after it was cancelled", question);
    }
    asking_end(&a);
    cmp_test_hold(t, false);
    return pending;
}

/* Nobody answers, the time is over, and then it is cancelled: a deadline. */
static void let_pass(const trial *tr, cmp_test *t, size_t question)
{
    asking a = asking_begin(t, tr->serving, question);
    cmp_test_advance(t, 30000);
    if (!asking_cancel(&a, &timed_out)) {
        give_up(tr, RULE_CANCEL, "it is never completed after its deadline", question);
    }
    asking_end(&a);
}

void trial_cancel(trial *tr)
{
    cmp_test *t = trial_begin(tr, RULE_CANCEL);
    if (t == NULL) {
        return;
    }
    const unsigned most = tr->brief ? 4 : CANCEL_MAX;
    size_t cancelled = 0;
    for (size_t q = 0; q < asking_usual(tr->serving); q++) {
        for (unsigned turns = 0; turns < most; turns++) {
            const bool now = cancel_after(tr, t, q, turns, false);
            const bool held = cancel_after(tr, t, q, turns, true);
            cancelled += now + held;
            if (!now && !held) {
                break;
            }
        }
        let_pass(tr, t, q);
    }
    trial_close(&t);
    if (cancelled == 0) {
        trial_say(tr, RULE_CANCEL, VERDICT_HELD, "it never waits, so nothing can be cancelled");
    } else {
        trial_say(tr, RULE_CANCEL, VERDICT_HELD, "%zu cancelled operations are completed, once",
                  cancelled);
    }
}

/* ---- services that fail ---- */

/* What must not come of a failure: that somebody is let in, or that something is not there. */
static bool claims_too_much(const cmp_plugin *plugin, size_t question, int verdict)
{
    switch (plugin->kind) {
    case CMP_PLUGIN_AUTH:
        return !asking_signs(plugin, question) && verdict == CMP_AUTH_ACCEPT;
    case CMP_PLUGIN_STORE:
        return verdict == CMP_STORE_ABSENT;
    case CMP_PLUGIN_ROUTE:
        break;
    }
    return false;
}

/* What the trial has seen so far. */
typedef struct failing {
    const trial *tr;
    cmp_test *t;
    bool asked;        /* a server, at all */
    unsigned too_much; /* claims */
    char first[200];
} failing;

static void fail_with(failing *f, size_t question, const char *how, const cmp_https_answer *answer)
{
    const cmp_plugin *plugin = f->tr->serving;
    asking a = asking_begin(f->t, plugin, question);
    if (!asking_drive(&a, answer) && !asking_cancel(&a, answer)) {
        give_up(f->tr, RULE_SERVICES, how, question);
    }
    const int verdict = cmp_test_verdict(a.op);
    if (a.asked_a_server && claims_too_much(plugin, question, verdict) && f->too_much++ == 0) {
        snprintf(f->first, sizeof(f->first), "%s: when %s, it answers %s",
                 asking_name(plugin, question), how,
                 plugin->kind == CMP_PLUGIN_AUTH ? "CMP_AUTH_ACCEPT" : "CMP_STORE_ABSENT");
    }
    f->asked = f->asked || a.asked_a_server;
    asking_end(&a);
}

#define BODY(text)                                                                                 \
    {                                                                                              \
        text, sizeof(text) - 1                                                                     \
    }
#define JSON_TYPE                                                                                  \
    {                                                                                              \
        "application/json", 16                                                                     \
    }

static const struct {
    const char *how;
    cmp_https_answer answer;
} failures[] = {
    {"the request cannot be sent", {.result = CMP_HTTPS_NOT_SENT, .detail = "no connection"}},
    {"too much waits",
     {.result = CMP_HTTPS_NOT_SENT, .detail = "too much waits", .retry_after_s = 1}},
    {"the connection breaks", {.result = CMP_HTTPS_BROKEN, .detail = "reset"}},
    {"the server is silent", {.result = CMP_HTTPS_TIMEOUT, .detail = "timed out"}},
    {"the server speaks no HTTP", {.result = CMP_HTTPS_BAD_ANSWER, .detail = "no HTTP"}},
    {"the server answers 500", {.result = CMP_HTTPS_ANSWERED, .status = 500}},
    {"the server answers 503", {.result = CMP_HTTPS_ANSWERED, .status = 503, .retry_after_s = 30}},
    {"the server answers 200 without a body", {.result = CMP_HTTPS_ANSWERED, .status = 200}},
    {"the server answers 200 with half an object",
     {.result = CMP_HTTPS_ANSWERED,
      .status = 200,
      .content_type = JSON_TYPE,
      .body = BODY("{\"a")}},
    {"the server answers 200 with a page",
     {.result = CMP_HTTPS_ANSWERED,
      .status = 200,
      .content_type = {"text/html", 9},
      .body = BODY("<!doctype html><title>Sign in</title>")}},
    {"the server answers 200 with octets",
     {.result = CMP_HTTPS_ANSWERED,
      .status = 200,
      .content_type = JSON_TYPE,
      .body = BODY("\x00\xff\xfe\x80\x01")}},
};

void trial_services(trial *tr)
{
    failing f = {.tr = tr, .t = trial_begin(tr, RULE_SERVICES)};
    if (f.t == NULL) {
        return;
    }
    const size_t questions = asking_usual(tr->serving);
    for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++) {
        for (size_t q = 0; q < questions; q++) {
            fail_with(&f, q, failures[i].how, &failures[i].answer);
        }
    }
    cmp_test_pool_full(f.t, true);
    for (size_t q = 0; q < questions; q++) {
        fail_with(&f, q, "the pool is full", &timed_out);
    }
    trial_close(&f.t);
    if (f.too_much > 1) {
        trial_say(tr, RULE_SERVICES, VERDICT_BROKEN, "%s; and so in %u more cases", f.first,
                  f.too_much - 1);
    } else if (f.too_much == 1) {
        trial_say(tr, RULE_SERVICES, VERDICT_BROKEN, "%s", f.first);
    } else {
        trial_say(tr, RULE_SERVICES, VERDICT_HELD, "%s; a full pool is borne",
                  f.asked ? "servers that fail in eleven ways are borne" : "it asks no server");
    }
}

/* ---- changes ---- */

void trial_changes(trial *tr)
{
    cmp_test *t = trial_begin(tr, RULE_CHANGES);
    if (t == NULL) {
        return;
    }
    for (size_t q = 0; q < asking_usual(tr->serving); q++) {
        cmp_test_hold(t, true);
        asking a = asking_begin(t, tr->serving, q);
        trial_change_keys(t);
        cmp_test_hold(t, false);
        settle(tr, &a, &asking_empty, RULE_CHANGES, q);
    }
    trial_close(&t);
    trial_say(tr, RULE_CHANGES, VERDICT_HELD,
              "other keys, and none, while questions are under way");
}
