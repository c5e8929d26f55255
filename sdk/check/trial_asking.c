/* SPDX-License-Identifier: Apache-2.0 */
/* Trials of operations: answered, cancelled, full of what nobody sends, with keys that change. */
#include "asking.h"
#include "trial.h"

#define AT_ONCE    64
#define CANCEL_MAX 24 /* turns after which one is cancelled */

/* ---- how long a worker is held ---- */

static int64_t held_by_answer_us(const trial *tr, cmp_test *t, size_t question)
{
    asking a = asking_begin(t, tr->serving, question);
    trial_settle(tr, &a, &asking_empty, RULE_ANSWERS);
    return a.held_us;
}

static int64_t held_by_cancel_us(const trial *tr, cmp_test *t, size_t question)
{
    asking a = asking_begin(t, tr->serving, question);
    a.held_us = 0;
    trial_cancel_one(tr, &a, "after it was cancelled");
    return a.held_us;
}

typedef struct stall_look {
    int64_t (*held_us)(const trial *tr, cmp_test *t, size_t question);
    const char *question, *all; /* what is put after a question's name, and after all of them */
} stall_look;

static const stall_look answered = {held_by_answer_us, "", ""},
                        cancelled = {held_by_cancel_us, ", cancelled,", " by what is cancelled"};

/* The shortest of three: what others do on this machine is not the plugin's fault. */
static int64_t least_us(const trial *tr, cmp_test *t, const stall_look *look, size_t question)
{
    int64_t least = INT64_MAX;
    for (unsigned i = 0; i < (tr->brief ? 1 : 3); i++) {
        const int64_t us = look->held_us(tr, t, question);
        least = us < least ? us : least;
    }
    return least;
}

static void look_at_stalls(const trial *tr, cmp_test *t, const stall_look *look, size_t from,
                           size_t count)
{
    int64_t longest = 0;
    size_t worst = from;
    for (size_t q = from; q < from + count; q++) {
        const int64_t us = least_us(tr, t, look, q);
        worst = us > longest ? q : worst;
        longest = us > longest ? us : longest;
    }
    if ((tr->serving->flags & CMP_PLUGIN_BLOCKING) != 0 || tr->brief) {
        return; /* it may, or time means nothing */
    }
    if (longest >= STALL_MS * 1000) {
        char name[ASKING_NAME_SIZE];
        asking_name(tr->serving, worst, name);
        trial_say(tr, RULE_STALLS, VERDICT_BROKEN,
                  "%s%s holds its worker for %.1f ms (CMP_PLUGIN_BLOCKING, or cmp_host.offload)",
                  name, look->question, (double)longest / 1000);
    } else {
        trial_say(tr, RULE_STALLS, VERDICT_HELD, "a worker is held for %.2f ms at the longest%s",
                  (double)longest / 1000, look->all);
    }
}

/* ---- answers ---- */

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
        trial_settle(tr, &all[i], &asking_empty, RULE_ANSWERS);
    }
}

/* Why it was hardly tried: there is nothing else that it ever says. NULL: there is. */
static const char *says_nothing(const trial *tr, cmp_test *t)
{
    static const int unavailable[] = {[CMP_PLUGIN_AUTH] = CMP_AUTH_UNAVAILABLE,
                                      [CMP_PLUGIN_STORE] = CMP_STORE_UNAVAILABLE,
                                      [CMP_PLUGIN_ROUTE] = CMP_ROUTE_UNAVAILABLE};
    const cmp_plugin_kind kind = tr->serving->kind;
    bool abstains = kind == CMP_PLUGIN_AUTH, cannot_tell = true;
    for (size_t q = 0; q < asking_usual(tr->serving); q++) {
        asking a = asking_begin(t, tr->serving, q);
        const int verdict = trial_settle(tr, &a, &asking_empty, RULE_ANSWERS);
        if (!asking_signs(tr->serving, q)) {
            abstains = abstains && verdict == CMP_AUTH_ABSTAIN;
            cannot_tell = cannot_tell && verdict == unavailable[kind];
        }
    }
    return abstains      ? "it abstains from every question, so it was hardly tried"
           : cannot_tell ? "it cannot tell, whatever it is asked, so it was hardly tried"
                         : NULL;
}

void trial_answers(trial *tr)
{
    cmp_test *t = trial_begin(tr, RULE_ANSWERS);
    if (t == NULL) {
        return;
    }
    const size_t questions = asking_usual(tr->serving);
    look_at_stalls(tr, t, &answered, 0, questions);
    ask_at_once(tr, t);
    const char *hardly = says_nothing(tr, t);
    trial_say_minor(tr, t);
    trial_close(&t);
    if (hardly != NULL) {
        trial_say(tr, RULE_ANSWERS, VERDICT_NOTE, "%s", hardly);
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
    look_at_stalls(tr, t, &answered, asking_usual(tr->serving), questions);
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
    trial_cancel_one(tr, &a, "after it was cancelled");
    cmp_test_hold(t, false);
    return pending;
}

/* Nobody answers, the time is over, and then it is cancelled: a deadline. */
static void let_pass(const trial *tr, cmp_test *t, size_t question)
{
    asking a = asking_begin(t, tr->serving, question);
    cmp_test_advance(t, 30000);
    trial_cancel_one(tr, &a, "after its deadline");
}

void trial_cancel(trial *tr)
{
    cmp_test *t = trial_begin(tr, RULE_CANCEL);
    if (t == NULL) {
        return;
    }
    const unsigned most = tr->brief ? 4 : CANCEL_MAX;
    const size_t questions = asking_usual(tr->serving);
    size_t pending = 0;
    look_at_stalls(tr, t, &cancelled, 0, questions);
    for (size_t q = 0; q < questions; q++) {
        for (unsigned turns = 0; turns < most; turns++) {
            const bool now = cancel_after(tr, t, q, turns, false);
            const bool held = cancel_after(tr, t, q, turns, true);
            pending += now + held;
            if (!now && !held) {
                break;
            }
        }
        let_pass(tr, t, q);
    }
    trial_close(&t);
    if (pending == 0) {
        trial_say(tr, RULE_CANCEL, VERDICT_HELD, "it never waits, so nothing can be cancelled");
    } else {
        trial_say(tr, RULE_CANCEL, VERDICT_HELD, "%zu cancelled operations are completed, once",
                  pending);
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
        trial_settle(tr, &a, &asking_empty, RULE_CHANGES);
    }
    trial_close(&t);
    trial_say(tr, RULE_CHANGES, VERDICT_HELD,
              "other keys, and none, while questions are under way");
}
