/* SPDX-License-Identifier: Apache-2.0 */
/* See said.h. */
#include "pipeline/said.h"

#include "base/log_limit.h"
#include "observe/counters.h"

#include <stdio.h>

static log_limit mistakes = {
    .level = CMP_LOG_ERROR,
    .what = "bad answers",
    .each = LOG_EACH_FEW,
    .all = LOG_ALL_TOGETHER,
};

static bool verify_good(int verdict, const operation_answer *answer, char *fault)
{
    return answer_check_verify(verdict, &answer->auth, fault);
}

static bool sign_good(int verdict, const operation_answer *answer, char *fault)
{
    return answer_check_sign(verdict, &answer->signature, fault);
}

static bool lookup_good(int verdict, const operation_answer *answer, char *fault)
{
    return answer_check_lookup(verdict, &answer->record, fault);
}

static bool route_good(int verdict, const operation_answer *answer, char *fault)
{
    return answer_check_route(verdict, &answer->route, fault);
}

bool said_answer(const operation *what, int verdict, const operation_answer *answer,
                 char fault[SAID_FAULT_MAX])
{
    static bool (*const good[])(int verdict, const operation_answer *answer, char *fault) = {
        [RUNNING_VERIFY] = verify_good,
        [RUNNING_SIGN] = sign_good,
        [RUNNING_LOOKUP] = lookup_good,
        [RUNNING_ROUTE] = route_good,
    };
    if (verdict <= OPERATION_PENDING || verdict > what->last) {
        snprintf(fault, SAID_FAULT_MAX, "verdict: %d is none", verdict);
        return false;
    }
    return good[what->function](verdict, answer, fault);
}

void said_wrong(const instance *i, const char *what, const char *fault)
{
    counter_add(i->bad_answers, 1);
    log_limited(&mistakes, cmp_str_from(i->name), what, NULL, 0, "%s: %s", what, fault);
}
