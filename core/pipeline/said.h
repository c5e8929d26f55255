/* SPDX-License-Identifier: Apache-2.0 */
/* What plugins say is checked here, once: nothing behind this looks at an answer that is not what
 * its verdict promises (SPEC 2, 3 and 6 say what that is).
 *
 * A mistake costs the plugin's own request. It is named with the instance, what was asked of it,
 * and the field; and counted as bad_answers. */
#pragma once

#include "plugin/answer_check.h"
#include "plugin/operation.h"

/* Octets for the field and what is wrong with it. */
#define SAID_FAULT_MAX ANSWER_FAULT_MAX

/* Whether a verdict, PENDING excepted, and what comes with it are good. Otherwise false, with
 * `fault` filled. */
CMP_MUST_USE bool said_answer(const operation *what, int verdict, const operation_answer *answer,
                              char fault[SAID_FAULT_MAX]);

/* Counts a mistake, and writes a line about it: `what` was said. */
void said_wrong(const instance *i, const char *what, const char *fault);
