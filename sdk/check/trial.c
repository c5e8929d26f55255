/* SPDX-License-Identifier: Apache-2.0 */
/* See trial.h: what all trials have in common. */
#include "trial.h"

#include <stdarg.h>
#include <unistd.h>

static void show_keys(cmp_test *t)
{
    const cmp_key keys[] = {asking_key(ASKING_KEY, CMP_KEY_ISSUED),
                            asking_key("from-b", CMP_KEY_RECEIVED)};
    cmp_test_keys(t, keys, 2);
}

void trial_change_keys(cmp_test *t)
{
    const cmp_key other = asking_key("another", CMP_KEY_ISSUED);
    cmp_test_keys(t, &other, 1);
    cmp_test_keys(t, NULL, 0);
    show_keys(t);
}

static void show_peers(cmp_test *t)
{
    static const char *const prefixes[] = {"2B001"};
    const cmp_peer peers[] = {{.name = CMP_STR("b"),
                               .host = CMP_STR("b.example.net"),
                               .prefixes = prefixes,
                               .prefix_count = 1},
                              {.name = CMP_STR("registry"), .host = CMP_STR("mcr.example.net")}};
    cmp_test_peers(t, peers, 2);
}

static bool make(trial *tr, cmp_purpose purpose, cmp_test **made)
{
    cmp_test *t = *made = cmp_test_create();
    show_peers(t);
    show_keys(t);
    cmp_test_purpose(t, purpose);
    cmp_test_folder(t, tr->options_folder);
    const bool good = cmp_test_open(t, tr->plugin, tr->options);
    tr->serving = good ? t->host->plugin : tr->plugin;
    return good;
}

cmp_test *trial_open(trial *tr, cmp_purpose purpose)
{
    cmp_test *t;
    if (!make(tr, purpose, &t)) {
        trial_close(&t);
    }
    return t;
}

cmp_test *trial_begin(trial *tr, rule r)
{
    cmp_test *t;
    if (!make(tr, CMP_PURPOSE_RUN, &t)) {
        trial_say(tr, r, VERDICT_NOT_SEEN, "the same options are refused now: %s",
                  cmp_test_report(t));
        trial_close(&t);
    }
    return t;
}

void trial_close(cmp_test **t)
{
    cmp_test_close(*t);
    asking_forget_log(*t);
    cmp_test_destroy(t);
}

/* One write, so that a line is whole whatever comes after it; what a plugin says stays on one. */
void trial_say(const trial *tr, rule r, finding_verdict v, const char *format, ...)
{
    char text[1024], line[1100];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    for (char *at = text; *at != '\0'; at++) {
        *at = *at == '\n' ? ' ' : *at;
    }
    const int size = snprintf(line, sizeof(line), "%u %u %s\n", (unsigned)r, (unsigned)v, text);
    fwrite(line, 1, (size_t)size, tr->to);
    fflush(tr->to);
}

/* ---- to the end of a question ---- */

static const cmp_https_answer timed_out = {.result = CMP_HTTPS_TIMEOUT, .detail = "timed out"};

void trial_give_up(const trial *tr, rule r, const asking *a, const char *when)
{
    trial_say(tr, r, VERDICT_BROKEN, "%s: it is never completed %s", a->name, when);
    _exit(TRIAL_GIVEN_UP);
}

int trial_settle(const trial *tr, asking *a, const cmp_https_answer *answer, rule r)
{
    if (!asking_drive(a, answer) && !asking_cancel(a, &timed_out)) {
        trial_give_up(tr, r, a, "in 10 s, nor when it is cancelled then");
    }
    const int verdict = cmp_test_verdict(a->op);
    asking_end(a);
    return verdict;
}

void trial_cancel_one(const trial *tr, asking *a, const char *when)
{
    if (!asking_cancel(a, &timed_out)) {
        trial_give_up(tr, RULE_CANCEL, a, when);
    }
    asking_end(a);
}

/* ---- options ---- */

void trial_options(trial *tr)
{
    cmp_test *t;
    if (make(tr, CMP_PURPOSE_RUN, &t)) {
        trial_say(tr, RULE_OPTIONS, VERDICT_HELD, "an instance is made%s",
                  tr->options != NULL ? " of those options" : ", without options");
    } else if (cmp_test_report_count(t) == 0 || cmp_test_reported(t, "did not say why")) {
        trial_say(tr, RULE_OPTIONS, VERDICT_BROKEN, "no instance is made, and no reason reported");
    } else {
        trial_say(tr, RULE_OPTIONS, VERDICT_NOT_SEEN, "%s: %s",
                  tr->options != NULL ? "those options are refused, so it was not run"
                                      : "it was not run, as it wants options (--options FILE)",
                  cmp_test_report(t));
    }
    trial_close(&t);
}
