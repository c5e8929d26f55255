/* SPDX-License-Identifier: Apache-2.0 */
/* A trial: one kind of use that a plugin gets, in a process of its own, by libcmp-test's host. */
#pragma once

#include "asking.h"
#include "findings.h"
#include "test/test.h"

typedef struct trial {
    const cmp_plugin *plugin;   /* as the file exports it */
    const cmp_plugin *serving;  /* what serves the instance of trial_open, as long as it is open */
    const char *folder;         /* where that is */
    const char *options;        /* YAML text; NULL: none */
    const char *options_folder; /* where relative paths in it begin */
    bool brief;                 /* a checker of memory makes everything slow: a few rounds do */
    bool may_write;             /* the store's codes may be changed, and are left as they were */
    FILE *to;                   /* what is found: a line each */
} trial;

/* X(function, word, rule that is broken when the process dies). Checking comes before what a start
 * makes is there. */
#define TRIALS(X)                                                                                  \
    X(trial_checking, "checking", RULE_CHECKING)                                                   \
    X(trial_options, "options", RULE_OPTIONS)                                                      \
    X(trial_life, "life", RULE_LIFE)                                                               \
    X(trial_answers, "answers", RULE_ANSWERS)                                                      \
    X(trial_cancel, "cancel", RULE_CANCEL)                                                         \
    X(trial_services, "services", RULE_SERVICES)                                                   \
    X(trial_input, "input", RULE_INPUT)                                                            \
    X(trial_changes, "changes", RULE_CHANGES)                                                      \
    X(trial_workers, "workers", RULE_WORKERS)                                                      \
    X(trial_writes, "writes", RULE_WRITES)

#define X(function, word, rule) void function(trial *tr);
TRIALS(X)
#undef X

#define STALL_MS 5 /* ten times what a request costs in all */

/* The exit status of a trial that was given up after it had said why. */
#define TRIAL_GIVEN_UP 98

/* Says what was found, to the process that looks at all trials. */
void trial_say(const trial *tr, rule r, finding_verdict v, const char *format, ...)
    CMP_PRINTF(4, 5);

/* Says which minor of the ABI the plugin needs for what it has called, when its tables would do
 * with an older one than it was built for. After it was asked. */
void trial_say_minor(const trial *tr, const cmp_test *t);

/* A host with peers b and registry, keys of b, and an instance; NULL when the options are refused.
 * End it with trial_close. */
cmp_test *trial_open(trial *tr, cmp_purpose purpose);

/* The same for a run; NULL after it has said of the rule that it could not be looked at, and why:
 * options that trial_options has seen taken are refused now. */
cmp_test *trial_begin(trial *tr, rule r);

void trial_close(cmp_test **t);

/* Says that a question is never completed, and when, and ends the process: it could not take leave
 * of the plugin. */
_Noreturn void trial_give_up(const trial *tr, rule r, const asking *a, const char *when);

/* Drives a question to its answer, cancels it if there is none, and ends it. Returns its verdict;
 * gives up when it is never completed. */
int trial_settle(const trial *tr, asking *a, const cmp_https_answer *answer, rule r);

/* Cancels a question if it is pending, and ends it; gives up when it is never completed, which is
 * said with `when` that was. */
void trial_cancel_one(const trial *tr, asking *a, const char *when);

/* Shows other keys, and then those from before. */
void trial_change_keys(cmp_test *t);
