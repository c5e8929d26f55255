/* SPDX-License-Identifier: Apache-2.0 */
/* See figures.h. */
#include "plugin/figures.h"

#include "observe/counters.h"

#include <stdio.h>

#define OWNER_SIZE 96

/* In microseconds: a database next door answers within the first ones, 3 s is the usual deadline.
 */
static const int64_t bounds[] = {500,    1000,   2500,   5000,    10000,  25000,
                                 100000, 250000, 500000, 1000000, 2500000};

/* Behind RUNNING_VERIFY. */
enum { VERIFY, SIGN, LOOKUP, ROUTE, OPERATIONS };
_Static_assert(RUNNING_SIGN - RUNNING_VERIFY == SIGN && RUNNING_LOOKUP - RUNNING_VERIFY == LOOKUP &&
                   FIGURES_OPERATIONS == OPERATIONS,
               "they are numbered from verify on");

/* The words for the verdicts of each; the first, PENDING, is none. */
static const struct {
    cmp_plugin_kind kind;
    const char *verdicts[FIGURES_VERDICTS];
} operations[FIGURES_OPERATIONS] = {
    [VERIFY] = {CMP_PLUGIN_AUTH,
                {[CMP_AUTH_ACCEPT] = "accept",
                 [CMP_AUTH_REJECT] = "reject",
                 [CMP_AUTH_ABSTAIN] = "abstain",
                 [CMP_AUTH_UNAVAILABLE] = "unavailable"}},
    [SIGN] = {CMP_PLUGIN_AUTH,
              {[CMP_SIGN_DONE] = "done",
               [CMP_SIGN_NO_KEY] = "no_key",
               [CMP_SIGN_UNAVAILABLE] = "unavailable"}},
    [LOOKUP] = {CMP_PLUGIN_STORE,
                {[CMP_STORE_FOUND] = "found",
                 [CMP_STORE_ABSENT] = "absent",
                 [CMP_STORE_UNAVAILABLE] = "unavailable"}},
    [ROUTE] = {CMP_PLUGIN_ROUTE,
               {[CMP_ROUTE_DECLINE] = "decline",
                [CMP_ROUTE_REFUSE] = "refuse",
                [CMP_ROUTE_UNAVAILABLE] = "unavailable",
                [CMP_ROUTE_FORWARD] = "forward",
                [CMP_ROUTE_REFERRAL] = "referral",
                [CMP_ROUTE_ANSWER] = "answer"}},
};

static void owner_of(const char *instance, char owner[OWNER_SIZE])
{
    snprintf(owner, OWNER_SIZE, "instance:%s", instance);
}

static void register_answers(figures *f, const char *owner, cmp_plugin_kind kind)
{
    for (int at = 0; at < FIGURES_OPERATIONS; at++) {
        for (int v = 0; v < FIGURES_VERDICTS; v++) {
            const char *verdict = operations[at].verdicts[v];
            char name[64];
            f->answers[at][v] = COUNTERS_MAX; /* counts nowhere */
            if (verdict != NULL && operations[at].kind == kind) {
                snprintf(name, sizeof(name), "%s_%s", running_words[RUNNING_VERIFY + at], verdict);
                f->answers[at][v] = counter_register(owner, name, "answers that said so");
            }
        }
    }
}

void figures_begin(figures *f, const char *instance, const cmp_plugin *plugin)
{
    char owner[OWNER_SIZE];
    owner_of(instance, owner);
    owner_enter(instance, OWNER_INSTANCE, plugin->name);
    owner_enter(owner, OWNER_ABOUT, plugin->name);
    f->calls = counter_register(owner, "calls", "operations that a plugin was asked for");
    register_answers(f, owner, plugin->kind);
    f->late = counter_register(owner, "late_answers", "answers for which nobody waited any more");
    f->took_us = histogram_register(owner, "answer_duration_us",
                                    "how long answers took that did not come at once", bounds,
                                    sizeof(bounds) / sizeof(bounds[0]));
}

unsigned figures_counter(const char *instance, const char *name, const char *help)
{
    char owner[OWNER_SIZE];
    owner_of(instance, owner);
    return counter_register(owner, name, help);
}

uint64_t figures_unavailable(const figures *f)
{
    static const unsigned char verdicts[FIGURES_OPERATIONS] = {[VERIFY] = CMP_AUTH_UNAVAILABLE,
                                                               [SIGN] = CMP_SIGN_UNAVAILABLE,
                                                               [LOOKUP] = CMP_STORE_UNAVAILABLE,
                                                               [ROUTE] = CMP_ROUTE_UNAVAILABLE};
    uint64_t sum = 0;
    for (int at = 0; at < FIGURES_OPERATIONS; at++) {
        const unsigned id = f->answers[at][verdicts[at]];
        sum += id < COUNTERS_MAX ? counter_read(id) : 0;
    }
    return sum;
}

void figures_end(const char *instance, const char *plugin)
{
    char owner[OWNER_SIZE];
    owner_of(instance, owner);
    owner_leave(owner, plugin);
    owner_leave(instance, plugin);
}
